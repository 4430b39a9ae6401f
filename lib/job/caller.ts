import type { Clock } from '../clock.ts';
import type { Feature, RowFormat, RowOf } from '../csv/types.ts';
import type { CallOptions, Endpoint, FailureKind, ModelIdentity, Outcome, RawAnswer } from '../endpoints/types.ts';
import { type RowCode, TamisError } from '../errors.ts';
import type { Limiter } from './limiter.ts';

/** What became of one row at the endpoint: its answer, or why there is none. */
export type RowAnswer = RawAnswer | RowFailure;
export interface RowFailure {
  readonly problem: Extract<RowCode, 'row.refused' | 'row.unanswered'>;
  readonly status: number;
}

export interface Answered {
  /** One entry a row, in the order of the rows. */
  readonly answers: readonly RowAnswer[];
  /** Who answered; undefined when the service did not say or no row was answered. */
  readonly model: ModelIdentity | undefined;
}

export interface CallerOptions<F extends RowFormat> {
  readonly endpoint: Endpoint<F>;
  readonly features: readonly Feature[];
  readonly limiter: Limiter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Milliseconds that may still be spent before results must be published; `Infinity` without a deadline. */
  readonly timeLeftMs: () => number;
  /** Monotonic times, for the ledger. Every call that starts also ends. */
  readonly onCallStarted: (atMs: number) => void;
  readonly onCallEnded: (atMs: number, outcome: Outcome | undefined) => void;
}

export interface Counts {
  readonly sent: number;
  readonly retried: number;
  readonly split: number;
  readonly throttledMs: number;
}

export interface Caller<F extends RowFormat> {
  /** One answer or failure for each row. Throws `endpoint.*` when the job as a whole cannot go on. */
  answer(rows: readonly RowOf<F>[]): Promise<Answered>;
  readonly counts: Counts;
}

/** First try and three more; an endpoint that fails four times in a row is down, or the rows are at fault. */
const transientAttempts = 4;
/** "retried, then halved" */
const protocolAttempts = 2;
const backoffBaseMs = 200;
const backoffMaxMs = 20_000;
/** A sleeping endpoint wakes within minutes (SageMaker: "several", Hugging Face: up to ten). */
const patienceMs = 600_000;
/** The stop for a model that refuses everything: this many rows isolated, and this many tried from elsewhere. */
const isolatedLimit = 16;
const probeCount = 4;

type Failed = { readonly kind: FailureKind; readonly status: number };
type Tried = { readonly answers: readonly RawAnswer[]; readonly model: ModelIdentity | undefined } | Failed;

const isFailed = (tried: Tried): tried is Failed => 'kind' in tried;
const isUnusable = (answer: RawAnswer): boolean =>
  answer.label === undefined && answer.probabilities === undefined && answer.scores === undefined;

/** Sends batches, retries, takes refused batches apart. Shared by all batches of a job: the stop rules look at the whole job. */
export function makeCaller<F extends RowFormat>(options: CallerOptions<F>): Caller<F> {
  const { endpoint, features, limiter, clock, signal, timeLeftMs } = options;
  const counts = { sent: 0, retried: 0, split: 0, throttledMs: 0 };
  let answeredRows = 0;
  /** A row that was answered once: it tells a service that is down from a row that brings it down. */
  let goodRow: RowOf<F> | undefined;
  let isolatedRows = 0;
  let dissection: Promise<unknown> = Promise.resolve();

  async function call(rows: readonly RowOf<F>[]): Promise<Tried & { retryAfterMs?: number | undefined }> {
    const slot = await limiter.acquire(signal);
    let result: 'success' | 'throttled' | 'other' = 'other';
    try {
      const leftMs = timeLeftMs();
      const callOptions: CallOptions = { signal, timeoutMs: Math.max(1, Math.min(options.timeoutMs, leftMs)) };
      const outcome = await metered(() => endpoint.classify(features, rows, callOptions));
      signal.throwIfAborted();
      // The call was cut short by our own deadline: a retry of the whole job would end in the same place.
      if (outcome.kind === 'transient' && outcome.status === 0 && leftMs < options.timeoutMs && timeLeftMs() <= 0)
        throw new TamisError('job.out-of-time', { rowCount: answeredRows });
      if (outcome.kind !== 'ok') {
        if (outcome.kind === 'throttled') result = 'throttled';
        return { kind: outcome.kind, status: outcome.status, retryAfterMs: outcome.retryAfterMs };
      }
      if (outcome.answers.length !== rows.length || outcome.answers.every(isUnusable))
        return { kind: 'protocol', status: 200 };
      result = 'success';
      goodRow ??= rows[outcome.answers.findIndex((answer) => !isUnusable(answer))];
      return { answers: outcome.answers, model: outcome.model };
    } finally {
      slot.release(result);
    }
  }

  async function metered(send: () => Promise<Outcome>): Promise<Outcome> {
    options.onCallStarted(clock.monotonicMs());
    let outcome: Outcome | undefined;
    try {
      outcome = await send();
      return outcome;
    } finally {
      options.onCallEnded(clock.monotonicMs(), outcome);
    }
  }

  async function waitBefore(
    attempt: number,
    retryAfterMs: number | undefined,
    givingUp: () => TamisError,
  ): Promise<number> {
    const ceilingMs = Math.min(backoffMaxMs, backoffBaseMs * 2 ** attempt);
    const waitMs = Math.max(retryAfterMs ?? 0, 1 + clock.random() * ceilingMs);
    if (waitMs >= timeLeftMs() || waitMs > patienceMs) throw givingUp();
    await clock.sleep(waitMs, signal);
    return waitMs;
  }

  /** Tries the rows as they are, as often as the kind of failure deserves. Throws what ends the job. */
  async function attempt(rows: readonly RowOf<F>[]): Promise<Tried> {
    let waits = 0;
    let waitedMs = 0;
    let transient = 0;
    let protocol = 0;
    for (let tries = 0; ; tries++) {
      if (tries > 0) counts.retried++;
      const tried = await call(rows);
      if (!isFailed(tried)) return tried;
      const { kind, status, retryAfterMs } = tried;
      if (kind === 'config') throw new TamisError('endpoint.refused', { status });
      if (kind === 'quota') throw new TamisError('endpoint.quota', { status });
      if (kind === 'throttled' || kind === 'cold') {
        const givingUp = () => new TamisError(kind === 'cold' ? 'endpoint.cold' : 'endpoint.throttled', { status });
        if (waitedMs > patienceMs) throw givingUp();
        const waitMs = await waitBefore(waits++, retryAfterMs, givingUp);
        waitedMs += waitMs;
        if (kind === 'throttled') counts.throttledMs += waitMs;
      } else if (kind === 'transient' && ++transient < transientAttempts) {
        await waitBefore(transient, retryAfterMs, () => new TamisError('endpoint.unreachable', { status }));
      } else if (kind === 'protocol' && ++protocol < protocolAttempts) {
        await waitBefore(0, retryAfterMs, () => new TamisError('endpoint.protocol', {}));
      } else {
        // Without a connection the rows are not at fault.
        if (kind === 'transient' && status === 0) throw new TamisError('endpoint.unreachable', { status });
        return { kind, status };
      }
    }
  }

  function noteAnswers(answers: readonly RawAnswer[]): readonly RowAnswer[] {
    const unusableCount = answers.reduce((count, answer) => (isUnusable(answer) ? count + 1 : count), 0);
    answeredRows += answers.length - unusableCount;
    if (unusableCount === 0) return answers;
    return answers.map((answer) => (isUnusable(answer) ? { problem: 'row.unanswered', status: 200 } : answer));
  }

  const failureOf = ({ kind, status }: Failed): RowFailure => ({
    problem: kind === 'protocol' ? 'row.unanswered' : 'row.refused',
    status,
  });

  const isAnswered = async (row: RowOf<F>): Promise<boolean> => !isFailed(await attempt([row]));

  /** Whether the service answers anything at all, when nothing was answered yet: a few rows of the batch are asked alone. */
  async function answersAny(rows: readonly RowOf<F>[]): Promise<boolean> {
    for (const share of [1, 0.5, 0]) if (await isAnswered(rows[Math.round(share * (rows.length - 1))]!)) return true;
    return false;
  }

  /**
   * A row that failed alone, as a service does that is down. It is guilty only when it fails between two answers to a row that was
   * answered before; as long as that one fails too, the outage is waited out. Throws `endpoint.unreachable` beyond patience.
   */
  async function askAgain(row: RowOf<F>, failed: Failed): Promise<Tried> {
    const givingUp = () => new TamisError('endpoint.unreachable', { status: failed.status });
    for (let waits = 0, waitedMs = 0; waitedMs <= patienceMs; waits++) {
      if (goodRow !== undefined && (await isAnswered(goodRow))) {
        const again = await attempt([row]);
        if (!isFailed(again) || again.kind !== 'transient' || (await isAnswered(goodRow))) return again;
      }
      waitedMs += await waitBefore(waits, undefined, givingUp);
    }
    throw givingUp();
  }

  /** Halves until the guilty rows stand alone. `failed`: what became of the whole batch. */
  async function takeApart(rows: readonly RowOf<F>[], failed: Failed): Promise<Answered> {
    counts.split++;
    const results: Array<RowAnswer | undefined> = new Array(rows.length).fill(undefined);
    let model: ModelIdentity | undefined;
    if (failed.kind === 'transient' && goodRow === undefined && !(await answersAny(rows)))
      throw new TamisError('endpoint.unreachable', { status: failed.status });
    const stack: Array<readonly number[]> = halves(rows.map((_, index) => index));

    async function tryRows(indices: readonly number[]): Promise<Failed | undefined> {
      let tried = await attempt(indices.map((index) => rows[index]!));
      if (isFailed(tried) && tried.kind === 'transient' && indices.length === 1)
        tried = await askAgain(rows[indices[0]!]!, tried);
      if (isFailed(tried)) {
        if (indices.length === 1) results[indices[0]!] = failureOf(tried);
        return tried;
      }
      model ??= tried.model;
      noteAnswers(tried.answers).forEach((answer, position) => {
        results[indices[position]!] = answer;
      });
      return undefined;
    }

    /** A batch of one row stands alone already. */
    async function tryAlone(): Promise<void> {
      if (failed.kind === 'transient') await tryRows([0]);
      else results[0] = failureOf(failed);
      await noteIsolated(failed);
    }

    /** Counts a row that stands alone; at the sixteenth, and where nothing was ever answered, sees whether that is all there is. */
    async function noteIsolated(lastFailed: Failed): Promise<void> {
      if (answeredRows > 0) return;
      isolatedRows++;
      if (isolatedRows < isolatedLimit) return;
      const left = stack.flat().filter((index) => results[index] === undefined);
      // Small batches have too few others; the same number of rows of the next ones stands for them.
      if (left.length >= probeCount) await probe(left);
      else if (isolatedRows < isolatedLimit + probeCount) return;
      if (answeredRows > 0) return;
      if (lastFailed.kind === 'protocol') throw new TamisError('endpoint.protocol', {});
      throw new TamisError('endpoint.refuses-all', { refusedCount: isolatedLimit + probeCount });
    }

    /** Four single rows from what is left: when they are refused too, the rows are not the problem. */
    async function probe(left: readonly number[]): Promise<void> {
      for (let i = 0; i < probeCount; i++) {
        const index = left[Math.floor(((i + 0.5) * left.length) / probeCount)]!;
        if ((await tryRows([index])) === undefined) return;
      }
    }

    if (rows.length === 1) await tryAlone();
    while (rows.length > 1 && stack.length > 0) {
      const indices = stack.pop()!.filter((index) => results[index] === undefined);
      if (indices.length === 0) continue;
      const stillFailed = await tryRows(indices);
      if (stillFailed === undefined) continue;
      if (indices.length > 1) {
        stack.push(...halves(indices));
        continue;
      }
      await noteIsolated(stillFailed);
    }
    return { answers: results as RowAnswer[], model };
  }

  async function answer(rows: readonly RowOf<F>[]): Promise<Answered> {
    counts.sent++;
    const tried = await attempt(rows);
    if (!isFailed(tried)) return { answers: noteAnswers(tried.answers), model: tried.model };
    if (answeredRows > 0) return takeApart(rows, tried);
    // Until a first row has been classified only one batch is taken apart at a time. What one throws ends the job: no other follows.
    const turn = dissection.then(() => takeApart(rows, tried));
    dissection = turn;
    return turn;
  }

  return { answer, counts };
}

/** The second half first: the stack is popped from its end, so rows are isolated from the left. */
function halves(indices: readonly number[]): Array<readonly number[]> {
  const middle = Math.ceil(indices.length / 2);
  return [indices.slice(middle), indices.slice(0, middle)].filter((half) => half.length > 0);
}
