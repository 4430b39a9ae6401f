/**
 * UTF-16 is scanned as UTF-8, and every byte of it can be had back. What is no valid UTF-16 becomes what is no valid UTF-8:
 * a lone surrogate its three bytes in WTF-8 (https://simonsapin.github.io/wtf-8/, 2026-11-23), an odd byte at the end of the file
 * three bytes that begin with 0xFF.
 */
import { Buffer, isUtf8 } from 'node:buffer';

export type Utf16 = 'utf-16le' | 'utf-16be';

const oddByteMark = 0xff;

export function isUtf16(encoding: string): encoding is Utf16 {
  return encoding === 'utf-16le' || encoding === 'utf-16be';
}

/** How many bytes `transcoded[start .. end)` has in UTF-16. */
export function utf16ByteLength(transcoded: Buffer, start: number, end: number): number {
  let length = 0;
  for (let index = start; index < end; index++) {
    const byte = transcoded[index]!;
    if (byte < 0x80) length += 2;
    else if (byte === oddByteMark) length += 1;
    else if (byte >= 0xf0) length += 4;
    else if (byte >= 0xc0) length += 2;
  }
  return length;
}

export interface Utf16Transcoder {
  push(chunk: Buffer): Buffer;
  end(): Buffer;
}

/** From UTF-16 without its BOM. Chunks may end anywhere, also inside a character. */
export function makeUtf16Transcoder(encoding: Utf16): Utf16Transcoder {
  let rest = Buffer.alloc(0);
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let end = bytes.length & ~1;
      if (end > 0 && isHighSurrogate(unitAt(bytes, end - 2, encoding))) end -= 2;
      rest = Buffer.from(bytes.subarray(end));
      return transcode(bytes.subarray(0, end), encoding);
    },
    end() {
      const whole = transcode(rest.subarray(0, rest.length & ~1), encoding);
      if (rest.length % 2 === 0) return whole;
      const odd = rest[rest.length - 1]!;
      return Buffer.concat([whole, Buffer.from([oddByteMark, 0x80 | (odd >> 4), 0x80 | (odd & 0x0f)])]);
    },
  };
}

/** The way back: the bytes that `transcoded` was made from. */
export function encodeUtf16(transcoded: Buffer, encoding: Utf16): Buffer {
  if (isUtf8(transcoded)) {
    const bytes = Buffer.from(transcoded.toString('utf8'), 'utf16le');
    return encoding === 'utf-16be' ? bytes.swap16() : bytes;
  }
  const pieces: Buffer[] = [];
  let from = 0;
  for (let index = 0; index < transcoded.length; ) {
    const length = sequenceLength(transcoded, index);
    if (length === 1 || isUtf8(transcoded.subarray(index, index + length))) {
      index += length;
      continue;
    }
    if (index > from) pieces.push(encodeUtf16(transcoded.subarray(from, index), encoding));
    pieces.push(invalidUtf16(transcoded, index, encoding));
    index += length;
    from = index;
  }
  if (from < transcoded.length) pieces.push(encodeUtf16(transcoded.subarray(from), encoding));
  return Buffer.concat(pieces);
}

function sequenceLength(transcoded: Buffer, index: number): number {
  const byte = transcoded[index]!;
  if (byte < 0x80) return 1;
  if (byte < 0xe0) return 2;
  return byte >= 0xf0 && byte !== oddByteMark ? 4 : 3;
}

/** The bytes of a lone surrogate or of an odd byte at the end. */
function invalidUtf16(transcoded: Buffer, index: number, encoding: Utf16): Buffer {
  const [lead, second, third] = [transcoded[index]!, transcoded[index + 1]!, transcoded[index + 2]!];
  if (lead === oddByteMark) return Buffer.from([((second & 0x0f) << 4) | (third & 0x0f)]);
  const unit = ((lead & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
  return Buffer.from(encoding === 'utf-16be' ? [unit >> 8, unit & 0xff] : [unit & 0xff, unit >> 8]);
}

/** `bytes` holds whole units and does not end in the first half of a pair, unless the file does. */
function transcode(bytes: Buffer, encoding: Utf16): Buffer {
  const text = (encoding === 'utf-16be' ? Buffer.from(bytes).swap16() : bytes).toString('utf16le');
  if (text.isWellFormed()) return Buffer.from(text);
  const pieces = text
    .split(/(\p{Surrogate})/u)
    .map((piece) => (piece.length === 1 && !piece.isWellFormed() ? wtf8(piece.charCodeAt(0)) : Buffer.from(piece)));
  return Buffer.concat(pieces);
}

function wtf8(unit: number): Buffer {
  return Buffer.from([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]);
}

function unitAt(bytes: Buffer, index: number, encoding: Utf16): number {
  return encoding === 'utf-16be' ? bytes.readUInt16BE(index) : bytes.readUInt16LE(index);
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}
