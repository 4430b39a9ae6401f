import { decodeText } from './encoding.ts';
import type { Dialect, Encoding, RecordBlock } from './types.ts';

/** Where the fields of a record lie in `bytes`: field i is `bytes[starts[i] .. ends[i])`, quotes not yet removed. */
export interface FieldBounds {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  count: number;
}

export function makeFieldBounds(fieldCount: number): FieldBounds {
  return { starts: new Int32Array(fieldCount), ends: new Int32Array(fieldCount), count: 0 };
}

/** Cuts a sound record without quotes at its delimiters. */
export function cutFields(bytes: Buffer, start: number, end: number, delimiter: number, bounds: FieldBounds): void {
  const { starts, ends } = bounds;
  let field = 0;
  starts[0] = start;
  for (let index = start; index < end; index++) {
    if (bytes[index] !== delimiter) continue;
    ends[field++] = index;
    starts[field] = index + 1;
  }
  ends[field] = end;
  bounds.count = field + 1;
}

/** Cuts a sound record with quotes: a delimiter inside a quoted field is data. */
export function cutQuotedFields(
  bytes: Buffer,
  start: number,
  end: number,
  delimiter: number,
  quote: number,
  bounds: FieldBounds,
): void {
  const { starts, ends } = bounds;
  let field = 0;
  let isQuoted = false;
  starts[0] = start;
  for (let index = start; index < end; index++) {
    const byte = bytes[index];
    // In a sound record every quote opens, closes, or is one half of a doubled one: parity is all that matters.
    if (byte === quote) isQuoted = !isQuoted;
    else if (byte === delimiter && !isQuoted) {
      ends[field++] = index;
      starts[field] = index + 1;
    }
  }
  ends[field] = end;
  bounds.count = field + 1;
}

/** The text of one field: quotes around it removed, doubled ones inside halved. */
export function fieldText(bytes: Buffer, start: number, end: number, quote: string | null, encoding: Encoding): string {
  if (quote === null || start === end || bytes[start] !== quote.charCodeAt(0))
    return decodeText(bytes, start, end, encoding);
  const inner = decodeText(bytes, start + 1, end - 1, encoding);
  return inner.includes(quote) ? inner.replaceAll(quote + quote, quote) : inner;
}

/** All fields of one sound record as texts. */
export function readFields(block: RecordBlock, index: number, dialect: Dialect, encoding: Encoding): string[] {
  const bounds = makeFieldBounds(block.fieldCounts[index]!);
  const delimiter = dialect.delimiter.charCodeAt(0);
  const start = block.starts[index]!;
  const end = block.ends[index]!;
  if (block.quoted[index] === 1 && dialect.quote !== null)
    cutQuotedFields(block.bytes, start, end, delimiter, dialect.quote.charCodeAt(0), bounds);
  else cutFields(block.bytes, start, end, delimiter, bounds);
  return Array.from({ length: bounds.count }, (_, field) =>
    fieldText(block.bytes, bounds.starts[field]!, bounds.ends[field]!, dialect.quote, encoding),
  );
}
