import type { Route } from '../config/types.ts';
import { decideTypes, headBytes } from '../csv/column-types.ts';
import { decompress, makeCompressor } from '../csv/compression.ts';
import { detectLayout } from '../csv/dialect.ts';
import { type CellProblem, makeRowEncoder } from '../csv/encode.ts';
import { refuseUnencodable } from '../csv/encoding.ts';
import { readHeader, refuseExistingColumns, type SelectedFeature, selectFeatures } from '../csv/header.ts';
import { type Reject, rejectLine } from '../csv/rejects.ts';
import { makeScanner } from '../csv/scan.ts';
import { refuseOtherFormats } from '../csv/sniff.ts';
import { openText, readEncoding } from '../csv/text.ts';
import {
  type Compression,
  type Dialect,
  type Encoding,
  type Feature,
  type RecordBlock,
  type RowFormat,
  type RowOf,
  recordProblems,
} from '../csv/types.ts';
import { type AppendedCell, makeOutputWriter } from '../csv/write.ts';
import type { ModelDescription } from '../endpoints/types.ts';
import { explain, type RowCode } from '../errors.ts';

/** Why a row is rejected, in words that hold nothing of it. */
export interface RowProblem {
  readonly code: RowCode;
  readonly detail: string;
}

/** An answer that is none, as the rejects say it. */
export function describeAnswer(
  code: 'row.refused' | 'row.unanswered' | 'row.label-unknown',
  status: number,
): RowProblem {
  return { code, detail: code === 'row.refused' ? explain(code, { status }) : explain(code, {}) };
}

export interface CsvSessionOptions {
  readonly route: Route;
  readonly rowFormat: RowFormat;
  readonly compression: Compression | undefined;
  readonly openInput: () => AsyncIterable<Buffer>;
  /** Of the object as it is stored. */
  readonly sizeBytes: number;
  readonly description: ModelDescription;
}

/** One file, opened: its head is read, everything that is decided once is decided. */
export interface CsvSession {
  readonly features: readonly Feature[];
  dialect(): Dialect & { readonly encoding: Encoding };
  /** Blank lines before the header; those behind it are counted in the blocks. */
  readonly leadingBlankCount: number;
  /** The records behind the header, in blocks. Can be read once. */
  blocks(): AsyncGenerator<RecordBlock>;
  /** Bytes of the object as it is stored that the first `deliveredCount` rows make up, about: reading runs ahead. */
  bytesDelivered(deliveredCount: number): number;
  /** Records cut from the file so far. */
  scannedRows(): number;
  /** The most rows that can still come behind the first `deliveredCount`. */
  maxRemainingRows(deliveredCount: number): number;
  /** What the scanner found wrong with a record. */
  problemOf(block: RecordBlock, index: number): RowProblem | undefined;
  encode(block: RecordBlock, index: number): RowOf<RowFormat> | CellProblem;
  describeCell(problem: CellProblem): RowProblem;
  /** Whether a text can only be written once the file's encoding is known, and it is not. */
  needsEncoding(text: string): boolean;
  /** Reads ahead, in a second reading, until the encoding is known. */
  decideEncoding(): Promise<void>;
  addRecord(block: RecordBlock, index: number, cells: readonly AppendedCell[]): void;
  rejectLine(block: RecordBlock, index: number, reject: Reject): Buffer;
  /** Bytes that `takeOutput` would take, before compression. */
  pendingOutputBytes(): number;
  /** The bytes of the output so far, compressed as the input is. The header is the first of them. */
  takeOutput(): Promise<Buffer>;
  /** The last of them. */
  endOutput(): Promise<Buffer>;
  /** Releases the input, also when it was not read to its end. */
  close(): Promise<void>;
}

/** Throws `input.*`. */
export async function openCsv(options: CsvSessionOptions): Promise<CsvSession> {
  const { route, compression, description } = options;
  const { csv } = route;
  let bytesRead = 0;
  const decompressed = (): AsyncIterable<Buffer> => {
    const stored = options.openInput();
    return compression === undefined || options.sizeBytes === 0 ? stored : decompress(stored, compression);
  };
  const text = await openText(
    compression === undefined || options.sizeBytes === 0
      ? counted(options.openInput())
      : decompress(counted(options.openInput()), compression),
    csv.encoding,
  );
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytesRead += chunk.length;
      yield chunk;
    }
  }

  try {
    const chunks = text.chunks[Symbol.asyncIterator]();
    const { head, isComplete } = await readHead(chunks);
    refuseOtherFormats(head);
    let readAhead: Encoding | undefined;
    const encoding = (): Encoding => (text.isEncodingDecided() ? text.encoding() : (readAhead ?? text.encoding()));
    const isUndecided = (): boolean => !isComplete && !text.isEncodingDecided() && readAhead === undefined;
    async function decideEncoding(): Promise<void> {
      readAhead ??= await readEncoding(decompressed(), csv.encoding);
    }

    const layout = detectLayout(head, isComplete, csv);
    const header = readHeader({
      head,
      isComplete,
      bomBytes: text.bom.length,
      layout,
      encoding: encoding(),
      maxRecordBytes: csv.maxRecordBytes,
    });
    const appended = appendedNames(route);
    const fixedTexts = [...(layout.header ? appended : []), ...fixedLabels(route)];
    if (isUndecided() && fixedTexts.some((each) => !isAsciiText(each))) await decideEncoding();
    if (route.output.encoding === 'same') refuseUnencodable(fixedTexts, encoding());
    if (layout.header && header !== undefined) refuseExistingColumns(header.columns, appended);
    const selected = header === undefined ? [] : selectFeatures(header.columns, route.features);
    const fieldCount = header?.columns.length ?? 1;
    const { features, dialect } = decideTypes({
      head,
      isComplete,
      recordsStart: header?.byteLength ?? head.length,
      columnCount: fieldCount,
      layout,
      decimal: csv.decimal,
      encoding: encoding(),
      maxRecordBytes: csv.maxRecordBytes,
      features: selected,
      modelTypes: modelTypesOf(selected, description),
    });
    const encode = makeRowEncoder({
      format: options.rowFormat,
      features,
      dialect,
      encoding,
      fieldCount,
      onMissing: route.onMissing,
    });
    const writer = makeOutputWriter({ dialect, encoding, outputEncoding: route.output.encoding });
    const compressor = compression === undefined ? undefined : makeCompressor(compression);
    if (header !== undefined) writer.header(text.bom, header.record, layout.header ? appended : [], header.lineEnd);
    let scannedRows = 0;
    let scannedBytes = header?.offset ?? 0;

    async function* blocks(): AsyncGenerator<RecordBlock> {
      const scanner = makeScanner({
        dialect,
        fieldCount,
        maxRecordBytes: csv.maxRecordBytes,
        encoding,
        offset: header?.offset ?? text.bom.length,
        line: header?.line ?? 1,
      });
      const first = scanner.push(head.subarray(header?.byteLength ?? 0));
      if (first !== undefined) yield note(first);
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        const block = scanner.push(next.value);
        if (block !== undefined) yield note(block);
      }
      const last = scanner.end();
      if (last !== undefined) yield note(last);
    }
    function note(block: RecordBlock): RecordBlock {
      // Behind the last record a block may hold nothing but a count of blank lines.
      if (block.count === 0) return block;
      scannedRows += block.count;
      const last = block.count - 1;
      scannedBytes = block.offsets[last]! + block.lengths[last]!;
      return block;
    }
    async function compressed(bytes: Buffer): Promise<Buffer> {
      return compressor === undefined ? bytes : compressor.write(bytes);
    }

    return {
      features,
      dialect: () => ({ ...dialect, encoding: encoding() }),
      leadingBlankCount: header?.blankCount ?? 0,
      blocks,
      bytesDelivered: (deliveredCount) => (scannedRows === 0 ? bytesRead : (bytesRead * deliveredCount) / scannedRows),
      scannedRows: () => scannedRows,
      maxRemainingRows(deliveredCount) {
        if (compression !== undefined) return Number.POSITIVE_INFINITY;
        // The shortest record: its delimiters and a line end, or, in a file of one column, one character and a line end.
        const shortest = Math.max(2, fieldCount);
        return scannedRows - deliveredCount + Math.ceil((options.sizeBytes - scannedBytes) / shortest);
      },
      problemOf(block, index) {
        const code = recordProblems[block.problems[index]! - 1];
        return code === undefined ? undefined : { code, detail: describeRecord(code, block, index) };
      },
      encode,
      describeCell: ({ code, feature }) => ({
        code,
        detail:
          code === 'row.type'
            ? explain(code, { feature: shownName(feature), type: feature.type })
            : explain(code, { feature: shownName(feature) }),
      }),
      needsEncoding: (label) => route.output.encoding === 'same' && !isAsciiText(label) && isUndecided(),
      decideEncoding,
      addRecord: writer.record,
      rejectLine: (block, index, reject) => rejectLine(block, index, reject, encoding()),
      pendingOutputBytes: () => writer.pendingBytes,
      takeOutput: () => compressed(writer.take()),
      async endOutput() {
        const last = await compressed(writer.take());
        return compressor === undefined ? last : Buffer.concat([last, await compressor.end()]);
      },
      close: text.close,
    };

    /** Where all columns are features the names are the file's, and a file without header would show its first row. */
    function shownName({ name, index }: Feature): string {
      return route.features === '*' ? `#${index + 1}` : name;
    }

    function describeRecord(code: RowCode, block: RecordBlock, index: number): string {
      switch (code) {
        case 'row.field-count':
          return explain(code, { expectedCount: fieldCount, foundCount: block.fieldCounts[index]! });
        case 'row.too-long':
          return explain(code, { maxRecordBytes: csv.maxRecordBytes });
        case 'row.encoding':
          return explain(code, { encoding: encoding() });
        default:
          return explain('row.quote', {});
      }
    }
  } catch (error) {
    await text.close();
    throw error;
  }
}

/** By the name at the model. A model that takes one table of numbers says so once for all of them. */
function modelTypesOf(
  selected: readonly SelectedFeature[],
  { types, everyType }: ModelDescription,
): ModelDescription['types'] {
  if (everyType === undefined) return types;
  return { ...Object.fromEntries(selected.map(({ name }) => [name, everyType])), ...types };
}

async function readHead(chunks: AsyncIterator<Buffer>): Promise<{ head: Buffer; isComplete: boolean }> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  while (sizeBytes < headBytes) {
    const { done, value } = await chunks.next();
    if (done === true) return { head: Buffer.concat(parts), isComplete: true };
    parts.push(value);
    sizeBytes += value.length;
  }
  return { head: Buffer.concat(parts), isComplete: false };
}

/** In the order in which the cells are appended. */
function appendedNames({ output, labels }: Route): readonly string[] {
  const names = [output.prediction];
  if (output.score !== null) names.push(output.score);
  if (output.scores) names.push(...labelNames(labels).map((label) => `score_${label}`));
  if (output.model !== null) names.push(output.model);
  return names;
}

const fixedLabels = ({ labels, decide }: Route): readonly string[] => [
  ...labelNames(labels),
  ...(decide?.abstainAs === undefined ? [] : [decide.abstainAs]),
];

function labelNames(labels: Route['labels']): readonly string[] {
  if (labels === undefined) return [];
  return Array.isArray(labels) ? labels : [...new Set(Object.values(labels))];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is exactly this range
const isAsciiText = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);
