import { hasCode, TamisError } from '../errors.ts';
import type { Metadata, ObjectHead, Storage, WriteCondition, Written } from '../storage/types.ts';
import { isLaterSequencer } from './identity.ts';
import { Withdrawn } from './withdrawn.ts';

/** The four keys a job may leave behind, and no others outside `.tamis/`. */
export interface ResultKeys {
  readonly output: string;
  readonly rejects: string;
  readonly summary: string;
  readonly error: string;
}

export function resultKeys(outputKey: string): ResultKeys {
  return {
    output: outputKey,
    rejects: `${outputKey}.rejects.csv`,
    summary: `${outputKey}.summary.json`,
    error: `${outputKey}.error.json`,
  };
}

/** Who wrote a result: attached to each as metadata, so that no run ever takes another run's file for its own. */
export interface Author {
  readonly job: string;
  readonly attempt: string;
  /** Undefined where the upload has no place in an order (the command line): such a run is always the newest. */
  readonly sequencer: string | undefined;
}

const maxRounds = 20;

/** `mine`: this very run. `rival`: another run of the same job. `newer`: a later upload of the key. `older`: anything else. */
type Standing = 'mine' | 'rival' | 'newer' | 'older';

export function metadataOf(author: Author): Metadata {
  return {
    'tamis-job': author.job,
    'tamis-attempt': author.attempt,
    ...(author.sequencer === undefined ? {} : { 'tamis-sequencer': author.sequencer }),
  };
}

export function standingOf(head: ObjectHead, author: Author): Standing {
  const { 'tamis-job': job, 'tamis-attempt': attempt, 'tamis-sequencer': sequencer } = head.metadata;
  if (job === author.job) return attempt === author.attempt ? 'mine' : 'rival';
  if (sequencer === undefined || author.sequencer === undefined) return 'older';
  return isLaterSequencer(sequencer, author.sequencer) ? 'newer' : 'older';
}

/**
 * What a file of another run of the same job means to this one. Returning takes it for a leftover, to be replaced or removed;
 * throwing `Withdrawn` leaves it alone.
 */
export type JudgeRival = (head: ObjectHead) => Promise<void> | void;

/**
 * Writes under `key` unless a newer job did (throws `Withdrawn`), or a rival whose file must stay. `write` is called with a
 * condition until it holds. A write whose answer got lost is recognised as ours. `looksFirst`: where something is likely to stand
 * already, a look at it is cheaper than a write that is refused.
 */
export async function replace(
  storage: Storage,
  key: string,
  author: Author,
  judgeRival: JudgeRival,
  write: (condition: WriteCondition) => Promise<Written>,
  looksFirst = false,
): Promise<ObjectHead | Written> {
  let condition: WriteCondition = { ifNoneMatch: '*' };
  for (let round = 0; round < maxRounds; round++) {
    try {
      if (round > 0 || !looksFirst) return await write(condition);
    } catch (error) {
      if (!hasCode(error, 'storage.precondition-failed')) {
        const head = await storage.head(key).catch(() => undefined);
        if (head !== undefined && standingOf(head, author) === 'mine') return head;
        throw error;
      }
    }
    const head = await storage.head(key);
    const standing = head === undefined ? 'older' : standingOf(head, author);
    if (head !== undefined && standing === 'mine') return head;
    if (head !== undefined && standing === 'rival') await judgeRival(head);
    if (standing === 'newer') throw new Withdrawn('superseded');
    condition = head === undefined ? { ifNoneMatch: '*' } : { ifMatch: head.etag };
  }
  throw new TamisError('storage.conflict', {});
}

/**
 * Removes what stands under `key`; returns whether anything stood there. Throws `Withdrawn` for a newer job's file, and for a
 * rival's that must stay.
 */
export async function remove(storage: Storage, key: string, author: Author, judgeRival: JudgeRival): Promise<boolean> {
  for (let round = 0; round < maxRounds; round++) {
    const head = await storage.head(key);
    if (head === undefined) return round > 0;
    const standing = standingOf(head, author);
    if (standing === 'newer') throw new Withdrawn('superseded');
    if (standing === 'rival') await judgeRival(head);
    if (await deleted(storage, key, head)) return true;
  }
  throw new TamisError('storage.conflict', {});
}

/** Removes the files under the keys that stand so, and no others. */
export async function removeStanding(
  storage: Storage,
  keys: readonly string[],
  author: Author,
  standings: readonly Standing[],
): Promise<void> {
  for (const key of keys) {
    const head = await storage.head(key);
    if (head !== undefined && standings.includes(standingOf(head, author))) await deleted(storage, key, head);
  }
}

async function deleted(storage: Storage, key: string, head: ObjectHead): Promise<boolean> {
  try {
    await storage.delete(key, { ifMatch: head.etag });
    return true;
  } catch (error) {
    if (hasCode(error, 'storage.precondition-failed') || hasCode(error, 'storage.conflict')) return false;
    throw error;
  }
}
