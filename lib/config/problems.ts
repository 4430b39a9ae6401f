/** Turns what zod finds into `ConfigProblem`s: a path in the file, what is expected, what kind of thing stands there. Values are not repeated. */
import type { core } from 'zod';
import type { ConfigProblem } from '../errors.ts';

type Issue = core.$ZodIssue;
type Path = readonly PropertyKey[];

/** `routes[0].endpoint.url`; keys that are no plain names are quoted. */
export function formatPath(path: Path): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^[A-Za-z_][\w-]*$/.test(String(step)) ? `.${String(step)}` : `[${JSON.stringify(String(step))}]`;
  });
  return steps.join('').replace(/^\./, '') || '(the file)';
}

/** Everything that `issues` say is wrong with `root`, in the order of the schema. */
export function problemsOf(issues: readonly Issue[], root: unknown, knownKeys: KnownKeys): ConfigProblem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, [], root, knownKeys));
}

/** The keys that the schema knows at a path, for "did you mean". */
export type KnownKeys = (path: Path) => readonly string[];

function problemsOfIssue(issue: Issue, parent: Path, root: unknown, knownKeys: KnownKeys): ConfigProblem[] {
  const path = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    // A mistyped line under auth may have made a key of the secret itself.
    if (path.includes('auth')) return [{ path: formatPath(path), expected: 'known keys', found: 'an unknown key' }];
    return issue.keys.map((key) => ({
      path: formatPath([...path, key]),
      expected: `a known key${suggest(key, knownKeys(path))}`,
      found: 'an unknown key',
    }));
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.filter((branch) => !branch.some(isWrongKind));
    if (meant.length === 1) return meant[0]!.flatMap((inner) => problemsOfIssue(inner, path, root, knownKeys));
  }
  const found = valueAt(root, path);
  return [{ path: formatPath(path), expected: expectation(issue, found), found: describeKind(found, path) }];
}

const isWrongKind = (issue: Issue): boolean =>
  issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function expectation(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type': {
      const hint = issue.expected === 'string' && typeof found === 'number' ? ' (put it in quotes)' : '';
      return (kinds[issue.expected] ?? issue.expected) + hint;
    }
    case 'invalid_value':
      return oneOf(issue.values, found);
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options) ? oneOf(issue.options, found) : issue.message;
    case 'too_small':
      if (issue.origin === 'array') return 'a list that is not empty';
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    default:
      return issue.message;
  }
}

function oneOf(options: readonly unknown[], found: unknown): string {
  const names = options.map((option) => JSON.stringify(option)).join(', ');
  return `${options.length === 1 ? '' : 'one of '}${names}${typeof found === 'string' ? suggest(found, options.map(String)) : ''}`;
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    root,
  );
}

/** The kind of thing that stands at `path`. Numbers are shown, except where a secret may stand. */
export function describeKind(value: unknown, path: Path): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text';
  if (typeof value === 'object') return 'a map';
  return path.includes('auth') ? `a ${typeof value}` : String(value);
}

/** Names the known word that is at most two edits away from `word`. */
function suggest(word: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(word.toLowerCase().slice(0, 40), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= 2 && distance < name.length / 2)
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? '' : ` (did you mean "${near.name}"?)`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
