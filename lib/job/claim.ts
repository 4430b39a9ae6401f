import { json } from 'node:stream/consumers';
import type { Clock } from '../clock.ts';
import { hasCode, TamisError } from '../errors.ts';
import type { Storage, WriteCondition } from '../storage/types.ts';
import { Withdrawn } from './withdrawn.ts';

/** Who works on a job. */
export interface Holder {
  /** The Lambda request id: the same over all retries of one delivery. */
  readonly requestId: string;
  /** Different for every run. */
  readonly attempt: string;
  /** Whether somebody runs this holder's work again when it dies (Lambda does; nobody does it for the command line). */
  readonly retried: boolean;
}

/** What a run is about to publish, written down before it does, so that whoever comes next can finish it. */
export interface Publication {
  readonly attempt: string;
  /** `given-up`: after the last retry. A redrive makes it `reopened`, which nobody finishes any more. */
  readonly outcome: 'complete' | 'failed' | 'given-up' | 'reopened';
  /** The summary without what is known only after the output is complete, or the error file. */
  readonly document: unknown;
  /** Where the rejects wait; null when no row was rejected. */
  readonly rejectsKey: string | null;
}

interface ClaimBody {
  readonly job: string;
  readonly holder: Holder;
  /** `held`, or `free` after a passing failure, or `done`, or `settled`: given up after the last retry, open to a redrive. */
  readonly state: 'held' | 'free' | 'done' | 'settled';
  /** Every run that may have completed its output. Only ever grows. */
  readonly publications: readonly Publication[];
}

/** A claim lives this long after its last renewal, by the storage's clock; Lambda's first retry comes after a minute. */
const validForMs = 45_000;
const renewEveryMs = 15_000;
/** `Last-Modified` and `Date` are whole seconds. */
const clockResolutionMs = 1_000;

export interface Claim {
  /** Runs before this one that may have published. Empty for a fresh claim. */
  readonly publications: readonly Publication[];
  /** True when an earlier run held the job: its traces must be looked for. */
  readonly takenOver: boolean;
  /** Throws `Withdrawn` when another run has taken the job over. */
  announce(publication: Publication): Promise<void>;
  /**
   * Ends the job for good, or lets the next delivery take it at once (`free`). Losing the claim here is no failure; what is
   * done is done for the run that has the claim now, too.
   */
  end(state: 'free' | 'done' | 'settled'): Promise<void>;
  /** Renews until the signal is aborted. Calls `onLost` once when another run has taken the job over. */
  keepAlive(signal: AbortSignal, onLost: () => void): Promise<void>;
}

export interface ClaimRequest {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly job: string;
  readonly holder: Holder;
  /** A person sends the event again: a settled job is open. */
  readonly redrive: boolean;
}

export const claimKey = (job: string): string => `.tamis/claims/${job}`;

const reopen = (publication: Publication): Publication =>
  publication.outcome === 'given-up' ? { ...publication, outcome: 'reopened' } : publication;

/** Throws `Withdrawn('duplicate')` when there is nothing to do, `job.claimed` when the event should come again later. */
export async function takeClaim({ storage, clock, job, holder, redrive }: ClaimRequest): Promise<Claim> {
  const key = claimKey(job);
  let etag = '';
  let body: ClaimBody = { job, holder, state: 'held', publications: [] };
  // One write at a time: a renewal must not meet an announcement of the same run.
  let lastWrite: Promise<unknown> = Promise.resolve();

  type Change = (current: ClaimBody) => ClaimBody;

  /** A conditional write whose answer may get lost: on 412 the claim is read again, and may turn out to be ours. */
  async function write(change: Change, current: ClaimBody, condition: WriteCondition): Promise<boolean> {
    const next = change(current);
    try {
      const written = await storage.put(key, Buffer.from(JSON.stringify(next)), {
        condition,
        contentType: 'application/json',
      });
      etag = written.etag;
      body = next;
      return true;
    } catch (error) {
      if (!hasCode(error, 'storage.precondition-failed') && !hasCode(error, 'storage.conflict')) throw error;
      const found = await read();
      if (found?.body.holder.attempt !== holder.attempt) return false;
      etag = found.etag;
      body = found.body;
      if (JSON.stringify(found.body) === JSON.stringify(next)) return true;
      return write(change, found.body, { ifMatch: etag });
    }
  }

  function writeNext(change: Change): Promise<boolean> {
    const turn = lastWrite.then(() => write(change, body, { ifMatch: etag }));
    lastWrite = turn.catch(() => undefined);
    return turn;
  }

  async function read(): Promise<
    { readonly body: ClaimBody; readonly etag: string; readonly ageMs: number } | undefined
  > {
    try {
      const object = await storage.read(key);
      return {
        body: (await json(object.body)) as ClaimBody,
        etag: object.etag,
        ageMs: object.answeredAtMs - object.lastModifiedMs,
      };
    } catch (error) {
      if (hasCode(error, 'storage.not-found')) return undefined;
      throw error;
    }
  }

  async function take(): Promise<boolean> {
    const begin: Change = ({ publications }) => ({
      job,
      holder,
      state: 'held',
      publications: redrive ? publications.map(reopen) : publications,
    });
    if (await write(begin, body, { ifNoneMatch: '*' })) return false;
    for (;;) {
      const found = await read();
      if (found === undefined) {
        if (await write(begin, body, { ifNoneMatch: '*' })) return false;
        continue;
      }
      const { state, holder: other } = found.body;
      if (state === 'done' || (state === 'settled' && !redrive)) throw new Withdrawn('duplicate');
      if (state === 'held' && found.ageMs <= validForMs + clockResolutionMs) {
        if (other.requestId === holder.requestId || !other.retried) throw new TamisError('job.claimed', {});
        throw new Withdrawn('duplicate');
      }
      if (await write(begin, found.body, { ifMatch: found.etag })) return true;
    }
  }

  /** The job is done, whoever holds it by now: that run finds its claim lost, and spends no more. */
  async function endForAnother(): Promise<void> {
    for (;;) {
      const found = await read();
      if (found === undefined || found.body.state === 'done') return;
      if (await write((current) => ({ ...current, holder, state: 'done' }), found.body, { ifMatch: found.etag }))
        return;
    }
  }

  const takenOver = await take();

  return {
    takenOver,
    get publications() {
      return body.publications;
    },
    async announce(publication) {
      const announced = await writeNext((current) => ({
        ...current,
        publications: [...current.publications, publication],
      }));
      if (!announced) throw new Withdrawn('duplicate');
    },
    async end(state) {
      if (await writeNext((current) => ({ ...current, state }))) return;
      if (state === 'done') await endForAnother();
    },
    async keepAlive(signal, onLost) {
      while (!signal.aborted) {
        await clock.sleep(renewEveryMs, signal).catch(() => undefined);
        if (signal.aborted) return;
        const kept = await writeNext((current) => current).catch((error: unknown) => {
          // A renewal that does not get through costs the claim at worst; the conditional completion still decides.
          if (hasCode(error, 'storage.unavailable')) return true;
          throw error;
        });
        if (!kept) {
          onLost();
          return;
        }
      }
    },
  };
}
