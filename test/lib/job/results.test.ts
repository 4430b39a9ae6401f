import { describe, expect, it } from '@jest/globals';
import { TamisError } from '../../../lib/errors.ts';
import { type Author, metadataOf, remove, removeStanding, replace, standingOf } from '../../../lib/job/results.ts';
import { Withdrawn } from '../../../lib/job/withdrawn.ts';
import { type MemoryHooks, makeMemoryStorage, makeMemoryStore } from '../../../lib/storage/memory.ts';
import type { ObjectHead, Storage, WriteCondition } from '../../../lib/storage/types.ts';

const me: Author = { job: 'j2', attempt: 'a', sequencer: '02' };
const rival: Author = { ...me, attempt: 'b' };
const newer: Author = { job: 'j3', attempt: 'c', sequencer: '03' };
const older: Author = { job: 'j1', attempt: 'd', sequencer: '01' };
const key = 'output/a.csv';

function makeBucket() {
  const store = makeMemoryStore({ versioned: false, clock: { now: () => 0 } });
  const open = (hooks: MemoryHooks = {}): Storage => makeMemoryStorage({ store, ...hooks });
  const storage = open();
  return {
    open,
    storage,
    write: (author: Author, text = author.attempt) =>
      storage.put(key, Buffer.from(text), { metadata: metadataOf(author) }),
    owner: async () => (await storage.head(key))?.metadata['tamis-attempt'],
  };
}

const leave = (): never => {
  throw new Withdrawn('duplicate');
};
const takeAsLeftover = (): undefined => undefined;
const mine = (storage: Storage) => (condition: WriteCondition) =>
  storage.put(key, Buffer.from('mine'), {
    metadata: metadataOf(me),
    ...(condition === undefined ? {} : { condition }),
  });

describe('standingOf', () => {
  const standing = (metadata: ObjectHead['metadata'], author = me) =>
    standingOf({ key, etag: '', sizeBytes: 0, lastModifiedMs: 0, answeredAtMs: 0, metadata }, author);

  it.each([
    ['mine', metadataOf(me)],
    ['rival', metadataOf(rival)],
    ['newer', metadataOf(newer)],
    ['older', metadataOf(older)],
    // Somebody put it there by hand, or the storage keeps no metadata.
    ['older', {}],
    // The command line's.
    ['older', { 'tamis-job': 'j9', 'tamis-attempt': 'z' }],
  ])('is %s for %j', (expected, metadata) => {
    expect(standing(metadata)).toBe(expected);
  });

  it('takes every other job for an older one where the own upload has no place in an order', () => {
    expect(standing(metadataOf(newer), { ...me, sequencer: undefined })).toBe('older');
  });
});

describe('replace', () => {
  it.each([
    ['nothing', undefined],
    ['an older file', older],
  ])('writes where %s stands', async (_, author) => {
    const bucket = makeBucket();
    if (author !== undefined) await bucket.write(author);

    await replace(bucket.storage, key, me, leave, mine(bucket.storage));

    expect(await bucket.owner()).toBe('a');
  });

  it('withdraws as superseded from a newer file, and as a duplicate from a rival that must stay', async () => {
    const bucket = makeBucket();
    await bucket.write(newer);
    await expect(replace(bucket.storage, key, me, leave, mine(bucket.storage))).rejects.toMatchObject({
      as: 'superseded',
    });
    await bucket.write(rival);
    await expect(replace(bucket.storage, key, me, leave, mine(bucket.storage))).rejects.toMatchObject({
      as: 'duplicate',
    });

    expect(await bucket.owner()).toBe('b');
  });

  it("writes over a rival's leftover", async () => {
    const bucket = makeBucket();
    await bucket.write(rival);

    await replace(bucket.storage, key, me, takeAsLeftover, mine(bucket.storage));

    expect(await bucket.owner()).toBe('a');
  });

  it('recognises its own write when the answer got lost', async () => {
    const bucket = makeBucket();
    const lossy = bucket.open({
      async after(operation) {
        if (operation === 'put') throw new TamisError('storage.unavailable', { operation });
      },
    });

    await expect(replace(lossy, key, me, leave, mine(lossy))).resolves.toMatchObject({ sizeBytes: 4 });
  });

  it('fails when the write did not arrive', async () => {
    const bucket = makeBucket();
    const broken = bucket.open({
      async before(operation) {
        if (operation === 'put') throw new TamisError('storage.unavailable', { operation });
      },
    });

    await expect(replace(broken, key, me, leave, mine(broken))).rejects.toMatchObject({ code: 'storage.unavailable' });
  });

  it('looks again when somebody else was faster between its look and its write', async () => {
    const bucket = makeBucket();
    await bucket.write(older, 'one');
    let writes = 0;
    const write = async (condition: WriteCondition) => {
      if (++writes === 2) await bucket.write(older, 'two');
      return mine(bucket.storage)(condition);
    };

    await replace(bucket.storage, key, me, leave, write);

    expect(writes).toBe(3);
    expect(await bucket.owner()).toBe('a');
  });

  it('gives up, to be tried again, when that never ends', async () => {
    const bucket = makeBucket();
    let writes = 0;
    const write = async (condition: WriteCondition) => {
      await bucket.write(older, `${writes++}`);
      return mine(bucket.storage)(condition);
    };

    await expect(replace(bucket.storage, key, me, leave, write)).rejects.toMatchObject({ code: 'storage.conflict' });
  });
});

describe('remove', () => {
  it.each([
    ['its own', me],
    ['an older file', older],
  ])('removes %s', async (_, author) => {
    const bucket = makeBucket();
    await bucket.write(author);

    await remove(bucket.storage, key, me, leave);

    expect(await bucket.storage.head(key)).toBeUndefined();
  });

  it('leaves a newer file, and a rival that must stay', async () => {
    const bucket = makeBucket();
    await bucket.write(newer);
    await expect(remove(bucket.storage, key, me, leave)).rejects.toMatchObject({ as: 'superseded' });
    await bucket.write(rival);
    await expect(remove(bucket.storage, key, me, leave)).rejects.toMatchObject({ as: 'duplicate' });

    expect(await bucket.owner()).toBe('b');
  });

  it('leaves what came between its look and its deletion', async () => {
    const bucket = makeBucket();
    await bucket.write(older);
    const slow = bucket.open({
      async before(operation) {
        if (operation === 'delete') await bucket.write(newer);
      },
    });

    await expect(remove(slow, key, me, leave)).rejects.toMatchObject({ as: 'superseded' });

    expect(await bucket.owner()).toBe('c');
  });
});

describe('removeStanding', () => {
  it('removes what stands as it was asked to, and nothing else', async () => {
    const bucket = makeBucket();
    for (const author of [older, newer, rival]) {
      await bucket.write(author);
      await removeStanding(bucket.storage, [key], me, ['mine']);
      expect(await bucket.owner()).toBe(author.attempt);
    }

    await removeStanding(bucket.storage, [key], me, ['mine', 'rival']);

    expect(await bucket.storage.head(key)).toBeUndefined();
  });
});
