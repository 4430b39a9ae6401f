import type { Clock } from '../clock.ts';
import type { Route } from '../config/types.ts';
import type { Meter } from '../ledger/meter.ts';
import type { Receipt, UsageLine } from '../ledger/types.ts';
import type { ClassifyResult, SummaryFacts } from './summary.ts';

/** Requests to a storage, as the ledger bills them. */
export interface Requests {
  readonly puts: number;
  readonly gets: number;
  readonly lists: number;
  readonly deletes: number;
}

/** Requests by the storage that they go to: not every storage bills them. */
export interface PlannedRequests {
  readonly inputs: Requests;
  readonly outputs: Requests;
  readonly claims: Requests;
}

/** What follows the receipt, so that the receipt can hold its own cost. */
export interface Planned {
  readonly requests: PlannedRequests;
  /** How long requests and events will take: their number times the mean duration of such requests of the same run. */
  readonly durationMs: number;
  readonly report: ReportSize;
}

/** What it takes to tell the world how a run ended. */
export interface ReportSize {
  /** Of the lines in the log. */
  readonly logBytes: number;
  readonly eventCount: number;
}

/** `route`: undefined for an object under none. */
export type WriteReceipt = (
  route: Route | undefined,
  usage: readonly UsageLine[],
  classifiedCount: number,
  planned: Planned,
) => Receipt;

/** What classifying has counted so far. */
export type Counted = Pick<ClassifyResult, 'rows' | 'batches' | 'throttledMs'>;

/** What a run that leaves no summary had done when it ended, and what it cost. */
export interface Spent {
  /** Undefined when it ended before its first row. */
  readonly rows: Counted['rows'] | undefined;
  readonly batches: Counted['batches'] | undefined;
  readonly timing: SummaryFacts['timing'];
  readonly receipt: Receipt;
}

/** Keeps count of what one run uses, from its first request to its receipt. */
export interface Account {
  /** Does work that consists of short requests one after the other, and learns from it how long one takes. */
  timeRequests<T>(work: () => Promise<T>): Promise<T>;
  /** From here on there is something to count. */
  startCounting(read: () => Counted): void;
  timing(throttledMs: number): SummaryFacts['timing'];
  /** For a run whose results are still to be published. */
  receipt(classifiedCount: number, requests: PlannedRequests, report: ReportSize): Receipt;
  /** For a run that has nothing left to do but tell how it ended. */
  spent(report: ReportSize): Spent;
}

export interface AccountOptions {
  readonly clock: Clock;
  readonly meter: Meter;
  readonly route: Route | undefined;
  readonly writeReceipt: WriteReceipt;
}

const none: Requests = { puts: 0, gets: 0, lists: 0, deletes: 0 };
export const nothingPlanned: Planned = {
  requests: { inputs: none, outputs: none, claims: none },
  durationMs: 0,
  report: { logBytes: 0, eventCount: 0 },
};

export function makeAccount({ clock, meter, route, writeReceipt }: AccountOptions): Account {
  const startedAtMs = clock.now();
  const startedMs = clock.monotonicMs();
  let meanRequestMs = 0;
  let readCounted: (() => Counted) | undefined;

  const usage = () => meter.read(clock.monotonicMs());
  const requestCount = (): number =>
    usage()
      .filter(({ resource, unit }) => resource.startsWith('s3.') && unit === 'request')
      .reduce((sum, { quantity }) => sum + quantity, 0);

  function timing(throttledMs: number): SummaryFacts['timing'] {
    const busy = usage().find(({ resource }) => resource === 'endpoint.busy')?.quantity ?? 0;
    return {
      startedAt: new Date(startedAtMs).toISOString(),
      durationMs: clock.monotonicMs() - startedMs,
      endpointMs: busy * 1000,
      throttledMs,
    };
  }

  return {
    timing,
    async timeRequests(work) {
      const before = { ms: clock.monotonicMs(), count: requestCount() };
      const result = await work();
      const count = requestCount() - before.count;
      if (count > 0) meanRequestMs = (clock.monotonicMs() - before.ms) / count;
      return result;
    },
    startCounting(read) {
      readCounted = read;
    },
    receipt(classifiedCount, requests, report) {
      const plannedCount = Object.values(requests)
        .flatMap((ofStorage: Requests) => Object.values(ofStorage) as number[])
        .reduce((sum, count) => sum + count, report.eventCount);
      const durationMs = plannedCount * meanRequestMs;
      return writeReceipt(route, usage(), classifiedCount, { requests, durationMs, report });
    },
    spent(report) {
      const counted = readCounted?.();
      return {
        rows: counted?.rows,
        batches: counted?.batches,
        timing: timing(counted?.throttledMs ?? 0),
        receipt: writeReceipt(route, usage(), counted?.rows.classified ?? 0, { ...nothingPlanned, report }),
      };
    },
  };
}
