/**
 * Length of the UTF-8 character at `index`, which has to end before `end`: 1 to 4, or 0 when none begins there.
 * Unicode 17.0, table 3-7, https://www.unicode.org/versions/latest/core-spec/chapter-3/ (2026-11-23).
 */
export function utf8SequenceLength(bytes: Buffer, index: number, end: number): number {
  const lead = bytes[index]!;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) === 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length === 0 || index + length > end) return 0;
  const second = bytes[index + 1]!;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return 0;
  for (let at = index + 2; at < index + length; at++) if ((bytes[at]! & 0xc0) !== 0x80) return 0;
  return length;
}
