import type { RecordBlock, RowFormat, RowOf } from '../csv/types.ts';
import type { RowProblem } from './csv-session.ts';

/** Records `start` to `end` (not included) of one block. */
export interface Stretch {
  readonly block: RecordBlock;
  readonly start: number;
  end: number;
}

/** Consecutive records, with what the model receives of the sound ones. Holds no object of its own for a sound record. */
export interface Batch {
  /** 1-based, of the first record. */
  readonly firstRow: number;
  readonly stretches: Stretch[];
  recordCount: number;
  /** Why a record is not sent, by its position in the batch. */
  readonly problems: Map<number, RowProblem>;
  /** What is sent, in the order of the records without a problem. */
  rows: RowOf<RowFormat>[];
  /** Bytes of the rows in a request, about. */
  sizeBytes: number;
  /** Memory that the batch keeps until it is delivered, about. */
  heldBytes: number;
}

export const emptyBatch = (firstRow: number): Batch => ({
  firstRow,
  stretches: [],
  recordCount: 0,
  problems: new Map(),
  rows: [],
  sizeBytes: 0,
  heldBytes: 0,
});

/** What a record costs beside its bytes: its numbers in the block, its row, its answer. */
const overheadBytes = 400;

/** Adds the record that follows the last one. */
export function addRecord(batch: Batch, block: RecordBlock, index: number, problem: RowProblem | undefined): void {
  const last = batch.stretches.at(-1);
  if (last?.block === block) last.end = index + 1;
  else batch.stretches.push({ block, start: index, end: index + 1 });
  if (problem !== undefined) batch.problems.set(batch.recordCount, problem);
  batch.recordCount++;
  batch.heldBytes += block.nexts[index]! - block.starts[index]! + overheadBytes;
}
