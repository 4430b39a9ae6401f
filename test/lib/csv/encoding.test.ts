import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeText,
  encodeText,
  isEncodable,
  readBom,
  refuseUnencodable,
  toOwnBytes,
} from '../../../lib/csv/encoding.ts';
import type { Encoding } from '../../../lib/csv/types.ts';
import { hasCode } from '../../../lib/errors.ts';

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

describe('decodeText', () => {
  it.each(['windows-1252', 'iso-8859-15'] as const)('reads %s as the WHATWG decoder does', (encoding) => {
    expect(decodeText(allBytes, 0, 256, encoding)).toBe(new TextDecoder(encoding).decode(allBytes));
  });

  it('reads only the bytes asked for', () => {
    expect(decodeText(Buffer.from('aéb'), 1, 3, 'utf-8')).toBe('é');
    expect(decodeText(Buffer.from('a\x80b', 'latin1'), 1, 2, 'windows-1252')).toBe('€');
  });
});

describe('encodeText', () => {
  it.each<Encoding>(['windows-1252', 'iso-8859-15', 'utf-8', 'utf-16le'])(
    'is read back as the same text in %s, whenever the encoding has its characters',
    (encoding) => {
      fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom(...'aé€ŠšŽžŒœŸ¤¦\x81\x90–"—ÿ🍷Ω') }), (text) => {
          const bytes = encodeText(text, encoding);

          expect(decodeText(bytes, 0, bytes.length, encoding) === text).toBe(isEncodable(text, encoding));
        }),
      );
    },
  );

  it('writes a character that the encoding lacks as its code point', () => {
    expect(encodeText('vin 🍷 €', 'windows-1252').toString('latin1')).toBe('vin \\u{1F377} \x80');
    expect(encodeText('Ω¤', 'iso-8859-15').toString('latin1')).toBe('\\u{3A9}\\u{A4}');
  });
});

describe('refuseUnencodable', () => {
  it('names the configured texts that the encoding lacks, and only those', () => {
    const refuse = () => refuseUnencodable(['à vérifier', 'Ωμέγα'], 'windows-1252');

    expect(refuse).toThrow(/"Ωμέγα"/);
    expect(refuse).not.toThrow(/vérifier/);
    try {
      refuse();
    } catch (error) {
      expect(hasCode(error, 'input.text-unencodable')).toBe(true);
    }
  });

  it('accepts every text in UTF-8 and UTF-16', () => {
    expect(() => refuseUnencodable(['Ωμέγα 🍷'], 'utf-8')).not.toThrow();
    expect(() => refuseUnencodable(['Ωμέγα 🍷'], 'utf-16be')).not.toThrow();
  });
});

describe('readBom', () => {
  it('tells the encoding and its own length', () => {
    expect(readBom(Buffer.from('\ufeffa'))).toEqual({ encoding: 'utf-8', byteLength: 3 });
    expect(readBom(Buffer.from([0xff, 0xfe, 0x61, 0]))).toEqual({ encoding: 'utf-16le', byteLength: 2 });
    expect(readBom(Buffer.from([0xfe, 0xff]))).toEqual({ encoding: 'utf-16be', byteLength: 2 });
    expect(readBom(Buffer.from([0xef, 0xbb]))).toBeUndefined();
    expect(readBom(Buffer.from('abc'))).toBeUndefined();
  });
});

describe('toOwnBytes', () => {
  it('changes UTF-16 only', () => {
    const scanned = Buffer.from('é');

    expect([...toOwnBytes(scanned, 'utf-16be')]).toEqual([0x00, 0xe9]);
    expect(toOwnBytes(scanned, 'utf-8')).toBe(scanned);
  });
});
