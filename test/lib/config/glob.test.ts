import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { matchesGlob } from '../../../lib/config/glob.ts';

/** The slow, obvious way. */
function asRegExp(pattern: string): RegExp {
  const parts = Array.from(pattern, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : character.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`, 'isu');
}

describe('matchesGlob', () => {
  it.each([
    ['*.csv', 'a.csv', true],
    ['*.csv', 'A.CSV', true],
    ['*.csv', '.csv', true],
    ['*.csv', 'acsv', false],
    ['*.csv', 'a.csv.bak', false],
    ['wine-??.csv', 'wine-01.csv', true],
    ['wine-??.csv', 'wine-1.csv', false],
    ['?.csv', '😀.csv', true],
    ['[a].csv', 'a.csv', false],
    ['', '', true],
    ['*', '', true],
  ])('%s against %s is %s', (pattern, name, matches) => {
    expect(matchesGlob(pattern, name)).toBe(matches);
  });

  it('agrees with a regular expression on any pattern and name', () => {
    const character = fc.constantFrom('a', 'b', '.', '*', '?', '-', '[', '\\', '(');

    fc.assert(
      fc.property(
        fc.string({ unit: character, maxLength: 8 }),
        fc.string({ unit: character, maxLength: 12 }),
        (pattern, name) => matchesGlob(pattern, name) === asRegExp(pattern).test(name),
      ),
      { numRuns: 2_000 },
    );
  });

  it('answers for a pattern of many stars that a backtracking matcher never finishes', () => {
    expect(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(5_000))).toBe(false);
  });
});
