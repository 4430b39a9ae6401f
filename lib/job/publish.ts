import { hasCode, TamisError } from '../errors.ts';
import type { Storage, Upload, WriteCondition, Written } from '../storage/types.ts';
import type { PlannedRequests } from './account.ts';
import type { Claim, Publication } from './claim.ts';
import {
  type Author,
  type JudgeRival,
  metadataOf,
  type ResultKeys,
  remove,
  removeStanding,
  replace,
  standingOf,
} from './results.ts';
import { Withdrawn } from './withdrawn.ts';

/**
 * The only writers under `output/`. The commit point of a success is the conditional completion of the output, which carries
 * its author as metadata; all that follows can be done by whoever comes next, from what the claim announced. Why each step
 * stands where it stands: docs/adr (the claim).
 */
export interface Place {
  readonly storage: Storage;
  readonly keys: ResultKeys;
  readonly job: string;
  readonly sequencer: string | undefined;
  /** Whether the input is still the version of this job. */
  readonly isCurrent: () => Promise<boolean>;
}

/** The summary as announced; `output` is filled in when the output is there. */
export interface Announced {
  readonly publication: Publication;
  readonly claim: Claim;
}

/** Which ends of an earlier job stood under the key: where one did, more of that job's results are likely to stand. */
export interface OldEnds {
  readonly summary: boolean;
  readonly error: boolean;
}

const noOldEnds: OldEnds = { summary: false, error: false };

/** The key's old summary and error go first, so that nobody takes them for this job's. */
export async function clearOldEnds(place: Place, claim: Claim, attempt: string): Promise<OldEnds> {
  const author = authorOf(place, attempt);
  const judgeRival = judgeBeforeCommit(place, claim);
  return {
    summary: await remove(place.storage, place.keys.summary, author, judgeRival),
    error: await remove(place.storage, place.keys.error, author, judgeRival),
  };
}

/**
 * The requests from the announcement of a success to the end of its claim, for the receipt that is announced with it. Where a
 * rival, a lost answer or a renewal of the claim comes in between it is some more. `rejects`: the upload that they wait in.
 */
export function requestsOfSuccess(output: Upload, rejects: Upload | undefined, oldEnds: OldEnds): PlannedRequests {
  const { sent, toComplete } = rejects?.requests ?? { sent: 0, toComplete: 0 };
  // Of the output, and of rejects, where something is likely to stand.
  const looks = Number(oldEnds.summary) + (rejects === undefined ? 0 : Number(oldEnds.summary || oldEnds.error));
  return {
    // Announced, ended.
    claims: { puts: 2, gets: 0, lists: 0, deletes: 0 },
    // Whether it still stands: before the output is completed, and after.
    inputs: { puts: 0, gets: 2, lists: 0, deletes: 0 },
    outputs: {
      // Output, summary, and a copy of the rejects.
      puts: (output.requests?.toComplete ?? 1) + 1 + sent + toComplete,
      // Summary, error, rejects or where they wait, error again, the output twice.
      gets: 6 + looks,
      lists: rejects === undefined ? 0 : 1,
      deletes: rejects === undefined ? 0 : 1,
    },
  };
}

/**
 * Publishes a finished run. Where a rival was faster, finishes the rival's publication, whose run may be dead, and returns that one.
 * Throws `Withdrawn`, after undoing what it wrote, when it must not stand.
 */
export async function publishSuccess(
  place: Place,
  announced: Announced,
  upload: Upload,
  oldEnds: OldEnds,
): Promise<Publication> {
  const { publication, claim } = announced;
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  await claim.announce(publication);
  try {
    await clearOldEnds(place, claim, publication.attempt);
    const complete = async (condition: WriteCondition): Promise<Written> => {
      // Asked again before each try. S3 cannot tie one object's write to another's state: an upload that comes, and fails, or
      // a deletion, between this answer and the completion is noticed right after it.
      if (!(await place.isCurrent())) throw new Withdrawn('superseded');
      return upload.complete(condition);
    };
    const { etag } = await replace(storage, keys.output, author, leaveToRival, complete, oldEnds.summary);
    return await finishSuccess(place, publication, etag, oldEnds);
  } catch (error) {
    return finishForRival(place, claim, error);
  }
}

/**
 * Everything after the output's completion. Repeatable by anybody; all writers write the same. Returns the publication with its
 * finished summary.
 */
async function finishSuccess(
  place: Place,
  publication: Publication,
  outputEtag?: string,
  oldEnds = noOldEnds,
): Promise<Publication> {
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  try {
    if (!(await place.isCurrent())) throw new Withdrawn('superseded');
    const rejects = await putRejects(place, publication, judgeAfterCommit, oldEnds);
    await remove(storage, keys.error, author, judgeAfterCommit);
    const output = await standingOutput(place, author, outputEtag);
    const summary = {
      ...(publication.document as object),
      output: {
        uri: storage.uri(keys.output),
        bytes: output.sizeBytes,
        etag: output.etag,
        ...(output.versionId === undefined ? {} : { versionId: output.versionId }),
      },
      rejects:
        rejects === null ? null : { uri: storage.uri(keys.rejects), bytes: rejects.sizeBytes, etag: rejects.etag },
    };
    await putDocument(place, keys.summary, author, judgeAfterCommit, summary);
    await standingOutput(place, author, outputEtag);
    return { ...publication, document: summary };
  } catch (error) {
    if (error instanceof Withdrawn && error.as === 'superseded') await removeTraces(place);
    throw error;
  }
}

/**
 * Publishes a final failure: the error file, the rejects found, and no output. The result of a rival beats it: that is finished and
 * returned instead. Throws like `publishSuccess`.
 */
export async function publishFailure(place: Place, announced: Announced): Promise<Publication> {
  const { publication, claim } = announced;
  if (!(await place.isCurrent())) throw new Withdrawn('superseded');
  await claim.announce(publication);
  try {
    await finishFailure(place, claim, publication);
    return publication;
  } catch (error) {
    return finishForRival(place, claim, error);
  }
}

async function finishForRival(place: Place, claim: Claim, error: unknown): Promise<Publication> {
  const isLost = error instanceof Withdrawn && error.as === 'duplicate';
  const rival = isLost ? await findCommitted(place, claim) : undefined;
  if (rival === undefined) throw error;
  return finishSuccess(place, rival);
}

async function finishFailure(place: Place, claim: Claim, publication: Publication): Promise<void> {
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  const judgeRival = judgeBeforeCommit(place, claim);
  try {
    await remove(storage, keys.summary, author, judgeRival);
    await remove(storage, keys.output, author, leaveToRival);
    await putRejects(place, publication, judgeRival);
    await putDocument(place, keys.error, author, judgeRival, publication.document);
    if (!(await place.isCurrent())) throw new Withdrawn('superseded');
    // Whoever completes an output looks for errors afterwards, and whoever writes an error looks for outputs: one sees the other.
    await remove(storage, keys.output, author, leaveToRival);
    await remove(storage, keys.summary, author, judgeRival);
  } catch (error) {
    if (error instanceof Withdrawn) {
      if (error.as === 'superseded') await removeTraces(place);
      else await removeStanding(storage, [keys.error, keys.rejects], author, ['mine']);
    }
    throw error;
  }
}

/**
 * When an earlier run of the job got as far as its commit point, or announced its failure, that publication is finished instead of
 * running again. Returns it, with its finished document.
 */
export async function rollForward(place: Place, claim: Claim): Promise<Publication | undefined> {
  if (claim.publications.length === 0) return undefined;
  const committed = await findCommitted(place, claim);
  if (committed !== undefined) return finishSuccess(place, committed);
  const failed = claim.publications.findLast(({ outcome }) => outcome === 'failed' || outcome === 'given-up');
  if (failed !== undefined) await finishFailure(place, claim, failed);
  return failed;
}

/** The publication whose output stands. */
async function findCommitted({ storage, keys, job }: Place, claim: Claim): Promise<Publication | undefined> {
  const { metadata } = (await storage.head(keys.output)) ?? {};
  if (metadata?.['tamis-job'] !== job) return undefined;
  return claim.publications.find(({ attempt }) => attempt === metadata['tamis-attempt']);
}

/** Rejects that wait are nobody's any more once their job has ended. The lifecycle removes what a failure leaves here. */
export async function dropStagedRejects(place: Place, { rejectsKey }: Publication): Promise<void> {
  if (rejectsKey !== null) await removeForGood(place.storage, rejectsKey).catch(() => undefined);
}

/** The output is what decides between the runs of a job: who finds a rival's there has lost. */
const leaveToRival: JudgeRival = () => {
  throw new Withdrawn('duplicate');
};

/** Once a run's own output stands, its rivals' other files are leftovers. */
const judgeAfterCommit: JudgeRival = () => undefined;

/**
 * A rival's file stays when the rival's output stands, which it wrote before, or when the rival came later than this run's claim:
 * then the claim is lost.
 */
function judgeBeforeCommit(place: Place, claim: Claim): JudgeRival {
  return async (rival) => {
    const isEarlier = claim.publications.some(({ attempt }) => attempt === rival.metadata['tamis-attempt']);
    const output = await place.storage.head(place.keys.output);
    if (!isEarlier || output?.metadata['tamis-job'] === place.job) throw new Withdrawn('duplicate');
  };
}

/** Whether output and summary of the job stand. */
export async function isPublished({ storage, keys, job }: Place): Promise<boolean> {
  const [summary, output] = [await storage.head(keys.summary), await storage.head(keys.output)];
  return summary?.metadata['tamis-job'] === job && output?.metadata['tamis-job'] === job;
}

/**
 * For whoever comes when the job has ended: puts right what a run did that stood still until then, went on, and died. Returns
 * whether it left an output that waits to be finished.
 */
export async function tidyAfterEnd(place: Place): Promise<boolean> {
  const { storage, keys, job, sequencer } = place;
  const output = await storage.head(keys.output);
  const { 'tamis-job': committedJob, 'tamis-attempt': attempt = '' } = output?.metadata ?? {};
  if (committedJob !== job) return false;
  const author: Author = { job, attempt, sequencer };
  const error = await storage.head(keys.error);
  if (error !== undefined && standingOf(error, author) === 'newer') {
    await removeTraces(place);
    return false;
  }
  const summary = await storage.head(keys.summary);
  if (summary === undefined || standingOf(summary, author) !== 'mine') return true;
  await removeStanding(storage, [keys.rejects, keys.error], author, ['rival']);
  return false;
}

/**
 * Removes what an upload leaves that was overtaken before, or while, its results were published; and the summary of an older one
 * whose output it had replaced.
 */
export async function removeTraces(place: Place): Promise<void> {
  const { storage, keys } = place;
  const author = authorOf(place, '');
  // The summary goes before the output that it names. Another run of the job may be between its writes: it looks at the output
  // after all of them, so what it wrote before is found once the output is gone, and what it writes later it removes itself.
  await removeStanding(storage, [keys.summary, keys.output, keys.rejects, keys.error, keys.summary], author, [
    'mine',
    'rival',
  ]);
  if ((await storage.head(keys.output)) === undefined) await removeStanding(storage, [keys.summary], author, ['older']);
}

/** Deletes a key under `.tamis/` with all its versions. */
export async function removeForGood(storage: Storage, key: string): Promise<void> {
  for (const versionId of await storage.versions(key))
    await storage.delete(key, versionId === undefined ? {} : { versionId });
}

type Standing = Pick<Written, 'etag' | 'sizeBytes' | 'versionId'>;

const authorOf = (place: Place, attempt: string): Author => ({ job: place.job, attempt, sequencer: place.sequencer });

async function putRejects(
  place: Place,
  publication: Publication,
  judgeRival: JudgeRival,
  oldEnds = noOldEnds,
): Promise<Standing | null> {
  const { storage, keys } = place;
  const { rejectsKey } = publication;
  const author = authorOf(place, publication.attempt);
  if (rejectsKey === null) {
    await remove(storage, keys.rejects, author, judgeRival);
    return null;
  }
  const upload = storage.upload(keys.rejects, { metadata: metadataOf(author), contentType: 'text/csv; charset=utf-8' });
  try {
    const staged = await storage.read(rejectsKey);
    for await (const chunk of staged.body) await upload.write(chunk);
    const looksFirst = oldEnds.summary || oldEnds.error;
    return await replace(
      storage,
      keys.rejects,
      author,
      judgeRival,
      (condition) => upload.complete(condition),
      looksFirst,
    );
  } catch (error) {
    if (!hasCode(error, 'storage.not-found')) throw error;
    // Another holder has finished this publication, and cleared away behind it.
    const head = await storage.head(keys.rejects);
    if (head !== undefined && standingOf(head, author) === 'mine') return head;
    throw new TamisError('storage.conflict', {}, error);
  } finally {
    await upload.abort();
  }
}

async function putDocument(
  place: Place,
  key: string,
  author: Author,
  judgeRival: JudgeRival,
  document: unknown,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
  await replace(place.storage, key, author, judgeRival, (condition) =>
    place.storage.put(key, body, { condition, metadata: metadataOf(author), contentType: 'application/json' }),
  );
}

/** The output, as long as it is this run's: by its author, or, where the storage keeps no metadata, by its ETag. */
async function standingOutput(place: Place, author: Author, etag: string | undefined): Promise<Standing> {
  const head = await place.storage.head(place.keys.output);
  const isAnonymous = head?.metadata['tamis-job'] === undefined;
  if (head !== undefined && (isAnonymous ? head.etag === etag : standingOf(head, author) === 'mine')) return head;
  if (head !== undefined && standingOf(head, author) === 'rival') throw new TamisError('storage.conflict', {});
  throw new Withdrawn('superseded');
}
