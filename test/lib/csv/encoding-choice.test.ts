import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { choiceBlockBytes, makeEncodingChoice } from '../../../lib/csv/encoding-choice.ts';
import { chunksOf } from './chunks.ts';

function choose(bytes: Buffer, sizes: readonly number[] = [1_000_000]): string {
  const choice = makeEncodingChoice();
  for (const chunk of chunksOf(bytes, sizes)) choice.feed(chunk);
  return choice.end();
}

const ascii = (length: number) => Buffer.alloc(length, 'a');
const latin = (text: string) => Buffer.from(text, 'latin1');
const join = (...parts: Buffer[]) => Buffer.concat(parts);

describe('makeEncodingChoice', () => {
  it('takes a file of ASCII for UTF-8', () => {
    expect(choose(ascii(200_000))).toBe('utf-8');
    expect(choose(Buffer.alloc(0))).toBe('utf-8');
  });

  it.each([
    ['UTF-8 accents', Buffer.from('degré'), 'utf-8'],
    ['Windows-1252 accents', latin('degré'), 'windows-1252'],
    ['an accent at the very end of the file', latin('caf\xe9'), 'windows-1252'],
    ['many UTF-8 accents and one broken one', join(Buffer.from('é è ê\n'), latin('\xe9')), 'utf-8'],
    [
      'capitals and a guillemet that look like one UTF-8 character',
      latin('\xab CAF\xc9\xbb \xe0 d\xe9j\xe0 vu'),
      'windows-1252',
    ],
  ])('judges %s', (_, bytes, expected) => {
    expect(choose(bytes)).toBe(expected);
  });

  it('lets the first block with a byte above 0x7F decide, and no later one', () => {
    const utf8First = join(
      ascii(choiceBlockBytes + 5),
      Buffer.from('é'),
      ascii(choiceBlockBytes),
      latin('\xe9'.repeat(99)),
    );
    const latinFirst = join(
      ascii(choiceBlockBytes + 5),
      latin('\xe9'),
      ascii(choiceBlockBytes),
      Buffer.from('é'.repeat(99)),
    );

    expect(choose(utf8First)).toBe('utf-8');
    expect(choose(latinFirst)).toBe('windows-1252');
  });

  it('counts blocks from the start of the file', () => {
    const sameBlock = join(ascii(choiceBlockBytes - 10), Buffer.from('é'), latin('\xe9 \xe9'));
    const nextBlock = join(ascii(choiceBlockBytes - 3), Buffer.from('é'), latin('a\xe9 \xe9'));

    expect(choose(sameBlock)).toBe('windows-1252');
    expect(choose(nextBlock)).toBe('utf-8');
  });

  it('looks at a character in whole when the end of the block cuts it', () => {
    for (const back of [1, 2, 3]) expect(choose(join(ascii(choiceBlockBytes - back), Buffer.from('🍷')))).toBe('utf-8');
    expect(choose(join(ascii(choiceBlockBytes - 1), latin('\xe9t\xe9')))).toBe('windows-1252');
  });

  it('chooses the same whatever the chunks', () => {
    const part = fc.constantFrom(
      ascii(30_000),
      ascii(65_535),
      ascii(1),
      Buffer.from('é'),
      latin('\xe9'),
      Buffer.from('🍷'),
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }).map((parts) => Buffer.concat(parts)),
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 3 }),
        (bytes, sizes) => {
          expect(choose(bytes, sizes)).toBe(choose(bytes));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is pending from the first byte above 0x7F until its block is complete', () => {
    const choice = makeEncodingChoice();

    choice.feed(ascii(10));
    expect([choice.isPending, choice.chosen]).toEqual([false, undefined]);
    choice.feed(Buffer.from('é'));
    expect([choice.isPending, choice.chosen]).toEqual([true, undefined]);
    choice.feed(ascii(choiceBlockBytes));
    expect([choice.isPending, choice.chosen]).toEqual([false, 'utf-8']);
  });
});
