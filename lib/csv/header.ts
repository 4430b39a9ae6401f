import { Buffer } from 'node:buffer';
import { TamisError } from '../errors.ts';
import type { Layout } from './dialect.ts';
import { readFields } from './fields.ts';
import { makeScanner } from './scan.ts';
import type { Encoding, FeatureRequest, FeatureType } from './types.ts';

export interface Header {
  /**
   * One name a column, by position: names may be equal, empty or `__proto__`. Without a header `column_1`, `column_2`, …, as many as the
   * first sound record has.
   */
  readonly columns: readonly string[];
  /** The header as it stands in the scanned bytes, without its line end; empty in a file without header. */
  readonly record: Buffer;
  /** Empty when the file ends with the header. */
  readonly lineEnd: string;
  /** Where the records begin: bytes of the head to leave out. */
  readonly byteLength: number;
  /** The same as an offset in the decompressed input: BOM and UTF-16 counted. */
  readonly offset: number;
  /** Physical line on which the records begin, 1-based. */
  readonly line: number;
  /** Blank lines left out. */
  readonly blankCount: number;
}

export interface HeaderOptions {
  /** From behind the BOM. */
  readonly head: Buffer;
  /** The head is the whole file. */
  readonly isComplete: boolean;
  readonly bomBytes: number;
  readonly layout: Layout;
  readonly encoding: Encoding;
  readonly maxRecordBytes: number;
}

/**
 * The first record, as names. Undefined when the file holds none: 0 bytes, a BOM, blank lines.
 * Throws `input.header-invalid` for a header that is no sound record.
 */
export function readHeader(options: HeaderOptions): Header | undefined {
  const { head, isComplete, bomBytes, layout, encoding, maxRecordBytes } = options;
  const scanner = makeScanner({
    dialect: layout,
    fieldCount: undefined,
    maxRecordBytes,
    encoding: () => encoding,
    offset: bomBytes,
    line: 1,
  });
  const block = scanner.push(head) ?? (isComplete ? scanner.end() : undefined);
  if (block === undefined || block.count === 0) {
    if (isComplete) return undefined;
    throw new TamisError('input.header-invalid', {});
  }
  if (!layout.header) {
    const fieldCount = block.fieldCounts[Math.max(0, block.problems.indexOf(0))]!;
    const columns = Array.from({ length: fieldCount }, (_, position) => `column_${position + 1}`);
    return { columns, record: Buffer.alloc(0), lineEnd: '', byteLength: 0, offset: bomBytes, line: 1, blankCount: 0 };
  }
  if (block.problems[0] !== 0) throw new TamisError('input.header-invalid', {});
  const [start, end, next] = [block.starts[0]!, block.ends[0]!, block.nexts[0]!];
  return {
    columns: readFields(block, 0, { ...layout, decimal: '.' }, encoding),
    record: Buffer.from(block.bytes.subarray(start, end)),
    lineEnd: block.bytes.toString('latin1', end, next),
    byteLength: next,
    offset: block.offsets[0]! + block.lengths[0]! + (next - end) * (encoding.startsWith('utf-16') ? 2 : 1),
    line: linesUntil(block.bytes.subarray(0, next), layout.lineEnd),
    blankCount: start / layout.lineEnd.length,
  };
}

/** Line on which the byte behind `bytes` stands. */
function linesUntil(bytes: Buffer, lineEnd: string): number {
  const lineBreak = lineEnd.charCodeAt(lineEnd.length - 1);
  let line = 1;
  for (const byte of bytes) if (byte === lineBreak) line++;
  return line;
}

/** A feature before its type is decided. */
export interface SelectedFeature {
  readonly index: number;
  readonly column: string;
  readonly name: string;
  readonly type: FeatureType | undefined;
}

/** Accents may be one character or two (macOS writes two); the names mean the same. */
const normal = (name: string): string => name.normalize('NFC');

/**
 * Finds the route's features among the columns; `'*'` takes all. Throws `input.column-missing` or `input.header-duplicate`, which name
 * what the configuration names; with `'*'` that is nothing, and the columns are named by position: `#2`.
 */
export function selectFeatures(
  columns: readonly string[],
  features: '*' | readonly FeatureRequest[],
): SelectedFeature[] {
  const positions = new Map<string, number[]>();
  columns.forEach((column, index) => {
    const name = normal(column);
    const known = positions.get(name);
    if (known === undefined) positions.set(name, [index]);
    else known.push(index);
  });
  if (features === '*') {
    const duplicates = [...positions.values()].filter((found) => found.length > 1).flat();
    if (duplicates.length > 0) {
      throw new TamisError('input.header-duplicate', {
        columns: duplicates.sort((one, other) => one - other).map((index) => `#${index + 1}`),
      });
    }
    return columns.map((column, index) => ({ index, column, name: column, type: undefined }));
  }
  const found = features.map((feature) => positions.get(normal(feature.column)) ?? []);
  const named = (isWrong: (count: number) => boolean) => [
    ...new Set(features.filter((_, position) => isWrong(found[position]!.length)).map(({ column }) => column)),
  ];
  const missing = named((count) => count === 0);
  if (missing.length > 0) throw new TamisError('input.column-missing', { columns: missing });
  const duplicate = named((count) => count > 1);
  if (duplicate.length > 0) throw new TamisError('input.header-duplicate', { columns: duplicate });
  return features.map(({ column, as, type }, position) => ({ index: found[position]![0]!, column, name: as, type }));
}

/** Throws `input.column-exists` when a name that is to be appended is in the header already. */
export function refuseExistingColumns(columns: readonly string[], appended: readonly string[]): void {
  const existing = new Set(columns.map(normal));
  const taken = appended.filter((name) => existing.has(normal(name)));
  if (taken.length > 0) throw new TamisError('input.column-exists', { columns: taken });
}
