import { decodeText } from './encoding.ts';
import { cutFields, cutQuotedFields, fieldText, makeFieldBounds } from './fields.ts';
import { notNumber, numberForm, plain, readBoolean, readInteger, readLooseNumber } from './number.ts';
import { isBlank, type RowSink, rowSinks } from './row-sinks.ts';
import type { Dialect, Encoding, Feature, RecordBlock, RowFormat, RowOf } from './types.ts';

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
  const sink = rowSinks[options.format](features.length) as RowSink<RowOf<F>>;
  const firstColumn = features[0]?.index ?? 0;
  const lastColumn = features.at(-1)?.index ?? 0;
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
    if (features.length === 1 && isBlank(bytes, bounds.starts[firstColumn]!, bounds.ends[firstColumn]!)) return false;
    for (let position = 0; position < features.length; position++) {
      const start = bounds.starts[firstColumn + position]!;
      const end = bounds.ends[firstColumn + position]!;
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

  function writeText(bytes: Buffer, start: number, end: number, isQuoted: boolean): void {
    const own = encoding();
    const isUtf8 = own !== 'windows-1252' && own !== 'iso-8859-15';
    const isFieldQuoted = isQuoted && bytes[start] === quoteByte;
    if (!isFieldQuoted && sink.plainText(bytes, start, end, isUtf8)) return;
    sink.text(isFieldQuoted ? fieldText(bytes, start, end, quote, own) : decodeText(bytes, start, end, own));
  }

  /** Returns false when the cell is not of its type. */
  function writeTyped(feature: Feature, bytes: Buffer, start: number, end: number, isQuoted: boolean): boolean {
    if (feature.type === 'number' && !(isQuoted && bytes[start] === quoteByte) && thousands === null) {
      const form = numberForm(bytes, start, end, mark);
      if (form === notNumber) return false;
      if (form === plain) {
        sink.plainNumber(bytes, start, end, mark);
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
      return bytes.subarray(bounds.starts[firstColumn]!, bounds.ends[lastColumn]!) as unknown as RowOf<F>;
    sink.begin();
    for (let position = 0; position < features.length; position++) {
      const feature = features[position]!;
      const start = bounds.starts[feature.index]!;
      const end = bounds.ends[feature.index]!;
      if (isMissingField(bytes, start, end, isQuoted)) {
        if (onMissing === 'reject') return missingProblems[position]!;
        sink.missing();
      } else if (feature.type === 'text') writeText(bytes, start, end, isQuoted);
      else if (!writeTyped(feature, bytes, start, end, isQuoted)) return typeProblems[position]!;
    }
    return sink.end();
  };
}

/**
 * A file in the endpoint's own dialect whose columns are the features, in order, or hold them side by side. Its encoding is asked
 * for each record.
 */
function canPassThrough({ dialect, features }: RowEncoderOptions<RowFormat>): boolean {
  return (
    dialect.delimiter === ',' &&
    dialect.decimal === '.' &&
    dialect.thousands === null &&
    dialect.missing.length === 1 &&
    dialect.missing[0] === '' &&
    features.every((feature, position) => feature.index === features[0]!.index + position)
  );
}
