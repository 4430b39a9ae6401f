import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { makeS3Connection, makeS3Storage, type S3Connection, type S3ConnectionOptions } from '../../lib/storage/s3.ts';
import type { Storage, StorageOperation } from '../../lib/storage/types.ts';
import { type S3Server, startS3Server } from '../../local/s3/server.ts';
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from './fault-proxy.ts';
import { makeBytes, readAll } from './storage-contract.ts';

const MIB = 1024 * 1024;

let folder: string;
let server: S3Server;
let proxy: FaultProxy;
const connections: S3Connection[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-s3-faults-'));
  server = await startS3Server({ port: 0, folder, buckets: ['contract'], versioning: false });
  proxy = await startFaultProxy(server.port);
});
beforeEach(() => {
  proxy.decide = () => undefined;
  proxy.seen.length = 0;
});
afterAll(async () => {
  for (const connection of connections) connection.close();
  await proxy.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function connect(port: number, options: Partial<S3ConnectionOptions> = {}, counted?: StorageOperation[]): Storage {
  const connection = makeS3Connection({
    region: 'eu-west-3',
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 3,
    ...options,
  });
  connections.push(connection);
  return makeS3Storage({ connection, bucket: 'contract', count: (operation) => counted?.push(operation) });
}

/** Applies `fault` to the first `times` requests that match. */
function breakFirst(times: number, matches: (request: SeenRequest) => boolean, fault: Fault): void {
  let left = times;
  proxy.decide = (request) => (matches(request) && left-- > 0 ? fault : undefined);
}

const isMethod = (method: string) => (request: SeenRequest) => request.method === method;
const isPart = (request: SeenRequest) => request.method === 'PUT' && request.url.includes('partNumber=');
const isComplete = (request: SeenRequest) => request.method === 'POST' && request.url.includes('uploadId=');

async function uploadLarge(storage: Storage, key: string, sizeBytes: number) {
  const upload = storage.upload(key);
  await upload.write(makeBytes(sizeBytes));
  return upload;
}

describe('reading from S3 when the connection breaks', () => {
  it('goes on at the byte reached, pinned to the same ETag', async () => {
    const storage = connect(proxy.port);
    const bytes = makeBytes(5 * MIB);
    const { etag } = await storage.put('resumed', bytes);
    breakFirst(2, isMethod('GET'), { kind: 'cut-answer', afterBytes: MIB });

    const read = await storage.read('resumed');
    const all = await readAll(read.body);

    const gets = proxy.seen.filter(isMethod('GET'));
    expect(all.equals(bytes)).toBe(true);
    expect(gets).toHaveLength(3);
    expect(gets[1]?.headers['if-match']).toBe(`"${etag}"`);
    expect(gets[1]?.headers.range).toMatch(/^bytes=\d+-5242879$/);
  });

  it('goes on inside the range that was asked for', async () => {
    const storage = connect(proxy.port);
    const bytes = makeBytes(3 * MIB);
    await storage.put('resumed-range', bytes);
    breakFirst(1, isMethod('GET'), { kind: 'cut-answer', afterBytes: 100_000 });

    const read = await storage.read('resumed-range', { start: 1000, end: 2 * MIB });

    expect((await readAll(read.body)).equals(bytes.subarray(1000, 2 * MIB + 1))).toBe(true);
    expect(proxy.seen.filter(isMethod('GET'))).toHaveLength(2);
  });

  it('gives up when it breaks five times without a byte', async () => {
    const storage = connect(proxy.port);
    await storage.put('broken', makeBytes(MIB));
    breakFirst(1000, isMethod('GET'), { kind: 'cut-answer', afterBytes: 0 });

    const read = await storage.read('broken');

    await expect(readAll(read.body)).rejects.toMatchObject({ code: 'storage.unavailable' });
    expect(proxy.seen.filter(isMethod('GET'))).toHaveLength(5);
  });

  it('says so when the object was replaced, or deleted, under a reader who has to connect again', async () => {
    const storage = connect(proxy.port);
    await storage.put('replaced', makeBytes(MIB));
    await storage.put('deleted', makeBytes(MIB));
    breakFirst(2, isMethod('GET'), { kind: 'cut-answer', afterBytes: 1000 });
    const replaced = await storage.read('replaced');
    const deleted = await storage.read('deleted');

    await storage.put('replaced', Buffer.from('newer'));
    await storage.delete('deleted');

    await expect(readAll(replaced.body)).rejects.toMatchObject({ code: 'storage.precondition-failed' });
    await expect(readAll(deleted.body)).rejects.toMatchObject({ code: 'storage.not-found' });
  });

  it('notices bytes that were damaged on the way', async () => {
    const storage = connect(proxy.port);
    await storage.put('damaged', makeBytes(1000));
    await storage.put('damaged-large', makeBytes(5 * MIB));
    breakFirst(2, isMethod('GET'), { kind: 'damage-answer' });

    const small = await storage.read('damaged');
    const large = await storage.read('damaged-large');

    await expect(readAll(small.body)).rejects.toMatchObject({ code: 'storage.unavailable' });
    await expect(readAll(large.body)).rejects.toMatchObject({ code: 'storage.unavailable' });
  });

  it('hangs up when the reader stops early or its signal fires', async () => {
    const storage = connect(proxy.port);
    await storage.put('hung-up', makeBytes(32 * MIB));
    const before = proxy.hungUpCount();
    const controller = new AbortController();

    const stopped = await storage.read('hung-up');
    for await (const _ of stopped.body) break;
    const unread = await storage.read('hung-up');
    await unread.body[Symbol.asyncIterator]().return?.();
    const cancelled = await storage.read('hung-up', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(readAll(cancelled.body)).rejects.toThrow('enough');

    while (proxy.hungUpCount() < before + 3) await nextTurn();
  });

  it('treats a connection on which nothing moves as broken', async () => {
    const storage = connect(proxy.port, { idleTimeoutMs: 100, maxAttempts: 2 });
    proxy.decide = () => ({ kind: 'hang' });

    await expect(storage.head('hanging')).rejects.toMatchObject({ code: 'storage.unavailable' });
    expect(proxy.seen).toHaveLength(2);
  });
});

describe('writing to S3 when the answer is lost', () => {
  const conditional = { condition: { ifNoneMatch: '*' } } as const;

  it('recognises its own object when the repeated creation meets it', async () => {
    const storage = connect(proxy.port);
    breakFirst(1, isMethod('PUT'), { kind: 'lose-answer' });

    const written = await storage.put('own', Buffer.from('mine'), conditional);

    expect(proxy.seen.filter(isMethod('PUT'))).toHaveLength(2);
    expect(await storage.head('own')).toMatchObject({ etag: written.etag, sizeBytes: 4, metadata: {} });
  });

  it('recognises its own object when the repeated replacement meets it', async () => {
    const storage = connect(proxy.port);
    const first = await storage.put('own-replaced', Buffer.from('first'));
    breakFirst(1, isMethod('PUT'), { kind: 'lose-answer' });

    const written = await storage.put('own-replaced', Buffer.from('mine'), { condition: { ifMatch: first.etag } });

    expect((await storage.head('own-replaced'))?.etag).toBe(written.etag);
    expect(written.etag).not.toBe(first.etag);
  });

  it('recognises its own upload when the repeated completion finds none', async () => {
    const storage = connect(proxy.port);
    const upload = await uploadLarge(storage, 'own-upload', 9 * MIB);
    breakFirst(1, isComplete, { kind: 'lose-answer' });

    const written = await upload.complete({ ifNoneMatch: '*' });

    expect(proxy.seen.filter(isComplete)).toHaveLength(2);
    expect(await storage.head('own-upload')).toMatchObject({ etag: written.etag, sizeBytes: 9 * MIB });
  });

  it('does not take the same bytes of a rival for its own', async () => {
    const storage = connect(proxy.port);
    const rival = connect(server.port);
    let puts = 0;
    // Our first attempt never arrives; the rival's does before our second.
    proxy.decide = (request) => {
      if (request.method !== 'PUT' || puts++ > 0) return undefined;
      return { kind: 'answer', status: 503, code: 'SlowDown' };
    };
    await rival.put('rival', Buffer.from('the same bytes'), conditional);

    const writing = storage.put('rival', Buffer.from('the same bytes'), conditional);

    await expect(writing).rejects.toMatchObject({ code: 'storage.precondition-failed' });
    expect(puts).toBe(2);
  });
});

describe('uploading to S3', () => {
  it('holds the writer while three parts are on their way, and goes on when one has arrived', async () => {
    const storage = connect(proxy.port);
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    proxy.decide = (request) => (isPart(request) ? { kind: 'hold', until } : undefined);
    const upload = storage.upload('held');
    const chunk = makeBytes(MIB);
    let writtenCount = 0;

    const writing = (async () => {
      for (; writtenCount < 48; writtenCount += 1) await upload.write(chunk);
    })();
    while (proxy.seen.filter(isPart).length < 3) await nextTurn();
    for (let turn = 0; turn < 1000; turn += 1) await nextTurn();
    const heldAt = writtenCount;
    release();
    await writing;
    await upload.complete();

    // Three parts on their way and a fourth full: the 33rd MiB has to wait.
    expect(heldAt).toBe(32);
    expect((await storage.head('held'))?.sizeBytes).toBe(48 * MIB);
  });

  it('announces the checksum that it sends with each part, without which S3 refuses them', async () => {
    const storage = connect(proxy.port);

    await (await uploadLarge(storage, 'announced', 9 * MIB)).complete();

    const creation = proxy.seen.find(({ method, url }) => method === 'POST' && /[?&]uploads/.test(url));
    expect(creation?.headers['x-amz-checksum-algorithm']).toBe('CRC32');
    expect(proxy.seen.filter(isPart).every(({ headers }) => headers['x-amz-checksum-crc32'] !== undefined)).toBe(true);
  });

  it('fails the write and the completion when a part cannot be stored, and leaves nothing', async () => {
    const storage = connect(proxy.port, { maxAttempts: 1 });
    proxy.decide = (request) => (isPart(request) ? { kind: 'answer', status: 500, code: 'InternalError' } : undefined);
    const upload = await uploadLarge(storage, 'partless', 9 * MIB);

    await expect(upload.complete()).rejects.toMatchObject({ code: 'storage.unavailable' });
    await expect(upload.complete()).rejects.toMatchObject({ code: 'storage.unavailable' });
    await upload.abort();

    expect(proxy.seen.filter(isMethod('DELETE'))).toHaveLength(1);
    expect(await storage.head('partless')).toBeUndefined();
  });

  it('does not reject an abort that S3 refuses', async () => {
    const storage = connect(proxy.port);
    const upload = await uploadLarge(storage, 'unaborted', 9 * MIB);
    proxy.decide = () => ({ kind: 'answer', status: 403, code: 'AccessDenied' });

    await expect(upload.abort()).resolves.toBeUndefined();
  });
});

describe('the errors of S3', () => {
  const get = (storage: Storage) => storage.read('key');
  const put = (storage: Storage) => storage.put('key', Buffer.from('x'));
  const head = (storage: Storage) => storage.head('key');
  const list = (storage: Storage) => storage.list('key')[Symbol.asyncIterator]().next();
  const remove = (storage: Storage) => storage.delete('key');
  const cases: readonly [number, string, string, (storage: Storage) => Promise<unknown>][] = [
    [403, 'AccessDenied', 'storage.denied', get],
    [403, 'AccessDenied', 'storage.denied', put],
    [403, '', 'storage.denied', head],
    [403, 'AccessDenied', 'storage.denied', list],
    [403, 'AccessDenied', 'storage.denied', remove],
    [400, 'ExpiredToken', 'storage.denied', get],
    [404, 'NoSuchBucket', 'storage.refused', get],
    [404, 'NoSuchBucket', 'storage.refused', put],
    [404, 'NoSuchBucket', 'storage.refused', list],
    [404, 'NoSuchBucket', 'storage.refused', remove],
    [404, 'NoSuchKey', 'storage.not-found', get],
    [301, 'PermanentRedirect', 'storage.refused', get],
    [400, 'InvalidRequest', 'storage.refused', put],
    [400, 'RequestTimeout', 'storage.unavailable', put],
    [409, 'ConditionalRequestConflict', 'storage.conflict', put],
    [412, 'PreconditionFailed', 'storage.precondition-failed', put],
    [412, 'PreconditionFailed', 'storage.precondition-failed', remove],
    [429, 'TooManyRequests', 'storage.unavailable', get],
    [500, 'InternalError', 'storage.unavailable', get],
    [503, 'SlowDown', 'storage.unavailable', put],
    [503, '', 'storage.unavailable', head],
  ];

  it.each(cases)('%i %s becomes %s', async (status, code, expected, act) => {
    const storage = connect(proxy.port, { maxAttempts: 1 });
    proxy.decide = () => ({ kind: 'answer', status, ...(code ? { code } : {}) });

    await expect(act(storage)).rejects.toMatchObject({ name: 'TamisError', code: expected });
  });

  it('a server that is not there becomes storage.unavailable', async () => {
    const gone = await startFaultProxy(1);
    await gone.close();

    await expect(connect(gone.port).head('key')).rejects.toMatchObject({ code: 'storage.unavailable' });
  });

  it('an answer without a date becomes storage.unavailable, since claims are judged by it', async () => {
    const storage = connect(proxy.port, { maxAttempts: 1 });
    proxy.decide = () => ({ kind: 'answer', status: 200, dateless: true });

    await expect(storage.head('key')).rejects.toMatchObject({ code: 'storage.unavailable' });
  });

  it('a passing failure is repeated, and then forgotten', async () => {
    const storage = connect(proxy.port);
    breakFirst(2, isMethod('PUT'), { kind: 'answer', status: 503, code: 'SlowDown' });

    await storage.put('repeated', Buffer.from('x'));

    expect(proxy.seen).toHaveLength(3);
  });
});

describe('the requests that S3 bills', () => {
  it('are counted once each, by what they cost', async () => {
    const counted: StorageOperation[] = [];
    const storage = connect(proxy.port, {}, counted);
    const countsOf = async (work: () => Promise<unknown>) => {
      counted.length = 0;
      await work();
      return counted.join(' ');
    };

    expect(await countsOf(() => storage.put('billed', Buffer.from('x')))).toBe('put');
    expect(await countsOf(() => storage.head('billed'))).toBe('get');
    expect(await countsOf(async () => readAll((await storage.read('billed')).body))).toBe('get');
    expect(await countsOf(() => storage.versions('billed'))).toBe('list');
    expect(await countsOf(() => storage.list('billed')[Symbol.asyncIterator]().next())).toBe('list');
    expect(await countsOf(() => storage.delete('billed'))).toBe('delete');
    expect(await countsOf(async () => (await uploadLarge(storage, 'small', 1000)).complete())).toBe('put');
    // Create, two parts, complete.
    expect(await countsOf(async () => (await uploadLarge(storage, 'large', 9 * MIB)).complete())).toBe(
      'put put put put',
    );
    // The part had not been sent when the upload was aborted.
    expect(await countsOf(async () => (await uploadLarge(storage, 'aborted', 9 * MIB)).abort())).toBe('put delete');
  });
});
