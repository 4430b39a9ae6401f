/** One page of any listing: prefix, delimiter, marker and limit work alike on objects, versions and uploads. */

export interface PageRequest {
  readonly prefix: string;
  /** Empty: none. */
  readonly delimiter: string;
  /** Whether an item, or a common prefix, lies after the marker and is still to be listed. */
  readonly isAfter: (key: string, index: number) => boolean;
  readonly limit: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  /** The last item, or the last common prefix, whichever came later; undefined on an empty page. */
  readonly last: { readonly item: T } | { readonly commonPrefix: string } | undefined;
}

/** `items` are in order. A common prefix counts as one item of the limit. */
export function pageOf<T>(items: readonly T[], keyOf: (item: T) => string, request: PageRequest): Page<T> {
  const found: T[] = [];
  const commonPrefixes: string[] = [];
  let last: Page<T>['last'];
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (!key.startsWith(request.prefix) || !request.isAfter(key, index)) continue;
    const cut = request.delimiter === '' ? -1 : key.indexOf(request.delimiter, request.prefix.length);
    const commonPrefix = cut === -1 ? undefined : key.slice(0, cut + request.delimiter.length);
    if (commonPrefix !== undefined && commonPrefixes.at(-1) === commonPrefix) continue;
    if (found.length + commonPrefixes.length >= request.limit) {
      // A limit of 0 asks for nothing, and gets an untruncated nothing.
      return { items: found, commonPrefixes, isTruncated: request.limit > 0, last };
    }
    if (commonPrefix === undefined) {
      found.push(item);
      last = { item };
    } else {
      commonPrefixes.push(commonPrefix);
      last = { commonPrefix };
    }
  }
  return { items: found, commonPrefixes, isTruncated: false, last };
}

/** Whether `key` lies after `marker` in the order of UTF-8 bytes; keys inside a marker that is itself a common prefix do not. */
export function liesAfter(key: string, marker: string, delimiter: string): boolean {
  if (marker === '') return true;
  if (delimiter !== '' && marker.endsWith(delimiter) && key.startsWith(marker)) return false;
  return Buffer.compare(Buffer.from(key), Buffer.from(marker)) > 0;
}

/** Keys as `encoding-type=url` and event notifications write them: form encoding that leaves slashes. */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/');
}
