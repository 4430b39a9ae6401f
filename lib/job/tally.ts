import { type RowCode, TamisError } from '../errors.ts';

/** Counts of one job, reconciled at its end. */
export interface Tally {
  readonly counts: {
    readonly read: number;
    readonly classified: number;
    readonly abstained: number;
    readonly rejected: number;
    readonly blank: number;
  };
  readonly labels: Readonly<Record<string, number>>;
  readonly rejectCodes: Readonly<Partial<Record<RowCode, number>>>;
  blank(count: number): void;
  /** A record was cut from the file; what becomes of it is told by `classified` or `rejected`. */
  read(count: number): void;
  classified(label: string, abstained: boolean): void;
  rejected(code: RowCode): void;
  /**
   * Throws `job.too-many-rejects` as soon as no continuation of the file could bring the share down: `maxRemaining` is the most
   * rows that can still come. `endpoint.protocol` instead, when rows are among them that the service answered with nonsense and
   * none was ever classified: then the file is not to blame.
   */
  checkRejects(maxRemaining: number): void;
  /** `scannedCount`: records that were cut from the file, counted where they were cut. Throws `job.unreconciled`, `endpoint.protocol` (nothing sensible ever came) or `job.too-many-rejects`. */
  checkAtEnd(scannedCount: number): void;
}

export function makeTally(limit: { readonly rows: number; readonly share: number }): Tally {
  const counts = { read: 0, classified: 0, abstained: 0, rejected: 0, blank: 0 };
  const labels = new Map<string, number>();
  const rejectCodes: Partial<Record<RowCode, number>> = {};

  function checkSense(): void {
    if (counts.classified === 0 && rejectCodes['row.unanswered'] !== undefined)
      throw new TamisError('endpoint.protocol', {});
  }

  function checkRejects(maxRemaining: number): void {
    const { rejected } = counts;
    const delivered = counts.classified + rejected;
    if (rejected <= limit.rows || rejected <= limit.share * (delivered + maxRemaining)) return;
    checkSense();
    throw new TamisError('job.too-many-rejects', { rejectedCount: rejected, readCount: delivered });
  }

  return {
    counts,
    get labels() {
      return Object.fromEntries(labels);
    },
    rejectCodes,
    blank(count) {
      counts.blank += count;
    },
    read(count) {
      counts.read += count;
    },
    classified(label, abstained) {
      counts.classified++;
      if (abstained) counts.abstained++;
      labels.set(label, (labels.get(label) ?? 0) + 1);
    },
    rejected(code) {
      counts.rejected++;
      rejectCodes[code] = (rejectCodes[code] ?? 0) + 1;
    },
    checkRejects,
    checkAtEnd(scannedCount) {
      const { read, classified, rejected } = counts;
      if (read !== scannedCount || read !== classified + rejected)
        throw new TamisError('job.unreconciled', {
          readCount: scannedCount,
          classifiedCount: classified,
          rejectedCount: rejected,
        });
      checkSense();
      checkRejects(0);
    },
  };
}
