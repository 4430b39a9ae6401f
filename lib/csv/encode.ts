import { decodeText } from './encoding.ts';
import { cutFields, cutQuotedFields, fieldText, makeFieldBounds } from './fields.ts';
import { notNumber, numberForm, plain, readBoolean, readInteger, readLooseNumber } from './number.ts';
import type { Cell, Dialect, Encoding, Feature, RecordBlock, RowFormat, RowOf } from './types.ts';

/** Why a sound record cannot be sent: which feature, and which rule. */
export interface CellProblem {
  readonly code: 'row.type' | 'row.missing';
  readonly feature: Feature;
}

export interface RowEncoderOptions<F extends RowFormat> {
  readonly format: F;
  readonly features: readonly Feature[];
  readonly dialect: Dialect;
  /** Asked for each text: the choice may fall behind the head of the file, and is UTF-8 until then. */
  readonly encoding: () => Encoding;
  /** Columns of the file. */
  readonly fieldCount: number;
  readonly onMissing: 'send' | 'reject';
}

/** Encodes record `index` of a block, which must be sound, for the endpoint. */
export type RowEncoder<F extends RowFormat> = (block: RecordBlock, index: number) => RowOf<F> | CellProblem;

export function isCellProblem(row: RowOf<RowFormat> | CellProblem): row is CellProblem {
  return typeof row === 'object' && 'feature' in row;
}

/** One way to write a row; the encoder walks the features and calls it. `missing` is a null. */
interface RowSink<Row> {
  begin(): void;
  /** `text` is a JSON number. */
  number(text: string): void;
  boolean(value: boolean): void;
  text(value: string): void;
  missing(): void;
  end(): Row;
}

const point = 0x2e;

/**
 * A number is written in the same spelling whatever the file's dialect (`12,50` and `12.50` are both `12.50`), so the same data
 * gives byte-equal requests from every dialect and encoding.
 */
export function makeRowEncoder<F extends RowFormat>(options: RowEncoderOptions<F>): RowEncoder<F> {
  const { features, dialect, encoding, onMissing } = options;
  const { quote, decimal, thousands } = dialect;
  const bounds = makeFieldBounds(options.fieldCount);
  const delimiter = dialect.delimiter.charCodeAt(0);
  const quoteByte = quote === null ? -1 : quote.charCodeAt(0);
  const mark = decimal.charCodeAt(0);
  const missing = new Set(dialect.missing);
  const isEmptyMissing = missing.has('');
  const hasMissingTokens = missing.size > (isEmptyMissing ? 1 : 0);
  const typeProblems = features.map((feature): CellProblem => ({ code: 'row.type', feature }));
  const missingProblems = features.map((feature): CellProblem => ({ code: 'row.missing', feature }));
  const sink = sinks[options.format]() as RowSink<RowOf<F>>;
  const passes = options.format === 'csv' && canPassThrough(options);

  function cut(block: RecordBlock, index: number): boolean {
    const start = block.starts[index]!;
    const end = block.ends[index]!;
    const isQuoted = block.quoted[index] === 1 && quoteByte >= 0;
    if (isQuoted) cutQuotedFields(block.bytes, start, end, delimiter, quoteByte, bounds);
    else cutFields(block.bytes, start, end, delimiter, bounds);
    return isQuoted;
  }

  /** Whether the record's own bytes are what rebuilding would give: no quotes, numbers in the plain spelling. */
  function isOwnForm(block: RecordBlock): boolean {
    const { bytes } = block;
    if (features.length === 1 && isBlank(bytes, bounds.starts[0]!, bounds.ends[0]!)) return false;
    for (let position = 0; position < features.length; position++) {
      const start = bounds.starts[position]!;
      const end = bounds.ends[position]!;
      if (start === end) {
        if (!isEmptyMissing || onMissing === 'reject') return false;
        continue;
      }
      const { type } = features[position]!;
      if (type === 'text') {
        for (let index = start; index < end; index++)
          if (bytes[index] === 0x0d || bytes[index] === 0x0a || bytes[index] === 0x22) return false;
      } else if (type !== 'number' || numberForm(bytes, start, end, point) !== plain) return false;
    }
    return true;
  }

  /** Returns false when the cell is not of its type. */
  function writeTyped(feature: Feature, bytes: Buffer, start: number, end: number, isQuoted: boolean): boolean {
    if (feature.type === 'number' && !(isQuoted && bytes[start] === quoteByte) && thousands === null) {
      const form = numberForm(bytes, start, end, mark);
      if (form === notNumber) return false;
      if (form === plain) {
        const text = bytes.toString('latin1', start, end);
        sink.number(decimal === '.' ? text : text.replace(',', '.'));
        return true;
      }
    }
    const text = isQuoted ? fieldText(bytes, start, end, quote, encoding()) : decodeText(bytes, start, end, encoding());
    if (feature.type === 'boolean') {
      const value = readBoolean(text);
      if (value !== undefined) sink.boolean(value);
      return value !== undefined;
    }
    const read = feature.type === 'integer' ? readInteger : readLooseNumber;
    const number = read(text, decimal, thousands);
    if (number !== undefined) sink.number(number);
    return number !== undefined;
  }

  function isMissingField(bytes: Buffer, start: number, end: number, isQuoted: boolean): boolean {
    if (start === end) return isEmptyMissing;
    if (isQuoted && end - start === 2 && bytes[start] === quoteByte) return isEmptyMissing;
    return hasMissingTokens && missing.has(fieldText(bytes, start, end, isQuoted ? quote : null, encoding()));
  }

  return function encode(block, index) {
    const isQuoted = cut(block, index);
    const { bytes } = block;
    if (passes && !isQuoted && encoding() === 'utf-8' && isOwnForm(block))
      return bytes.subarray(block.starts[index]!, block.ends[index]!) as unknown as RowOf<F>;
    sink.begin();
    for (let position = 0; position < features.length; position++) {
      const feature = features[position]!;
      const start = bounds.starts[feature.index]!;
      const end = bounds.ends[feature.index]!;
      if (isMissingField(bytes, start, end, isQuoted)) {
        if (onMissing === 'reject') return missingProblems[position]!;
        sink.missing();
      } else if (feature.type === 'text') {
        sink.text(
          isQuoted ? fieldText(bytes, start, end, quote, encoding()) : decodeText(bytes, start, end, encoding()),
        );
      } else if (!writeTyped(feature, bytes, start, end, isQuoted)) return typeProblems[position]!;
    }
    return sink.end();
  };
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index] !== 0x20 && bytes[index] !== 0x09) return false;
  return true;
}

/** A file in the endpoint's own dialect whose columns are the features, all and in order. Its encoding is asked for each record. */
function canPassThrough({ dialect, features, fieldCount }: RowEncoderOptions<RowFormat>): boolean {
  return (
    dialect.delimiter === ',' &&
    dialect.decimal === '.' &&
    dialect.thousands === null &&
    dialect.missing.length === 1 &&
    dialect.missing[0] === '' &&
    features.length === fieldCount &&
    features.every((feature, position) => feature.index === position)
  );
}

const sinks: { readonly [F in RowFormat]: () => RowSink<RowOf<F>> } = {
  csv: makeCsvSink,
  json: makeJsonSink,
  cells: makeCellsSink,
};

function makeCsvSink(): RowSink<Buffer> {
  let line = '';
  let count = 0;
  const add = (cell: string): void => {
    line = count++ === 0 ? cell : `${line},${cell}`;
  };
  return {
    begin() {
      line = '';
      count = 0;
    },
    number: add,
    boolean: (value) => add(String(value)),
    // An empty text that is not missing keeps its quotes: readers take a bare nothing for a missing cell.
    text: (value) => add(value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value),
    missing: () => add(''),
    // A line with nothing on it, or blanks only, would be skipped, and the row with it.
    end: () => Buffer.from(/^[ \t]*$/.test(line) ? `"${line}"` : line),
  };
}

function makeJsonSink(): RowSink<string> {
  let row = '';
  const add = (cell: string): void => {
    row = row === '' ? `[${cell}` : `${row},${cell}`;
  };
  return {
    begin() {
      row = '';
    },
    number: add,
    boolean: (value) => add(String(value)),
    text: (value) => add(JSON.stringify(value)),
    missing: () => add('null'),
    end: () => `${row}]`,
  };
}

function makeCellsSink(): RowSink<readonly Cell[]> {
  let cells: Cell[] = [];
  return {
    begin() {
      cells = [];
    },
    number: (text) => cells.push(Number(text)),
    boolean: (value) => cells.push(value),
    text: (value) => cells.push(value),
    missing: () => cells.push(null),
    end: () => cells,
  };
}
