/** Keys of the contract whose feature is not built yet. They are refused, never ignored; this table is the only place that says which. */
import { unbuiltKinds } from './endpoint-schema.ts';

interface Unbuilt {
  /** `*` is every index or key. */
  readonly path: readonly string[];
  readonly isUsed: (value: unknown) => boolean;
}

const isStated = (value: unknown): boolean => value !== undefined && value !== null;
const price = ['routes', '*', 'endpoint', 'price'];

export const unbuilt: readonly Unbuilt[] = [
  {
    path: ['routes', '*', 'endpoint', 'kind'],
    isUsed: (kind) => (unbuiltKinds as readonly unknown[]).includes(kind),
  },
  {
    path: ['routes', '*', 'endpoint', 'auth', 'secret'],
    isUsed: (secret) => typeof secret === 'string' && secret.startsWith('secretsmanager:'),
  },
  { path: ['routes', '*', 'limits', 'maxCost'], isUsed: isStated },
  // Where tokens are billed a cost limit is required, and none can be enforced yet.
  { path: [...price, 'perMillionInputTokens'], isUsed: isStated },
  { path: [...price, 'perMillionOutputTokens'], isUsed: isStated },
];

/** Paths in `root` (as read from the file) of everything that is not built yet. */
export function findUnbuilt(root: unknown): (readonly (string | number)[])[] {
  return unbuilt.flatMap(({ path, isUsed }) =>
    valuesAt(root, path)
      .filter(({ value }) => isUsed(value))
      .map((found) => found.path),
  );
}

interface Found {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

function valuesAt(root: unknown, steps: readonly string[], path: Found['path'] = []): Found[] {
  const [step, ...rest] = steps;
  if (step === undefined) return [{ path, value: root }];
  if (typeof root !== 'object' || root === null) return [];
  if (step === '*') {
    return Array.isArray(root) ? root.flatMap((item, index) => valuesAt(item, rest, [...path, index])) : [];
  }
  return Object.hasOwn(root, step) ? valuesAt(Reflect.get(root, step), rest, [...path, step]) : [];
}
