import type { Buffer } from 'node:buffer';
import { makeScanner } from './scan.ts';
import type { CsvOptions, Dialect, LineEnd } from './types.ts';

export type Delimiter = Dialect['delimiter'];

/** A dialect whose decimal mark is not decided yet: that needs the cells. */
export type Layout = Omit<Dialect, 'decimal'>;

/** Of two equally consistent ones the earlier: a comma or a bar in every record is often text or a decimal mark, a tab or `;` hardly ever. */
const candidates: readonly Delimiter[] = ['\t', ';', ',', '|'];

/** Enough records to tell a delimiter from a mark in the text. */
const sampleBytes = 128 * 1024;

/** Decided once from the head of the file, which starts behind the BOM. `isComplete`: the head is the whole file. */
export function detectLayout(head: Buffer, isComplete: boolean, options: CsvOptions): Layout {
  const { quote, header, thousands, missing } = options;
  const lineEnd = detectLineEnd(head, quote);
  const delimiter =
    options.delimiter === 'auto' ? detectDelimiter(head, isComplete, quote, lineEnd) : options.delimiter;
  return { delimiter, quote, lineEnd, header, thousands, missing };
}

/** The first line end outside quotes; `\n` when there is none. Carriage returns before a `\n` belong to it (`\r\r\n` comes of a broken export). */
function detectLineEnd(head: Buffer, quote: string | null): LineEnd {
  const pattern = /\r+\n|\n|\r/g;
  const sample = head.toString('latin1', 0, sampleBytes);
  const outside = quote === null ? sample : withoutQuoted(sample, quote);
  const first = outside.match(pattern)?.[0] ?? sample.match(pattern)?.[0] ?? '\n';
  if (first === '\r') return '\r';
  return first === '\n' ? '\n' : '\r\n';
}

/** What stands outside quotes, as far as the end of the first line; toggles at each quote, which is right where the quotes are. */
function withoutQuoted(text: string, quote: string): string {
  return text
    .split(quote)
    .filter((_, position) => position % 2 === 0)
    .join('');
}

/** The one that cuts the most records of the sample into as many fields as the first has, if that is more than one; else the comma. */
function detectDelimiter(head: Buffer, isComplete: boolean, quote: string | null, lineEnd: LineEnd): Delimiter {
  let best: Delimiter = ',';
  let bestShare = -1;
  for (const delimiter of candidates) {
    if (delimiter === quote) continue;
    const share = consistentShare(head, isComplete, { delimiter, quote, lineEnd });
    if (share > bestShare) {
      best = delimiter;
      bestShare = share;
    }
  }
  return best;
}

/** In [0, 1]; -1 for a first record of one field. */
function consistentShare(
  head: Buffer,
  isComplete: boolean,
  dialect: { readonly delimiter: Delimiter; readonly quote: string | null; readonly lineEnd: LineEnd },
): number {
  const scanner = makeScanner({
    dialect,
    fieldCount: undefined,
    maxRecordBytes: sampleBytes,
    // No byte is invalid in it, so nothing is spent on the question.
    encoding: () => 'iso-8859-15',
    offset: 0,
    line: 1,
  });
  const isWhole = isComplete && head.length <= sampleBytes;
  const cut = scanner.push(head.subarray(0, sampleBytes));
  const rest = isWhole || cut === undefined ? scanner.end() : undefined;
  let first = 0;
  let recordCount = 0;
  let consistentCount = 0;
  for (const block of [cut, rest]) {
    for (let index = 0; block !== undefined && index < block.count; index++) {
      const fieldCount = block.fieldCounts[index]!;
      if (recordCount++ === 0) first = fieldCount;
      if (fieldCount === first && block.problems[index] === 0) consistentCount++;
    }
  }
  return first > 1 ? consistentCount / recordCount : -1;
}
