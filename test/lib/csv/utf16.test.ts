import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeUtf16, makeUtf16Transcoder, type Utf16, utf16ByteLength } from '../../../lib/csv/utf16.ts';
import { chunksOf } from './chunks.ts';

function transcode(bytes: Buffer, encoding: Utf16, sizes: readonly number[]): Buffer {
  const transcoder = makeUtf16Transcoder(encoding);
  const pieces = chunksOf(bytes, sizes).map((chunk) => transcoder.push(chunk));
  return Buffer.concat([...pieces, transcoder.end()]);
}

const encodings: readonly Utf16[] = ['utf-16le', 'utf-16be'];
/** Bytes among which both halves of surrogate pairs are frequent. */
const hostileBytes = fc
  .array(fc.oneof(fc.constantFrom(0xd8, 0xdc, 0xdb, 0xdf, 0x00, 0x0a, 0x2c), fc.nat(255)), { maxLength: 60 })
  .map((bytes) => Buffer.from(bytes));
const anySizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });

describe.each(encodings)('UTF-16 as UTF-8, %s', (encoding) => {
  it('keeps any bytes so that they can be had back, and knows their number', () => {
    fc.assert(
      fc.property(hostileBytes, anySizes, (bytes, sizes) => {
        const transcoded = transcode(bytes, encoding, sizes);

        expect(encodeUtf16(transcoded, encoding).equals(bytes)).toBe(true);
        expect(utf16ByteLength(transcoded, 0, transcoded.length)).toBe(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives the same text as UTF-8 for every well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), anySizes, (text, sizes) => {
        const little = Buffer.from(text, 'utf16le');
        const bytes = encoding === 'utf-16be' ? little.swap16() : little;

        expect(transcode(bytes, encoding, sizes).toString('utf8')).toBe(text);
      }),
    );
  });

  it('makes invalid UTF-8 of a lone surrogate and of an odd byte at the end', () => {
    const lone = Buffer.from('a\ud800b', 'utf16le');
    const odd = Buffer.from('ab', 'utf16le').subarray(0, 3);
    if (encoding === 'utf-16be') lone.swap16();

    expect(isUtf8(transcode(lone, encoding, [2]))).toBe(false);
    expect(isUtf8(transcode(odd, encoding, [2]))).toBe(false);
  });
});
