import { TamisError } from '../errors.ts';
import type { Storage, Upload, Written } from '../storage/types.ts';
import type { Claim, Publication } from './claim.ts';
import { type Author, metadataOf, type ResultKeys, remove, removeOwn, replace, standingOf } from './results.ts';
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

/** The key's old summary and error go first, so that nobody takes them for this job's. */
export async function clearOldEnds(place: Place, attempt: string): Promise<void> {
  const author = authorOf(place, attempt);
  await remove(place.storage, place.keys.summary, author);
  await remove(place.storage, place.keys.error, author);
}

/** Publishes a finished run. Throws `Withdrawn`, after undoing what it wrote, when it must not stand. */
export async function publishSuccess(place: Place, announced: Announced, upload: Upload): Promise<PublishedSummary> {
  const { publication, claim } = announced;
  const author = authorOf(place, publication.attempt);
  if (!(await place.isCurrent())) throw new Withdrawn('superseded');
  await claim.announce(publication);
  await clearOldEnds(place, publication.attempt);
  const { etag } = await replace(place.storage, place.keys.output, author, (condition) => upload.complete(condition));
  return finishSuccess(place, publication, etag);
}

export type PublishedSummary = { readonly summary: unknown };

/** Everything after the output's completion. Repeatable by anybody; all writers write the same. */
export async function finishSuccess(
  place: Place,
  publication: Publication,
  outputEtag?: string,
): Promise<PublishedSummary> {
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  try {
    if (!(await place.isCurrent())) throw new Withdrawn('superseded');
    const rejects = await putRejects(place, publication);
    await remove(storage, keys.error, author);
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
    await putDocument(place, keys.summary, author, summary);
    await standingOutput(place, author, outputEtag);
    return { summary };
  } catch (error) {
    if (error instanceof Withdrawn && error.as === 'superseded')
      await removeOwn(storage, [keys.summary, keys.rejects, keys.output], author);
    throw error;
  }
}

/** Publishes a final failure: the error file, the rejects found, and no output. */
export async function publishFailure(place: Place, announced: Announced): Promise<void> {
  const { publication, claim } = announced;
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  if (!(await place.isCurrent())) throw new Withdrawn('superseded');
  await claim.announce(publication);
  await finishFailure(place, publication);
  // A rival of the same job may have completed its output meanwhile: a result beats a failure.
  const output = await storage.head(keys.output);
  if (output !== undefined && standingOf(output, author) === 'rival') {
    await removeOwn(storage, [keys.error], author);
    await rollForward(place, claim);
    throw new Withdrawn('duplicate');
  }
}

async function finishFailure(place: Place, publication: Publication): Promise<void> {
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  try {
    await remove(storage, keys.summary, author);
    await remove(storage, keys.output, author, (standing) => standing === 'rival');
    await putRejects(place, publication);
    await putDocument(place, keys.error, author, publication.document);
    if (!(await place.isCurrent())) throw new Withdrawn('superseded');
  } catch (error) {
    if (error instanceof Withdrawn && error.as === 'superseded')
      await removeOwn(storage, [keys.error, keys.rejects], author);
    throw error;
  }
}

/**
 * After a take-over: when an earlier run of the job got as far as its commit point, its publication is finished instead of
 * running again. Returns what was finished. `failures`: whether an announced failure counts; not for a redrive.
 */
export async function rollForward(
  place: Place,
  claim: Claim,
  { failures }: { readonly failures: boolean } = { failures: true },
): Promise<Publication | undefined> {
  if (claim.publications.length === 0) return undefined;
  const head = await place.storage.head(place.keys.output);
  if (head?.metadata['tamis-job'] === place.job) {
    const committed = claim.publications.find(({ attempt }) => attempt === head.metadata['tamis-attempt']);
    if (committed === undefined) return undefined;
    await finishSuccess(place, committed);
    return committed;
  }
  const failed = claim.publications.findLast(({ outcome }) => outcome === 'failed');
  if (failed === undefined || !failures) return undefined;
  await finishFailure(place, failed);
  return failed;
}

/** What an upload leaves that was overtaken before, or while, its results were published. */
export async function removeTraces(place: Place): Promise<void> {
  const author = authorOf(place, '');
  const { output, rejects, summary, error } = place.keys;
  await removeOwn(place.storage, [summary, error, rejects, output], author);
}

/** Deletes a key under `.tamis/` with all its versions. */
export async function removeForGood(storage: Storage, key: string): Promise<void> {
  for (const versionId of await storage.versions(key))
    await storage.delete(key, versionId === undefined ? {} : { versionId });
}

type Standing = Pick<Written, 'etag' | 'sizeBytes' | 'versionId'>;

const authorOf = (place: Place, attempt: string): Author => ({ job: place.job, attempt, sequencer: place.sequencer });

async function putRejects(place: Place, publication: Publication): Promise<Standing | null> {
  const { storage, keys } = place;
  const author = authorOf(place, publication.attempt);
  if (publication.rejectsKey === null) {
    await remove(storage, keys.rejects, author);
    return null;
  }
  const upload = storage.upload(keys.rejects, { metadata: metadataOf(author), contentType: 'text/csv; charset=utf-8' });
  try {
    const staged = await storage.read(publication.rejectsKey);
    for await (const chunk of staged.body) await upload.write(chunk);
    return await replace(storage, keys.rejects, author, (condition) => upload.complete(condition));
  } finally {
    await upload.abort();
  }
}

async function putDocument(place: Place, key: string, author: Author, document: unknown): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
  await replace(place.storage, key, author, (condition) =>
    place.storage.put(key, body, { condition, metadata: metadataOf(author), contentType: 'application/json' }),
  );
}

/** The output, as long as it is this run's: by its author, or, where the storage keeps no metadata, by its ETag. */
async function standingOutput(place: Place, author: Author, etag: string | undefined): Promise<Standing> {
  const head = await place.storage.head(place.keys.output);
  if (head !== undefined && (head.etag === etag || standingOf(head, author) === 'mine')) return head;
  if (head !== undefined && standingOf(head, author) === 'rival') throw new TamisError('storage.conflict', {});
  throw new Withdrawn('superseded');
}
