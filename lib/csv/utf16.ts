/** Placeholder header, replaced below. */
export function utf16ByteLength(bytes: Buffer, start: number, end: number): number {
  let length = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index]!;
    if (byte < 0x80) length += 2;
    else if (byte === 0xff) length += 1;
    else if (byte >= 0xf0) length += 4;
    else if (byte >= 0xc0) length += 2;
  }
  return length;
}
