import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { readFields } from '../../../lib/csv/fields.ts';
import type { Dialect } from '../../../lib/csv/types.ts';
import { scanBlocks } from './blocks.ts';

const dialect: Dialect = {
  delimiter: ',',
  quote: '"',
  lineEnd: '\n',
  decimal: '.',
  thousands: null,
  header: true,
  missing: [''],
};

function fieldsOf(text: string, given: Partial<Dialect> = {}): string[][] {
  const { blocks } = scanBlocks(Buffer.from(text), [1_000_000], {
    dialect: { ...dialect, ...given },
    fieldCount: undefined,
  });
  return blocks.flatMap((block) =>
    Array.from({ length: block.count }, (_, index) => readFields(block, index, { ...dialect, ...given }, 'utf-8')),
  );
}

describe('readFields', () => {
  it.each([
    ['a,b,c', ['a', 'b', 'c']],
    [',', ['', '']],
    ['"",', ['', '']],
    ['"a,b","c ""d""","\n"', ['a,b', 'c "d"', '\n']],
    ['""""', ['"']],
    ['"""""",é', ['""', 'é']],
    [' a , "', [' a ', ' "']],
  ])('cuts %j', (text, expected) => {
    expect(fieldsOf(text, text.endsWith(' "') ? { quote: null } : {})).toEqual([expected]);
  });

  it('agrees with csv-parse on every record that the scanner finds sound', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '""', ',', ',"', '",', 'a', 'é', ' ', '\n'), maxLength: 30 });
    let soundCount = 0;
    fc.assert(
      fc.property(text, (content) => {
        const { blocks } = scanBlocks(Buffer.from(content), [1_000_000], { fieldCount: undefined });
        for (const block of blocks) {
          for (let index = 0; index < block.count; index++) {
            if (block.problems[index] !== 0) continue;
            soundCount++;
            const record = block.bytes.toString('utf8', block.starts[index]!, block.ends[index]!);

            expect([readFields(block, index, dialect, 'utf-8')]).toEqual(parse(record, { relax_column_count: true }));
          }
        }
      }),
      { numRuns: 1500 },
    );
    expect(soundCount).toBeGreaterThan(500);
  });
});
