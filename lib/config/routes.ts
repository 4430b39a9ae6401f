/** What the key of an object means: whose job it is, or why it is none, and where the results go. */
import { matchesGlob } from './glob.ts';
import type { Config, Route } from './types.ts';

/** Names that end so are results, never inputs. */
export const reservedSuffixes = ['.rejects.csv', '.summary.json', '.error.json'] as const;
export type ReservedSuffix = (typeof reservedSuffixes)[number];

/** `ignored`: one log line. `reserved` and `no-route`: the job fails with `input.reserved-name` or `input.no-route`. */
export type KeyMeaning =
  | { readonly kind: 'job'; readonly route: Route; readonly outputKey: string }
  | { readonly kind: 'ignored'; readonly reason: 'folder' | 'hidden' | 'no-match' }
  | { readonly kind: 'reserved'; readonly route: Route; readonly suffix: ReservedSuffix }
  | { readonly kind: 'no-route' };

/** The route under whose `input` prefix `key` lies, the longest prefix first; undefined when there is none. */
export function findRoute(config: Pick<Config, 'routes'>, key: string): Route | undefined {
  return config.routes
    .filter((route) => key.startsWith(route.input))
    .reduce<Route | undefined>(
      (longest, route) => (longest === undefined || route.input.length > longest.input.length ? route : longest),
      undefined,
    );
}

/** The same key with `output/` in place of `input/`. `key` begins with `input/`. */
export function outputKey(key: string): string {
  return `output/${key.slice('input/'.length)}`;
}

/** What `key` (decoded, as the bucket has it) means. Names in capitals match too; reserved suffixes are exact. */
export function readKey(config: Pick<Config, 'routes'>, key: string): KeyMeaning {
  if (key.endsWith('/')) return { kind: 'ignored', reason: 'folder' };
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (name.startsWith('.') || name.startsWith('_')) return { kind: 'ignored', reason: 'hidden' };
  const route = findRoute(config, key);
  if (route === undefined) return { kind: 'no-route' };
  const suffix = reservedSuffixes.find((reserved) => name.endsWith(reserved));
  if (suffix !== undefined) return { kind: 'reserved', route, suffix };
  if (!isJobName(route, name)) return { kind: 'ignored', reason: 'no-match' };
  return { kind: 'job', route, outputKey: outputKey(key) };
}

/** Whether a file name is one of the route's `match`, as it is or with `.gz` or `.zst` behind it. */
export function isJobName(route: Pick<Route, 'match'>, name: string): boolean {
  const plain = name.replace(/\.(gz|zst)$/i, '');
  return route.match.some((pattern) => matchesGlob(pattern, name) || matchesGlob(pattern, plain));
}
