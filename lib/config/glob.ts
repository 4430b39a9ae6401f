/**
 * File name patterns of `match`: `*` is any run of characters (none included), `?` is one character, everything else is itself.
 * Upper and lower case are the same, because `EXPORT.CSV` is what many programs write.
 */

/** Whether all of `name` matches `pattern`. Takes time proportional to the product of their lengths at worst. */
export function matchesGlob(pattern: string, name: string): boolean {
  const wanted = Array.from(pattern.toLowerCase());
  const found = Array.from(name.toLowerCase());
  let at = 0;
  let inPattern = 0;
  // Where to go on when a later character does not fit: only the latest star ever needs to take more.
  let star = -1;
  let starTook = 0;
  while (at < found.length) {
    const want = wanted[inPattern];
    if (want === '*') {
      star = inPattern++;
      starTook = at;
    } else if (want === '?' || want === found[at]) {
      inPattern += 1;
      at += 1;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++starTook;
    } else {
      return false;
    }
  }
  return wanted.slice(inPattern).every((rest) => rest === '*');
}
