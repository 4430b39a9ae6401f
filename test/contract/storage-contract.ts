import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Storage } from '../../lib/storage/types.ts';

export interface StorageUnderTest {
  readonly storage: Storage;
  /** Unfinished uploads and temporary files whose key begins with `prefix`, or of the whole storage. */
  countLeftovers(prefix: string): Promise<number>;
  close(): Promise<void>;
}

export interface StorageTraits {
  readonly versioned: boolean;
  readonly keepsMetadata: boolean;
  /** Whether keys such as `a//b` and `a/` can be stored. */
  readonly takesEveryKey: boolean;
  /** False for a server that takes a delete marker for an object when it judges a condition; S3 takes it for none. */
  readonly judgesDeleted?: boolean;
}

const MIB = 1024 * 1024;

export async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes that differ everywhere, so that a part at the wrong place is noticed. */
export function makeBytes(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let offset = 0; offset + 4 <= sizeBytes; offset += 4) bytes.writeUInt32LE(offset ^ 0x5bd1e995, offset);
  return bytes;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

async function writeInChunks(storage: Storage, key: string, bytes: Buffer, chunkBytes: number) {
  const upload = storage.upload(key);
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    await upload.write(bytes.subarray(offset, offset + chunkBytes));
  }
  return upload;
}

async function listKeys(storage: Storage, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const head of storage.list(prefix)) keys.push(head.key);
  return keys;
}

/** What every storage must do. `open` is called once; each test works under a prefix of its own. */
export function describeStorage(name: string, traits: StorageTraits, open: () => Promise<StorageUnderTest>): void {
  describe(name, () => {
    let under: StorageUnderTest;
    let storage: Storage;
    let testCount = 0;
    const run = Math.random().toString(36).slice(2, 10);

    beforeAll(async () => {
      under = await open();
      storage = under.storage;
    });
    afterAll(() => under.close());

    function newPrefix(): string {
      testCount += 1;
      return `contract/${run}/${testCount}/`;
    }

    it('returns what was put, with size, ETag and times', async () => {
      const key = `${newPrefix()}a.csv`;

      const written = await storage.put(key, Buffer.from('alcool;cendres\n'));
      const head = await storage.head(key);
      const read = await storage.read(key);

      expect(await readAll(read.body)).toEqual(Buffer.from('alcool;cendres\n'));
      expect(written.sizeBytes).toBe(15);
      expect(written.etag).toMatch(/^[0-9a-f]{32}/);
      expect(head).toMatchObject({ key, etag: written.etag, sizeBytes: 15 });
      expect(read).toMatchObject({ key, etag: written.etag, sizeBytes: 15 });
      expect(Math.abs(written.lastModifiedMs - (head?.lastModifiedMs ?? 0))).toBeLessThanOrEqual(2_000);
      expect((head?.answeredAtMs ?? 0) - (head?.lastModifiedMs ?? 0)).toBeGreaterThanOrEqual(-1_000);
    });

    it('finds no head and no version of what is not there, and refuses to read it', async () => {
      const key = `${newPrefix()}absent`;

      expect(await storage.head(key)).toBeUndefined();
      expect(await storage.versions(key)).toEqual([]);
      expect(await codeOf(storage.read(key))).toBe('storage.not-found');
      await storage.delete(`${key}-either`);
    });

    it('stores an empty object, put or uploaded', async () => {
      const prefix = newPrefix();

      const put = await storage.put(`${prefix}put`, Buffer.alloc(0));
      const uploaded = await storage.upload(`${prefix}uploaded`).complete();
      const read = await storage.read(`${prefix}uploaded`);

      expect(put.sizeBytes).toBe(0);
      expect(uploaded.sizeBytes).toBe(0);
      expect(await readAll(read.body)).toHaveLength(0);
      expect((await storage.head(`${prefix}put`))?.sizeBytes).toBe(0);
    });

    it('keeps keys apart that differ in spaces, plus signs, percent signs, quotes, accents and letters of any script', async () => {
      const prefix = newPrefix();
      const names = [
        'a b.csv',
        'a+b.csv',
        'a%20b.csv',
        'a%2Bb.csv',
        `it's "quoted".csv`,
        "degré d'acidité.csv",
        'vin 中文 😀.csv',
        'a&b=c?d#e.csv',
        'a;b,c(d)!*~@$^.csv',
        '<b>.csv',
      ];

      for (const name of names) await storage.put(prefix + name, Buffer.from(name));
      const bodies = [];
      for (const name of names) bodies.push((await readAll((await storage.read(prefix + name)).body)).toString());

      expect(bodies).toEqual(names);
      expect((await listKeys(storage, prefix)).sort()).toEqual(names.map((name) => prefix + name).sort());
      for (const name of names) expect(await storage.versions(prefix + name)).toHaveLength(1);
    });

    it('lists keys under a prefix in the order of their UTF-8 bytes', async () => {
      const prefix = newPrefix();
      const names = ['a', 'a.csv', 'b/b', 'b0', 'ba', 'é', '\uff21', '😀'];

      for (const name of [...names].reverse()) await storage.put(prefix + name, Buffer.from(name));

      expect(await listKeys(storage, prefix)).toEqual(names.map((name) => prefix + name));
      expect(await listKeys(storage, `${prefix}b`)).toEqual([`${prefix}b/b`, `${prefix}b0`, `${prefix}ba`]);
      expect(await listKeys(storage, `${prefix}zz`)).toEqual([]);
    });

    if (traits.takesEveryKey) {
      it('stores keys that no file system could', async () => {
        const prefix = newPrefix();
        const names = ['a//b', 'a/', 'a/../b', './c'];

        for (const name of names) await storage.put(prefix + name, Buffer.from(name));

        expect((await listKeys(storage, prefix)).sort()).toEqual(names.map((name) => prefix + name).sort());
        expect((await readAll((await storage.read(`${prefix}a//b`)).body)).toString()).toBe('a//b');
      });
    }

    if (traits.keepsMetadata) {
      it('keeps metadata of a put, of a small and of a large upload, and adds none of its own', async () => {
        const prefix = newPrefix();
        const large = storage.upload(`${prefix}large`, { metadata: { job: 'l-3' } });
        const small = storage.upload(`${prefix}small`, { metadata: { job: 's-2' }, contentType: 'text/csv' });

        await storage.put(`${prefix}put`, Buffer.from('1'), { metadata: { job: 'p-1', holder: 'x/y z' } });
        await small.write(Buffer.from('2'));
        await small.complete();
        await large.write(makeBytes(9 * MIB));
        await large.complete();

        expect((await storage.head(`${prefix}put`))?.metadata).toEqual({ job: 'p-1', holder: 'x/y z' });
        expect((await storage.read(`${prefix}small`)).metadata).toEqual({ job: 's-2' });
        expect((await storage.head(`${prefix}large`))?.metadata).toEqual({ job: 'l-3' });
      });
    }

    it('reads ranges, cut at the end of the object and empty behind it', async () => {
      const key = `${newPrefix()}digits`;
      await storage.put(key, Buffer.from('0123456789'));

      const read = async (start?: number, end?: number) => {
        const object = await storage.read(key, {
          ...(start === undefined ? {} : { start }),
          ...(end === undefined ? {} : { end }),
        });
        expect(object.sizeBytes).toBe(10);
        return (await readAll(object.body)).toString();
      };

      expect(await read(2, 4)).toBe('234');
      expect(await read(undefined, 0)).toBe('0');
      expect(await read(7)).toBe('789');
      expect(await read(8, 100)).toBe('89');
      expect(await read(10)).toBe('');
      expect(await read(99, 120)).toBe('');
    });

    it('refuses a read whose ETag is not the one asked for', async () => {
      const key = `${newPrefix()}pinned`;
      const first = await storage.put(key, Buffer.from('first'));
      await storage.put(key, Buffer.from('second'));

      expect(await codeOf(storage.read(key, { ifMatch: first.etag }))).toBe('storage.precondition-failed');
      expect(await codeOf(storage.read(`${key}-absent`, { ifMatch: first.etag }))).toBe('storage.not-found');
    });

    it('rejects with the reason of a signal that has fired, before and during a read', async () => {
      const key = `${newPrefix()}signal`;
      await storage.put(key, makeBytes(4 * MIB));
      const before = AbortSignal.abort(new Error('too late'));
      const during = new AbortController();
      const read = await storage.read(key, { signal: during.signal });

      await expect(storage.read(key, { signal: before })).rejects.toThrow('too late');
      await expect(
        (async () => {
          for await (const _ of read.body) during.abort(new Error('enough'));
        })(),
      ).rejects.toThrow('enough');
    });

    it('lets a reader stop early, or never begin, many times over', async () => {
      const key = `${newPrefix()}early`;
      await storage.put(key, makeBytes(2 * MIB));

      // More often than a client has connections: a leak would block.
      for (let round = 0; round < 80; round += 1) {
        const { body } = await storage.read(key);
        if (round % 2 === 0) for await (const _ of body) break;
        else await body[Symbol.asyncIterator]().return?.();
      }

      expect((await readAll((await storage.read(key)).body)).length).toBe(2 * MIB);
    });

    it('uploads several parts from chunks of any size, and shows nothing before the end', async () => {
      const key = `${newPrefix()}large`;
      const bytes = makeBytes(20 * MIB + 12_345);

      const upload = await writeInChunks(storage, key, bytes, 700_001);
      const before = await storage.head(key);
      const written = await upload.complete();
      const head = await storage.head(key);
      const read = await storage.read(key, { start: 8 * MIB - 3, end: 16 * MIB + 2 });

      expect(before).toBeUndefined();
      expect(upload.sizeBytes).toBe(bytes.length);
      expect(written.sizeBytes).toBe(bytes.length);
      expect(head).toMatchObject({ sizeBytes: bytes.length, etag: written.etag });
      expect((await readAll(read.body)).equals(bytes.subarray(8 * MIB - 3, 16 * MIB + 3))).toBe(true);
      expect((await readAll((await storage.read(key)).body)).equals(bytes)).toBe(true);
    });

    it('leaves nothing behind when an upload is aborted, however often and however far', async () => {
      const prefix = newPrefix();
      const untouched = storage.upload(`${prefix}untouched`);
      const small = await writeInChunks(storage, `${prefix}small`, makeBytes(1000), 300);
      const large = await writeInChunks(storage, `${prefix}large`, makeBytes(12 * MIB), MIB);
      const ended = await writeInChunks(storage, `${prefix}ended`, makeBytes(12 * MIB), MIB);

      await Promise.all([untouched.abort(), small.abort(), large.abort(), large.abort()]);
      await small.abort();
      await ended.complete();
      await ended.abort();

      expect(await listKeys(storage, prefix)).toEqual([`${prefix}ended`]);
      expect(await under.countLeftovers(prefix)).toBe(0);
      expect(await codeOf(large.write(Buffer.from('x')))).toBe('internal.bug');
      expect(await codeOf(small.complete())).toBe('internal.bug');
    });

    it('creates only where nothing is, when asked so', async () => {
      const key = `${newPrefix()}created`;

      await storage.put(key, Buffer.from('first'), { condition: { ifNoneMatch: '*' } });
      const again = codeOf(storage.put(key, Buffer.from('second'), { condition: { ifNoneMatch: '*' } }));

      expect(await again).toBe('storage.precondition-failed');
      expect((await readAll((await storage.read(key)).body)).toString()).toBe('first');
    });

    it('replaces only the ETag it was given, and nothing where nothing is', async () => {
      const key = `${newPrefix()}replaced`;
      const first = await storage.put(key, Buffer.from('first'));

      const second = await storage.put(key, Buffer.from('second'), { condition: { ifMatch: first.etag } });
      const stale = await codeOf(storage.put(key, Buffer.from('third'), { condition: { ifMatch: first.etag } }));
      const absent = await codeOf(storage.put(`${key}-no`, Buffer.from('x'), { condition: { ifMatch: first.etag } }));

      expect(stale).toBe('storage.precondition-failed');
      expect(absent).toBe('storage.precondition-failed');
      expect((await storage.head(key))?.etag).toBe(second.etag);
    });

    if (traits.judgesDeleted ?? true) {
      it('judges conditions as if what was deleted had never been', async () => {
        const key = `${newPrefix()}deleted`;
        const first = await storage.put(key, Buffer.from('first'));
        await storage.delete(key);

        const stale = await codeOf(storage.put(key, Buffer.from('x'), { condition: { ifMatch: first.etag } }));
        await storage.put(key, Buffer.from('second'), { condition: { ifNoneMatch: '*' } });

        expect(stale).toBe('storage.precondition-failed');
        expect((await readAll((await storage.read(key)).body)).toString()).toBe('second');
      });
    }

    for (const [title, sizeBytes] of [
      ['a small upload', 1000],
      ['an upload of several parts', 12 * MIB],
    ] as const) {
      it(`completes ${title} under its condition, and again under another`, async () => {
        const key = `${newPrefix()}completed`;
        const bytes = makeBytes(sizeBytes);
        const older = await storage.put(key, Buffer.from('older'));
        const upload = await writeInChunks(storage, key, bytes, MIB);

        const refused = await codeOf(upload.complete({ ifNoneMatch: '*' }));
        const between = await storage.head(key);
        const written = await upload.complete({ ifMatch: older.etag });

        expect(refused).toBe('storage.precondition-failed');
        expect(between?.etag).toBe(older.etag);
        expect((await storage.head(key))?.etag).toBe(written.etag);
        expect((await readAll((await storage.read(key)).body)).equals(bytes)).toBe(true);
        await upload.abort();
        expect(await under.countLeftovers(key)).toBe(0);
      });
    }

    it('lets exactly one of many concurrent creators win', async () => {
      const key = `${newPrefix()}race`;
      const contenders = Array.from({ length: 24 }, (_, index) => `contender ${index}`);

      const results = await Promise.allSettled(
        contenders.map((name) => storage.put(key, Buffer.from(name), { condition: { ifNoneMatch: '*' } })),
      );

      const winners = contenders.filter((_, index) => results[index]?.status === 'fulfilled');
      const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []));
      expect(winners).toHaveLength(1);
      expect(['storage.precondition-failed', 'storage.conflict']).toEqual(
        expect.arrayContaining([...new Set(reasons)]),
      );
      expect((await readAll((await storage.read(key)).body)).toString()).toBe(winners[0]);
    });

    it('loses no increment when many raise one counter under If-Match', async () => {
      const key = `${newPrefix()}counter`;
      await storage.put(key, Buffer.from('0'));

      const raise = async () => {
        for (;;) {
          const read = await storage.read(key);
          const next = Number((await readAll(read.body)).toString()) + 1;
          const code = await codeOf(storage.put(key, Buffer.from(`${next}`), { condition: { ifMatch: read.etag } }));
          if (code === 'no error') return;
          expect(['storage.precondition-failed', 'storage.conflict']).toContain(code);
        }
      };
      await Promise.all(Array.from({ length: 8 }, raise));

      expect((await readAll((await storage.read(key)).body)).toString()).toBe('8');
    });

    it('lets exactly one of several concurrent uploads complete', async () => {
      const key = `${newPrefix()}publish`;
      const uploads = await Promise.all(
        [1, 2, 3, 4].map((index) => writeInChunks(storage, key, makeBytes(9 * MIB + index), 3 * MIB)),
      );

      const results = await Promise.allSettled(uploads.map((upload) => upload.complete({ ifNoneMatch: '*' })));
      await Promise.all(uploads.map((upload) => upload.abort()));

      const sizes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.sizeBytes] : []));
      expect(sizes).toHaveLength(1);
      expect((await storage.head(key))?.sizeBytes).toBe(sizes[0]);
      expect(await under.countLeftovers(key)).toBe(0);
    });

    it('deletes only the ETag it was given, and what is gone without complaint', async () => {
      const key = `${newPrefix()}deleted`;
      const first = await storage.put(key, Buffer.from('first'));
      const second = await storage.put(key, Buffer.from('second'));

      const stale = await codeOf(storage.delete(key, { ifMatch: first.etag }));
      const kept = await storage.head(key);
      await storage.delete(key, { ifMatch: second.etag });

      expect(stale).toBe('storage.precondition-failed');
      expect(kept?.etag).toBe(second.etag);
      expect(await storage.head(key)).toBeUndefined();
      expect(await listKeys(storage, key)).toEqual([]);
      expect(await codeOf(storage.delete(key))).toBe('no error');
    });

    it('finishes a read that began before the object was replaced, with the bytes it began with', async () => {
      const key = `${newPrefix()}replaced-under-reader`;
      const bytes = makeBytes(200_000);
      await storage.put(key, bytes);
      const read = await storage.read(key);

      await storage.put(key, Buffer.from('newer'));

      expect((await readAll(read.body)).equals(bytes)).toBe(true);
    });

    if (traits.versioned) {
      it('keeps versions: reads, heads and deletes one by its id, with a marker for what was deleted', async () => {
        const key = `${newPrefix()}versions`;
        const first = await storage.put(key, Buffer.from('first'));
        const second = await storage.put(key, Buffer.from('second'));
        await storage.put(`${key}-longer`, Buffer.from('another key'));
        const firstId = first.versionId ?? '';
        const secondId = second.versionId ?? '';

        await storage.delete(key);
        const ids = await storage.versions(key);

        expect(firstId).not.toBe('');
        expect(firstId).not.toBe(secondId);
        expect(ids.slice(1)).toEqual([secondId, firstId]);
        expect(await storage.head(key)).toBeUndefined();
        expect(await codeOf(storage.read(key))).toBe('storage.not-found');
        expect(await storage.head(key, { versionId: ids[0] ?? '' })).toBeUndefined();
        expect(await storage.head(key, { versionId: firstId })).toMatchObject({ etag: first.etag, versionId: firstId });
        expect((await readAll((await storage.read(key, { versionId: firstId })).body)).toString()).toBe('first');

        await storage.delete(key, { versionId: firstId });
        expect(await codeOf(storage.read(key, { versionId: firstId }))).toBe('storage.not-found');
        await storage.delete(key, { versionId: ids[0] ?? '' });
        expect((await storage.head(key))?.versionId).toBe(secondId);
        await storage.delete(key, { versionId: secondId });
        expect(await storage.versions(key)).toEqual([]);
        expect(await storage.versions(`${key}-longer`)).toHaveLength(1);
      });
    } else {
      it('has no version ids', async () => {
        const key = `${newPrefix()}unversioned`;
        const written = await storage.put(key, Buffer.from('first'));
        await storage.put(key, Buffer.from('second'));

        expect(written.versionId).toBeUndefined();
        expect((await storage.head(key))?.versionId).toBeUndefined();
        expect(await storage.versions(key)).toEqual([undefined]);
        await storage.delete(key);
        expect(await storage.versions(key)).toEqual([]);
      });
    }
  });
}
