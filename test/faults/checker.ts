/** Looks at the bucket after every write and at the end of a story, and throws at the first thing that must not be. */
import { hasCode } from '../../lib/errors.ts';
import type { JobEnd } from '../../lib/job/run.ts';
import { outputKey, type RunFacts, type Watcher, type World } from './simulation.ts';
import { expectedRows, labelOf, type Upload } from './uploads.ts';

interface Found {
  readonly etag: string;
  readonly body: Buffer;
  readonly job: string;
  readonly attempt: string;
}

/** Things that S3 cannot prevent, and that must not last; how often they were seen. */
export interface Sightings {
  stories: number;
  steps: number;
  runs: number;
  killed: number;
  /** How invocations ended; `rolled`: completed what another run had published, `settled`: given up after the last retry. */
  ends: Record<string, number>;
  /** An older output stood for a while beside the error file of a newer upload. */
  olderOutputAfterFailure: number;
  /** A summary stood for a while beside an output that it does not name. */
  summaryOfAnother: number;
  /** A file of a newer job was replaced or removed by an older one, because it had the same bytes as what that one had seen. */
  sameBytes: number;
  /** A dead run's completion arrived after its job had been given up: redriven, it was finished. */
  arrivedAfterGivingUp: number;
  /** A job was reported as failed, and then as complete. */
  failedThenComplete: number;
}

export const noSightings = (): Sightings => ({
  stories: 0,
  steps: 0,
  runs: 0,
  killed: 0,
  ends: {},
  olderOutputAfterFailure: 0,
  summaryOfAnother: 0,
  sameBytes: 0,
  arrivedAfterGivingUp: 0,
  failedThenComplete: 0,
});

export class Violation extends Error {
  override readonly name = 'Violation';
}

const keys = {
  output: outputKey,
  rejects: `${outputKey}.rejects.csv`,
  summary: `${outputKey}.summary.json`,
  error: `${outputKey}.error.json`,
};
type Kind = keyof typeof keys;
const kinds = Object.keys(keys) as Kind[];

export interface Checker extends Watcher {
  /** Whether the completion of a dead run arrived when nobody was left to finish its job. */
  readonly needsRedrive: () => boolean;
  /** To be called when nobody moves any more. */
  readonly checkEnd: () => void;
}

export function makeChecker({ store, deterministic, isCalm }: World, sightings: Sightings): Checker {
  const uploads: Upload[] = [];
  const byJob = new Map<string, Upload>();
  const runs: RunFacts[] = [];
  const ends = new Map<string, string[]>();
  const last = new Map<Kind, Found | undefined>();
  /** Every ETag that ever stood under a key, with the earliest upload whose job wrote it. */
  const firstWriters = new Map<string, number>();
  /** The attempt whose output a job published. */
  const publishedBy = new Map<string, string>();
  const uploadOwners = new Map<string, RunFacts>();
  const stagedOwners = new Map<string, RunFacts>();
  /** What stood when the input was deleted; undefined as long as there is an input. */
  let leftAtDeletion: Readonly<Record<'output' | 'error', Found | undefined>> | undefined;
  let hasLostToSameBytes = false;

  function must(holds: boolean, what: string): asserts holds {
    if (!holds) throw new Violation(what);
  }

  function find(key: string): Found | undefined {
    const current = store.objects.get(key)?.[0];
    if (current === undefined || current.isDeleteMarker) return undefined;
    const { etag, body, metadata } = current;
    return { etag, body, job: metadata['tamis-job'] ?? '', attempt: metadata['tamis-attempt'] ?? '' };
  }

  const json = <T>(found: Found): T => JSON.parse(found.body.toString()) as T;
  const authorOf = (attempt: string): string => (deterministic ? 'anybody' : attempt);

  function uploadOf(found: Found, what: string): Upload {
    const upload = byJob.get(found.job);
    must(upload !== undefined, `${what} belongs to no job`);
    return upload;
  }

  /** A standing output is the whole output of the one run that its metadata names. */
  function checkOutput(output: Found): void {
    const upload = uploadOf(output, 'the output');
    must(upload.kind === 'good', 'the output belongs to an upload that cannot be classified');
    const { classified } = expectedRows(upload, authorOf(output.attempt));
    const [header, ...lines] = output.body.toString().split('\n');
    must(header === 'x,n,prediction,score', `the output begins with ${header}`);
    const expected = classified.map((id) => `${id},1,${labelOf(authorOf(output.attempt))},`);
    must(
      lines.join('\n') === [...expected, ''].join('\n'),
      `the output is not the whole of ${output.attempt}: expected ${expected.join(' ')}, found ${lines.join(' ')}`,
    );
  }

  function checkChange(run: RunFacts, kind: Kind, before: Found | undefined, after: Found | undefined): void {
    const beforeIndex = before === undefined ? -1 : uploadOf(before, `the ${kind}`).index;
    if (after !== undefined) {
      const etagKey = `${kind} ${after.etag}`;
      const afterIndex = uploadOf(after, `the ${kind}`).index;
      firstWriters.set(etagKey, Math.min(firstWriters.get(etagKey) ?? Number.POSITIVE_INFINITY, afterIndex));
    }
    if (before !== undefined && beforeIndex > run.upload.index) {
      const sawSameBytes = firstWriters.get(`${kind} ${before.etag}`)! <= run.upload.index;
      must(sawSameBytes, `${run.attempt} of upload ${run.upload.index} took away the ${kind} of upload ${beforeIndex}`);
      sightings.sameBytes++;
      hasLostToSameBytes = true;
    }
    if (kind !== 'output') return;
    if (before !== undefined && before.job !== run.upload.job) publishedBy.delete(before.job);
    if (after === undefined) return;
    checkOutput(after);
    const publisher = publishedBy.get(after.job);
    // An older or deleted upload's output may have been removed, and its zombie may still come; that one is removed, too.
    const isNewest = uploads.at(-1)!.job === after.job && leftAtDeletion === undefined;
    if (before?.job === after.job && before.etag === after.etag) hasLostToSameBytes = true;
    must(
      publisher === undefined || publisher === after.attempt || !isNewest || hasLostToSameBytes,
      `the job of upload ${run.upload.index} published twice, by ${publisher} and by ${after.attempt}`,
    );
    publishedBy.set(after.job, after.attempt);
    const error = find(keys.error);
    if (error !== undefined && uploadOf(error, 'the error').index > run.upload.index)
      sightings.olderOutputAfterFailure++;
  }

  function effect(run: RunFacts, operation: string, key: string): void {
    if (operation === 'create-upload') {
      for (const id of store.unfinishedUploads.keys()) if (!uploadOwners.has(id)) uploadOwners.set(id, run);
      return;
    }
    if (key.startsWith('.tamis/rejects/') && operation !== 'delete') stagedOwners.set(key, run);
    const kind = kinds.find((candidate) => keys[candidate] === key);
    if (kind === undefined) return;
    const before = last.get(kind);
    const after = find(key);
    if (before?.etag === after?.etag && before?.attempt === after?.attempt && before?.job === after?.job) return;
    checkChange(run, kind, before, after);
    last.set(kind, after);
    if (kind === 'output' || kind === 'summary') watchSummary();
  }

  function watchSummary(): void {
    const [output, summary] = [find(keys.output), find(keys.summary)];
    if (summary === undefined) return;
    if (json<{ output: { etag: string } }>(summary).output.etag !== output?.etag) sightings.summaryOfAnother++;
  }

  function count(kind: string): void {
    sightings.ends[kind] = (sightings.ends[kind] ?? 0) + 1;
  }

  function ended(run: RunFacts, end: JobEnd | undefined, error: unknown): void {
    const kind = end?.kind ?? (hasCode(error, 'job.claimed') ? 'claimed' : 'passing');
    count(run.settles && kind === 'failed' ? 'settled' : kind);
    if (kind === 'complete' && find(keys.output)?.attempt !== run.attempt) count('rolled');
    const seen = ends.get(run.upload.job) ?? [];
    if (kind === 'complete' && seen.includes('failed') && !run.redrive) sightings.failedThenComplete++;
    seen.push(kind);
    ends.set(run.upload.job, seen);
  }

  /** Every record is in exactly one of output and rejects, in order, and the counts are theirs. */
  function checkSuccess(upload: Upload, output: Found): void {
    const rejects = find(keys.rejects);
    const summary = find(keys.summary);
    must(find(keys.error) === undefined, 'an error file stands beside the output');
    must(summary !== undefined, 'the output has no summary');
    must(output.job === upload.job, 'the output is not of the newest upload');
    checkOutput(output);
    const { classified, rejected } = expectedRows(upload, authorOf(output.attempt));
    for (const [what, found] of [
      ['summary', summary],
      ['rejects', rejects],
    ] as const) {
      if (found === undefined) continue;
      must(found.job === upload.job, `the ${what} are of another job`);
      must(found.attempt === output.attempt, `the ${what} are of ${found.attempt}, the output of ${output.attempt}`);
    }
    const rejectedIds = rejects === undefined ? [] : readRejectedIds(rejects);
    must(rejectedIds.join() === rejected.join(), `rejects: expected ${rejected.join()}, found ${rejectedIds.join()}`);
    const document = json<SummaryFacts>(summary);
    must(document.job === upload.job, 'the summary is of another job');
    must(document.input.etag === upload.etag, 'the summary names another input');
    must(document.input.versionId === upload.versionId, 'the summary names another version of the input');
    must(document.output?.etag === output.etag, 'the summary names another output');
    must(document.output.bytes === output.body.length, 'the summary has another size of the output');
    must(document.rejects?.etag === rejects?.etag, 'the summary names other rejects');
    const { rows } = document;
    must(
      rows.read === upload.ids.length && rows.classified === classified.length && rows.rejected === rejected.length,
      `the counts do not reconcile: ${JSON.stringify(rows)}`,
    );
  }

  function readRejectedIds(rejects: Found): string[] {
    const [header, ...lines] = rejects.body.toString().trimEnd().split('\n');
    must(header === 'row,line,offset,length,code,detail,record', `the rejects begin with ${header}`);
    return lines.map((line) => {
      const id = /u\d+r\d+/.exec(line)?.[0];
      must(id !== undefined, `a reject without its record: ${line}`);
      return id;
    });
  }

  function checkFailure(upload: Upload, error: Found): void {
    must(error.job === upload.job, 'the error file is not of the newest upload');
    must(find(keys.summary) === undefined, 'a failed job has a summary');
    const rejects = find(keys.rejects);
    if (rejects === undefined) return;
    must(rejects.job === error.job, 'the rejects beside the error file are of another job');
    must(rejects.attempt === error.attempt, 'the rejects beside the error file are of another run');
    const { rejected } = expectedRows(upload, authorOf(rejects.attempt));
    const found = readRejectedIds(rejects);
    must(found.join() === rejected.slice(0, found.length).join(), 'the rejects are not the first of the run');
  }

  /** What stands when the newest upload is gone was there before. */
  function checkDeleted(): void {
    const output = find(keys.output);
    if (output !== undefined) checkOutput(output);
    for (const kind of ['output', 'error'] as const) {
      const [found, left] = [find(keys[kind]), leftAtDeletion?.[kind]];
      must(found === undefined || found.attempt === left?.attempt, `the ${kind} was published after the deletion`);
    }
    const summary = find(keys.summary);
    if (summary !== undefined)
      must(json<SummaryFacts>(summary).output?.etag === output?.etag, 'a summary without its output');
  }

  function checkClaim(upload: Upload): string {
    const claim = find(`.tamis/claims/${upload.job}`);
    must(claim !== undefined, 'the newest job has no claim');
    return json<{ readonly state: string }>(claim).state;
  }

  function checkLeftovers(): void {
    for (const id of store.unfinishedUploads.keys()) {
      const owner = uploadOwners.get(id);
      must(owner === undefined || owner.disturbed, `${owner?.attempt} left an unfinished upload`);
    }
    for (const [key, versions] of store.objects) {
      if (!key.startsWith('.tamis/rejects/') || versions.length === 0) continue;
      const owner = stagedOwners.get(key);
      must(owner === undefined || owner.disturbed, `${owner?.attempt} left its staged rejects`);
    }
  }

  /** With nothing but ordinary delays every job is paid for once. */
  function checkPaidOnce(): void {
    if (!isCalm) return;
    for (const { job, index } of uploads) {
      const paying = runs.filter((run) => run.upload.job === job && run.callCount > 0);
      const failed = (ends.get(job) ?? []).includes('passing');
      must(paying.length <= 1 || failed, `upload ${index} was paid for ${paying.length} times`);
    }
  }

  function needsRedrive(): boolean {
    const [output, error] = [find(keys.output), find(keys.error)];
    if (output === undefined || error === undefined || output.job !== error.job) return false;
    const author = runs.find(({ attempt }) => attempt === output.attempt);
    if (author?.actor.isDead !== true || !json<{ redrive: boolean }>(error).redrive) return false;
    sightings.arrivedAfterGivingUp++;
    return true;
  }

  function checkEnd(): void {
    sightings.stories++;
    sightings.runs += runs.length;
    sightings.killed += runs.filter(({ actor }) => actor.isDead).length;
    for (const kind of kinds) {
      const found = find(keys[kind]);
      if (found !== undefined) uploadOf(found, `the ${kind}`);
    }
    checkLeftovers();
    checkPaidOnce();
    if (leftAtDeletion !== undefined) {
      checkDeleted();
      return;
    }
    // The file of the newest job may be lost to an older one only where both have the same bytes.
    if (hasLostToSameBytes) return;
    const newest = uploads.at(-1)!;
    const state = checkClaim(newest);
    const output = find(keys.output);
    const error = find(keys.error);
    must(output !== undefined || error !== undefined, 'the newest upload has neither output nor error file');
    if (output !== undefined) checkSuccess(newest, output);
    else checkFailure(newest, error!);
    // A run that stood still while its job was given up, and then went on, has a result, whatever the claim says.
    const wasGivenUp = runs.some(({ upload, settles }) => settles && upload === newest);
    const isOpen = output === undefined && json<{ redrive: boolean }>(error!).redrive;
    const expectedStates = isOpen ? ['settled'] : wasGivenUp && output !== undefined ? ['done', 'settled'] : ['done'];
    must(expectedStates.includes(state), `the claim of the newest job is ${state}`);
    if (newest.kind === 'bad') must(output === undefined, 'a file that cannot be classified has an output');
  }

  return {
    uploaded(upload) {
      uploads.push(upload);
      byJob.set(upload.job, upload);
      leftAtDeletion = undefined;
    },
    deleted() {
      leftAtDeletion = { output: find(keys.output), error: find(keys.error) };
    },
    began: (run) => void runs.push(run),
    effect,
    ended,
    needsRedrive,
    checkEnd,
  };
}

interface SummaryFacts {
  readonly job: string;
  readonly input: { readonly etag: string; readonly versionId?: string };
  readonly output: { readonly etag: string; readonly bytes: number } | null;
  readonly rejects: { readonly etag: string } | null;
  readonly rows: { readonly read: number; readonly classified: number; readonly rejected: number };
}
