import { makeScanner, type ScanOptions } from '../../../lib/csv/scan.ts';
import type { RecordBlock } from '../../../lib/csv/types.ts';
import { recordProblems } from '../../../lib/csv/types.ts';
import { chunksOf } from './chunks.ts';

export interface ScannedRecord {
  readonly code: string;
  readonly bytes: string;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
  readonly fieldCount: number;
}

export const defaultScan: ScanOptions = {
  dialect: { delimiter: ',', quote: '"', lineEnd: '\n' },
  fieldCount: 2,
  maxRecordBytes: 100,
  encoding: () => 'utf-8',
  offset: 0,
  line: 1,
};

/** All blocks of an input that is pushed in chunks of these sizes. */
export function scanBlocks(input: Buffer, sizes: readonly number[], options: Partial<ScanOptions> = {}) {
  const scanner = makeScanner({ ...defaultScan, ...options });
  const blocks: RecordBlock[] = [];
  for (const chunk of chunksOf(input, sizes)) {
    const block = scanner.push(chunk);
    if (block !== undefined) blocks.push(block);
  }
  const last = scanner.end();
  if (last !== undefined) blocks.push(last);
  return {
    blocks,
    records: blocks.flatMap(recordsOf),
    blankCount: blocks.reduce((sum, block) => sum + block.blankCount, 0),
    visitedByteCount: scanner.visitedByteCount,
  };
}

export function codeOf(block: RecordBlock, index: number): string {
  return block.problems[index] === 0 ? '' : recordProblems[block.problems[index]! - 1]!;
}

function recordsOf(block: RecordBlock): ScannedRecord[] {
  return Array.from({ length: block.count }, (_, index) => ({
    code: codeOf(block, index),
    bytes: block.bytes.toString('latin1', block.starts[index]!, block.ends[index]!),
    line: block.lines[index]!,
    offset: block.offsets[index]!,
    length: block.lengths[index]!,
    fieldCount: block.fieldCounts[index]!,
  }));
}
