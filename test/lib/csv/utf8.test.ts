import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import { utf8SequenceLength } from '../../../lib/csv/utf8.ts';

describe('utf8SequenceLength', () => {
  it('agrees with Node on every pair of first bytes', () => {
    const tail = [0x80, 0xbf];
    for (let lead = 0x80; lead < 0x100; lead++) {
      for (let second = 0; second < 0x100; second++) {
        for (const third of tail) {
          const bytes = Buffer.from([lead, second, third, 0x80]);
          const valid = [2, 3, 4].find((length) => isUtf8(bytes.subarray(0, length)) && !isUtf8(bytes.subarray(0, 1)));
          const isWhole = valid !== undefined && (valid === 2 || (second & 0xc0) === 0x80);
          expect(utf8SequenceLength(bytes, 0, 4)).toBe(isWhole ? valid : 0);
        }
      }
    }
  });

  it('finds no character where the end cuts it', () => {
    expect(utf8SequenceLength(Buffer.from('é'), 0, 1)).toBe(0);
    expect(utf8SequenceLength(Buffer.from('🍷'), 0, 3)).toBe(0);
  });
});
