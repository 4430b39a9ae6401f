import type { Clock } from '../clock.ts';
import type { Route } from '../config/types.ts';
import { isCellProblem } from '../csv/encode.ts';
import type { Compression, RowFormat, RowOf } from '../csv/types.ts';
import type { Endpoint } from '../endpoints/types.ts';
import type { Meter } from '../ledger/meter.ts';
import type { Counted } from './account.ts';
import { addRecord, emptyBatch } from './batch.ts';
import { type Counts, makeCaller } from './caller.ts';
import { type CsvSession, openCsv } from './csv-session.ts';
import { type AnsweredBatch, makeDelivery } from './delivery.ts';
import { makeLimiter } from './limiter.ts';
import { type ModelLedger, makeModelLedger } from './models.ts';
import { makeOrdered } from './ordered.ts';
import type { ClassifyResult } from './summary.ts';
import { makeTally, type Tally } from './tally.ts';
import { makeTimeGuard } from './time-guard.ts';
import { makeWriteBehind } from './write-behind.ts';

export interface Progress {
  /** Classified or rejected, and written. */
  readonly rowsDelivered: number;
  /** Of the object as it is stored; about, because reading runs ahead. */
  readonly bytesDelivered: number;
  readonly sizeBytes: number;
}

export interface ClassifyOptions {
  readonly route: Route;
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly signal: AbortSignal;
  /** Of the object as it is stored. */
  readonly sizeBytes: number;
  readonly compression: Compression | undefined;
  /** The stored bytes, always of the same version. May be called more than once. */
  readonly openInput: () => AsyncIterable<Buffer>;
  readonly writeOutput: (chunk: Buffer) => Promise<void>;
  readonly writeRejects: (chunk: Buffer) => Promise<void>;
  /** Milliseconds that the work may still take; `Infinity` without a deadline. */
  readonly timeLeftMs: () => number;
  readonly onProgress?: (progress: Progress) => void;
  /** Called before the first call, with a way to look at what is counted so far, for runs that do not get to the end. */
  readonly onCounting?: (read: () => Counted) => void;
}

/** What is read and not yet delivered, in bytes: bounds the memory of a job, whatever the size of its file. */
const maxUndeliveredBytes = 16 * 1024 * 1024;

/**
 * The way of all rows: read, cut, batched, sent, brought back into order, written. Throws final and passing failures; the rejects
 * found before a final one are written.
 */
export async function classify(options: ClassifyOptions): Promise<ClassifyResult> {
  const { route, endpoint, signal } = options;
  const timeoutMs = route.endpoint.timeoutMs ?? endpoint.defaults.timeoutMs;
  const description = await endpoint.describe({ signal, timeoutMs });
  const models = makeModelLedger(route.endpoint, description.model);
  const tally = makeTally(route.limits.maxRejected);
  const csv = await openCsv({
    route,
    rowFormat: endpoint.rowFormat,
    compression: options.compression,
    openInput: options.openInput,
    sizeBytes: options.sizeBytes,
    description,
  });
  try {
    return await classifyRecords(options, csv, tally, models);
  } finally {
    await csv.close();
  }
}

async function classifyRecords(
  options: ClassifyOptions,
  csv: CsvSession,
  tally: Tally,
  models: ModelLedger,
): Promise<ClassifyResult> {
  const { route, endpoint, clock, signal } = options;
  const timeoutMs = route.endpoint.timeoutMs ?? endpoint.defaults.timeoutMs;
  const maxRows = route.batch.maxRows ?? endpoint.defaults.maxRows;
  const maxBytes = route.batch.maxBytes ?? endpoint.defaults.maxBytes;
  const maxInFlight = route.batch.maxInFlight ?? endpoint.defaults.maxInFlight;
  const stop = new AbortController();
  const caller = makeCaller({
    endpoint,
    features: csv.features,
    limiter: makeLimiter(maxInFlight),
    clock,
    signal: AbortSignal.any([signal, stop.signal]),
    timeoutMs,
    timeLeftMs: options.timeLeftMs,
    onCallStarted: (atMs) => options.meter.callStarted(atMs),
    onCallEnded: (atMs, outcome) => {
      options.meter.callEnded(atMs);
      if (outcome?.usage !== undefined) options.meter.addReported(outcome.usage);
    },
  });
  options.onCounting?.(() => countedBy(tally, caller.counts));
  const output = makeWriteBehind(options.writeOutput);
  const deliver = makeDelivery({
    route,
    csv,
    tally,
    models,
    writeOutput: output.write,
    writeRejects: options.writeRejects,
    onDelivered: () =>
      options.onProgress?.({
        rowsDelivered: tally.counts.read,
        bytesDelivered: csv.bytesDelivered(tally.counts.read),
        sizeBytes: options.sizeBytes,
      }),
  });
  const ordered = makeOrdered<AnsweredBatch>({
    maxRunning: maxInFlight,
    maxUndeliveredBytes,
    deliver,
    onFailure: (error) => stop.abort(error),
  });
  const guardTime = makeTimeGuard(clock, options.timeLeftMs);

  let batch = emptyBatch(1);
  // Resolves when there is room for the next batch, which is put together meanwhile: it leaves as soon as an answer comes.
  let room: Promise<void> = Promise.resolve();
  async function dispatch(): Promise<void> {
    if (batch.recordCount === 0) return;
    await room;
    signal.throwIfAborted();
    guardTime(csv.bytesDelivered(tally.counts.read) / options.sizeBytes, tally.counts.classified);
    const full = batch;
    batch = emptyBatch(full.firstRow + full.recordCount);
    room = ordered.submit(full.heldBytes, async () => {
      if (full.rows.length === 0) return { batch: full, answers: [], model: undefined };
      const answered = await caller.answer(full.rows);
      // Nothing sends them again, and a batch may wait long for its turn.
      full.rows = [];
      return { batch: full, ...answered };
    });
    // Whoever waits for it is told.
    room.catch(() => undefined);
  }

  try {
    await output.write(await csv.takeOutput());
    tally.blank(csv.leadingBlankCount);
    for await (const block of csv.blocks()) {
      tally.blank(block.blankCount);
      for (let index = 0; index < block.count; index++) {
        const recordBytes = block.nexts[index]! - block.starts[index]!;
        const row = block.problems[index] === 0 ? csv.encode(block, index) : undefined;
        if (row === undefined) addRecord(batch, block, index, csv.problemOf(block, index));
        else if (isCellProblem(row)) addRecord(batch, block, index, csv.describeCell(row));
        else {
          const rowBytes = Math.max(recordBytes, sizeOf(row));
          if (batch.rows.length > 0 && batch.sizeBytes + rowBytes > maxBytes) await dispatch();
          addRecord(batch, block, index, undefined);
          batch.rows.push(row);
          batch.sizeBytes += rowBytes;
        }
        if (batch.rows.length >= maxRows || batch.recordCount >= maxRecordsPerRow * maxRows) await dispatch();
      }
    }
    await dispatch();
    await room;
    await ordered.finish();
    await output.write(await csv.endOutput());
    await output.finish();
  } catch (error) {
    stop.abort(error);
    await ordered.finish().catch(() => undefined);
    await output.finish().catch(() => undefined);
    throw error;
  }
  tally.checkAtEnd(csv.scannedRows());
  return resultOf(tally, csv, caller.counts, models.list());
}

/** Rejected records ride along with a batch; a stretch of nothing else is passed on in batches of this many times its rows. */
const maxRecordsPerRow = 4;

/** Bytes of a row in a request, about: cells have no text of their own, and count as the record they come from. */
const sizeOf = (row: RowOf<RowFormat>): number => (typeof row === 'string' || Buffer.isBuffer(row) ? row.length : 0);

const countedBy = ({ counts }: Tally, { sent, retried, split, throttledMs }: Counts): Counted => ({
  rows: { ...counts },
  batches: { sent, retried, split },
  throttledMs,
});

function resultOf(tally: Tally, csv: CsvSession, counts: Counts, models: ClassifyResult['models']): ClassifyResult {
  const { labels, rejectCodes } = tally;
  return {
    ...countedBy(tally, counts),
    labels,
    rejectCodes,
    models,
    dialect: csv.dialect(),
    types: Object.fromEntries(csv.features.map(({ column, type }) => [column, type])),
  };
}
