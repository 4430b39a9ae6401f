import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeScanner } from '../../../lib/csv/scan.ts';
import type { LineEnd, RecordBlock } from '../../../lib/csv/types.ts';
import { recordProblems } from '../../../lib/csv/types.ts';
import { chunksOf } from './chunks.ts';
import { type ReferenceRules, referenceScan } from './reference-scan.ts';

/** Texts in which everything that matters to the automaton happens often. */
const hostileText = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('"', '""', ',', '\n', '\r', '\r\n', ',"', '",', '"\n', '\n"', '"\r\n') },
      { weight: 4, arbitrary: fc.constantFrom('a', 'bc', ';', ' ', 'defghij') },
      { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('x', 'y'), maxLength: 1500 }) },
    ),
    { maxLength: 80 },
  )
  .map((parts) => parts.join(''));

const rules: fc.Arbitrary<ReferenceRules & { lineEnd: LineEnd; delimiter: ',' | ';' }> = fc.record({
  delimiter: fc.constantFrom(',' as const, ';' as const),
  quote: fc.constantFrom('"', '"', '"', null),
  lineEnd: fc.constantFrom<LineEnd[]>('\n', '\r\n', '\r'),
  fieldCount: fc.integer({ min: 1, max: 3 }),
  maxRecordBytes: fc.constantFrom(1, 2, 3, 5, 8, 13, 40, 1200, 1_048_576),
});

function scanAll(
  input: Buffer,
  sizes: readonly number[],
  { fieldCount, maxRecordBytes, ...dialect }: typeof rules extends fc.Arbitrary<infer R> ? R : never,
) {
  const scanner = makeScanner({ dialect, fieldCount, maxRecordBytes, encoding: () => 'utf-8', offset: 0, line: 1 });
  const blocks: RecordBlock[] = [];
  const copies: Buffer[] = [];
  for (const chunk of chunksOf(input, sizes)) {
    const block = scanner.push(chunk);
    if (block !== undefined) {
      blocks.push(block);
      copies.push(Buffer.from(block.bytes));
    }
    chunk.fill(0x2a);
  }
  const last = scanner.end();
  if (last !== undefined) {
    blocks.push(last);
    copies.push(Buffer.from(last.bytes));
  }
  blocks.forEach((block, index) => {
    expect(block.bytes.equals(copies[index]!)).toBe(true);
  });
  return { blocks, visitedByteCount: scanner.visitedByteCount };
}

function linesBefore(text: string, offset: number, lineEnd: LineEnd): number {
  return text.slice(0, offset).split(lineEnd === '\r' ? '\r' : '\n').length;
}

describe('makeScanner', () => {
  it('finds the records of the slow reference in any bytes, whatever the chunks', () => {
    fc.assert(
      fc.property(
        hostileText,
        fc.oneof(
          fc.constant([1]),
          fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
          fc.constant([1_000_000]),
        ),
        rules,
        (text, sizes, rule) => {
          const { blocks } = scanAll(Buffer.from(text, 'latin1'), sizes, rule);

          const found = blocks.flatMap((block) =>
            Array.from({ length: block.count }, (_, index) => ({
              code: block.problems[index] === 0 ? '' : recordProblems[block.problems[index]! - 1],
              start: block.offsets[index]!,
              end: block.offsets[index]! + block.lengths[index]!,
              fieldCount: block.fieldCounts[index]!,
              line: block.lines[index]!,
              bytes: block.bytes.toString('latin1', block.starts[index]!, block.ends[index]!),
              lineEnd: block.bytes.toString('latin1', block.ends[index]!, block.nexts[index]!),
            })),
          );
          const expected = referenceScan(text, rule).map(({ code, start, end, next, fieldCount }) => {
            const isCut = end - start > rule.maxRecordBytes;
            return {
              code,
              start,
              end,
              fieldCount,
              line: linesBefore(text, start, rule.lineEnd),
              bytes: text.slice(start, isCut ? Math.min(end, start + 1000) : end),
              lineEnd: isCut ? '' : text.slice(end, next),
            };
          });
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
