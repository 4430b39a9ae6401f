import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseJson, parseJsonExactly } from '../../../lib/endpoints/json.ts';

describe('parseJson', () => {
  it('reads bare NaN and Infinity as null', () => {
    expect(parseJson('{"a":[NaN, -Infinity,Infinity,-1e3]}')).toEqual({ a: [null, null, null, -1000] });
  });

  it('leaves the same words inside strings alone', () => {
    expect(parseJson('["NaN","say \\"NaN\\" \\\\",NaN,"\\\\\\"Infinity"]')).toEqual([
      'NaN',
      'say "NaN" \\',
      null,
      '\\"Infinity',
    ]);
  });

  it.each(['', '{', '[1,', '[NaN', 'Not a Number', '["NaN]', '[NaNa]', 'Request processing time exceeded limit'])(
    'returns undefined for %j',
    (text) => {
      expect(parseJson(text)).toBeUndefined();
    },
  );

  it('reads what JSON.stringify wrote, also when a NaN stands beside it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parseJson(`[NaN,${text}]`)).toEqual([null, JSON.parse(text)]);
      }),
    );
  });
});

describe('parseJsonExactly', () => {
  it('keeps whole numbers beyond 2^53 as the texts that they were, and all others as numbers', () => {
    expect(parseJsonExactly('[9007199254740993, -9007199254740993, 42, 0.5, 1e3]')).toEqual([
      '9007199254740993',
      '-9007199254740993',
      42,
      0.5,
      1000,
    ]);
    expect(parseJsonExactly('[NaN,9007199254740993]')).toEqual([null, '9007199254740993']);
  });
});
