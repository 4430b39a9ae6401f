import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { encodeText, toOwnBytes } from '../../../lib/csv/encoding.ts';
import { readFields } from '../../../lib/csv/fields.ts';
import { readHeader } from '../../../lib/csv/header.ts';
import { makeScanner } from '../../../lib/csv/scan.ts';
import { openText } from '../../../lib/csv/text.ts';
import type { Dialect, Encoding, LineEnd } from '../../../lib/csv/types.ts';
import { chunksOf, sourceOf } from './chunks.ts';

const dialects = fc.record({
  delimiter: fc.constantFrom<Dialect['delimiter'][]>(',', ';', '\t', '|'),
  quote: fc.constantFrom('"', '"', "'"),
  lineEnd: fc.constantFrom<LineEnd[]>('\n', '\r\n', '\r'),
});
const files: fc.Arbitrary<{ encoding: Encoding; bom: readonly number[] }> = fc.constantFrom(
  { encoding: 'utf-8', bom: [] },
  { encoding: 'utf-8', bom: [0xef, 0xbb, 0xbf] },
  { encoding: 'utf-16le', bom: [0xff, 0xfe] },
  { encoding: 'utf-16be', bom: [0xfe, 0xff] },
  { encoding: 'windows-1252', bom: [] },
  { encoding: 'iso-8859-15', bom: [] },
);
/** Characters that all the encodings have, and everything that has a meaning in some dialect. */
const cell = fc.string({ unit: fc.constantFrom(...'ab1 ,;|\t"\'\n\réžŒ€', ''), maxLength: 8 });
const tables = fc.integer({ min: 1, max: 5 }).chain((width) =>
  fc.array(fc.array(fc.tuple(cell, fc.boolean()), { minLength: width, maxLength: width }), {
    minLength: 1,
    maxLength: 12,
  }),
);

/** RFC 4180 in another dialect; quotes also where none are needed, as some writers do. */
function write(
  table: readonly (readonly (readonly [string, boolean])[])[],
  { delimiter, quote, lineEnd }: Pick<Dialect, 'delimiter' | 'quote' | 'lineEnd'>,
  endsWithLineEnd: boolean,
  blankLines: boolean,
): string {
  const lines = table.map((row) =>
    row
      .map(([text, wantsQuotes]) =>
        wantsQuotes || text === '' || [delimiter, quote!, '\n', '\r'].some((mark) => text.includes(mark))
          ? `${quote}${text.replaceAll(quote!, quote! + quote!)}${quote}`
          : text,
      )
      .join(delimiter),
  );
  return lines.join(blankLines ? lineEnd + lineEnd : lineEnd) + (endsWithLineEnd ? lineEnd : '');
}

describe('records and fields of well-formed files', () => {
  it('are those of csv-parse in every dialect, line end, encoding and chunking, and give back the input byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        tables,
        dialects,
        files,
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
        async (table, dialectOnly, { encoding, bom }, endsWithLineEnd, blankLines, sizes) => {
          const dialect: Dialect = { ...dialectOnly, decimal: '.', thousands: null, header: true, missing: [''] };
          const content = write(table, dialect, endsWithLineEnd, blankLines);
          const scannedBytes = encodeText(content, encoding);
          const input = Buffer.concat([Buffer.from(bom), toOwnBytes(scannedBytes, encoding)]);
          const expected: string[][] = parse(content, {
            delimiter: dialect.delimiter,
            quote: dialect.quote,
            escape: dialect.quote,
            record_delimiter: dialect.lineEnd,
            skip_empty_lines: true,
          });

          const text = await openText(sourceOf(chunksOf(input, sizes)), bom.length > 0 ? 'auto' : encoding);
          const pieces: Buffer[] = [];
          for await (const chunk of text.chunks) pieces.push(chunk);
          const head = Buffer.concat(pieces);
          const header = readHeader({
            head,
            isComplete: true,
            bomBytes: text.bom.length,
            layout: dialect,
            encoding: text.encoding(),
            maxRecordBytes: 1_000_000,
          })!;
          const scanner = makeScanner({
            dialect,
            fieldCount: header.columns.length,
            maxRecordBytes: 1_000_000,
            encoding: () => encoding,
            offset: header.offset,
            line: header.line,
          });
          const chunks = chunksOf(head.subarray(header.byteLength), sizes);
          const blocks = [...chunks.map((chunk) => scanner.push(chunk)), scanner.end()].filter(
            (block) => block !== undefined,
          );

          const rows = blocks.flatMap((block) =>
            Array.from({ length: block.count }, (_, index) => {
              expect(block.problems[index]).toBe(0);
              expect(block.fieldCounts[index]).toBe(header.columns.length);
              return readFields(block, index, dialect, encoding);
            }),
          );
          expect([header.columns, ...rows]).toEqual(expected);

          const lineEnd = toOwnBytes(encodeText(dialect.lineEnd, encoding), encoding);
          const firstRecord = header.byteLength - header.lineEnd.length - header.record.length;
          let rebuilt = Buffer.concat([
            text.bom,
            toOwnBytes(head.subarray(0, firstRecord), encoding),
            toOwnBytes(header.record, encoding),
            toOwnBytes(encodeText(header.lineEnd, encoding), encoding),
          ]);
          expect(rebuilt.length).toBe(header.offset);
          let blankCount = header.blankCount;
          for (const block of blocks) {
            blankCount += block.blankCount;
            for (let index = 0; index < block.count; index++) {
              while (rebuilt.length < block.offsets[index]!) rebuilt = Buffer.concat([rebuilt, lineEnd]);
              const record = block.bytes.subarray(block.starts[index]!, block.nexts[index]!);
              const length = toOwnBytes(
                block.bytes.subarray(block.starts[index]!, block.ends[index]!),
                encoding,
              ).length;
              expect([block.offsets[index], block.lengths[index]]).toEqual([rebuilt.length, length]);
              rebuilt = Buffer.concat([rebuilt, toOwnBytes(record, encoding)]);
            }
          }
          expect(rebuilt.equals(input)).toBe(true);
          expect(blankCount).toBe(blankLines ? table.length - 1 : 0);
        },
      ),
      { numRuns: 400 },
    );
  });
});
