/** What the rest of the program knows of a CSV file. Bytes stay bytes: records are positions in buffers, cells are cut out on demand. */

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252' | 'iso-8859-15';
export type LineEnd = '\n' | '\r\n' | '\r';
export type Decimal = '.' | ',';
export type Compression = 'gzip' | 'zstd';

export interface Dialect {
  readonly delimiter: ',' | ';' | '\t' | '|';
  /** One ASCII character, or null when quotes have no meaning. */
  readonly quote: string | null;
  readonly lineEnd: LineEnd;
  readonly decimal: Decimal;
  /** Removed from numbers before they are read; null for none. */
  readonly thousands: string | null;
  readonly header: boolean;
  readonly missing: readonly string[];
}

/** What a route says of its files; `CsvConfig` is assignable to it. */
export interface CsvOptions {
  readonly delimiter: 'auto' | Dialect['delimiter'];
  readonly encoding: 'auto' | Encoding;
  readonly quote: string | null;
  readonly header: boolean;
  readonly decimal: 'auto' | Decimal;
  readonly thousands: string | null;
  readonly missing: readonly string[];
  readonly maxRecordBytes: number;
}

export type FeatureType = 'number' | 'integer' | 'boolean' | 'text';

/** One column that the model receives. */
export interface Feature {
  /** Position in the file, 0-based. */
  readonly index: number;
  /** Header in the file. */
  readonly column: string;
  /** Name at the model. */
  readonly name: string;
  readonly type: FeatureType;
}

/** A feature as a route names it; `FeatureConfig` is assignable to it. */
export interface FeatureRequest {
  readonly column: string;
  readonly as: string;
  readonly type?: FeatureType;
}

/** A cell as the model receives it; null is missing. */
export type Cell = string | number | boolean | null;

/** `csv`: one line in the endpoint's dialect (comma, point, `\n`, UTF-8). `json`: a JSON array, the cells in feature order. `cells`: the values. */
export interface RowFormats {
  readonly csv: Buffer;
  readonly json: string;
  readonly cells: readonly Cell[];
}
export type RowFormat = keyof RowFormats;
export type RowOf<F extends RowFormat> = RowFormats[F];

/** Why a record does not reach the model. */
export type RecordProblem =
  | 'row.field-count'
  | 'row.quote'
  | 'row.too-long'
  | 'row.encoding'
  | 'row.type'
  | 'row.missing';

/**
 * Consecutive records cut from the stream, as columns of numbers (one object a record would cost more than the scan).
 * Record i is `bytes[starts[i] .. ends[i])`, its line end `bytes[ends[i] .. nexts[i])`, empty at the end of a file without one.
 * `bytes` is never changed after the block was handed out. Of a record longer than `maxRecordBytes` only the first 1,000 bytes are there, without
 * its line end. The last block of a file may hold no record, only a `blankCount`.
 */
export interface RecordBlock {
  readonly bytes: Buffer;
  readonly count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly nexts: Int32Array;
  /** 0 when the record is sound, else 1 + an index into `recordProblems`. */
  readonly problems: Uint8Array;
  /** Fields found in the record; what `row.field-count` reports. */
  readonly fieldCounts: Int32Array;
  /** 1 when a quote occurs in the record: a delimiter may be data, and quotes have to be removed. */
  readonly quoted: Uint8Array;
  /** Physical line of the record's first byte, 1-based. */
  readonly lines: Float64Array;
  /** Offset of the record's first byte in the decompressed input (in the file's own encoding). */
  readonly offsets: Float64Array;
  /** Bytes of the record in the decompressed input, without its line end (in the file's own encoding). */
  readonly lengths: Float64Array;
  /** Blank lines skipped since the block before. */
  readonly blankCount: number;
}

export const recordProblems: readonly RecordProblem[] = [
  'row.field-count',
  'row.quote',
  'row.too-long',
  'row.encoding',
  'row.type',
  'row.missing',
];

export interface Scanner {
  /** Cuts what can be cut; undefined when no record ended in this chunk. */
  push(chunk: Buffer): RecordBlock | undefined;
  /** What is left at the end of the file. */
  end(): RecordBlock | undefined;
}
