import { describe, expect, it } from '@jest/globals';
import { type MultipartRequests, makeMultipartUpload, partSizeBytes } from '../../../lib/storage/multipart.ts';
import type { WriteCondition } from '../../../lib/storage/types.ts';

interface Pending {
  readonly partNumber: number;
  readonly body: Buffer;
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: Error): void;
}

/** Parts wait until the test lets them through. */
function makeRequests() {
  const pending: Pending[] = [];
  const log: string[] = [];
  const written = (sizeBytes: number) => ({ etag: 'e', sizeBytes, lastModifiedMs: 0, answeredAtMs: 0 });
  const requests: MultipartRequests<number> = {
    async put(body, condition: WriteCondition) {
      log.push(`put ${body.length} ${JSON.stringify(condition)}`);
      return written(body.length);
    },
    async create() {
      log.push('create');
      return 'id';
    },
    uploadPart(_uploadId, partNumber, body, signal) {
      return new Promise((resolve, reject) => {
        pending.push({ partNumber, body, signal, resolve: () => resolve(partNumber), reject });
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    async complete(_uploadId, parts, sizeBytes) {
      log.push(`complete ${parts.join(',')} ${sizeBytes}`);
      return written(sizeBytes);
    },
    async abort() {
      log.push('abort');
    },
  };
  return { requests, pending, log };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** 'waiting', or how the promise ended. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = 'waiting';
  promise.then(
    () => {
      state = 'resolved';
    },
    (error: Error) => {
      state = error.message;
    },
  );
  await settle();
  return state;
}

describe('partSizeBytes', () => {
  it('lets 10,000 parts hold 5 TB and never exceeds 5 GiB a part', () => {
    let totalBytes = 0;
    for (let part = 1; part <= 10_000; part += 1) {
      expect(partSizeBytes(part)).toBeLessThanOrEqual(5 * 1024 ** 3);
      expect(partSizeBytes(part)).toBeGreaterThanOrEqual(5 * 1024 ** 2);
      totalBytes += partSizeBytes(part);
    }
    expect(totalBytes).toBeGreaterThan(5e12);
    expect(partSizeBytes(1000)).toBe(8 * 1024 ** 2);
  });
});

describe('makeMultipartUpload', () => {
  it('puts once what fits into exactly one part, and creates an upload for one byte more', async () => {
    const fits = makeRequests();
    const exceeds = makeRequests();
    const small = makeMultipartUpload(fits.requests, () => 10);
    const large = makeMultipartUpload(exceeds.requests, () => 10);

    await small.write(Buffer.alloc(10));
    await small.complete({ ifNoneMatch: '*' });
    await large.write(Buffer.alloc(11));
    const completing = large.complete();
    await settle();
    for (const part of exceeds.pending) part.resolve();
    await completing;

    expect(fits.log).toEqual(['put 10 {"ifNoneMatch":"*"}']);
    expect(exceeds.log).toEqual(['create', 'complete 1,2 11']);
  });

  it('has at most three parts in flight, whatever the size of a chunk, and resumes when one has settled', async () => {
    const { requests, pending } = makeRequests();
    const upload = makeMultipartUpload(requests, () => 10);

    const writing = upload.write(Buffer.from('0123456789'.repeat(6)));
    const before = await stateOf(writing);
    const inFlightAtMost = pending.length;
    while ((await stateOf(writing)) === 'waiting')
      pending.find((part) => part.partNumber === pending.length)?.resolve();

    expect(before).toBe('waiting');
    expect(inFlightAtMost).toBe(3);
    expect(pending.map((part) => part.partNumber)).toEqual([1, 2, 3, 4, 5]);
    expect(pending.every((part) => part.body.toString() === '0123456789')).toBe(true);
  });

  it('sends fewer parts at once when parts are large', async () => {
    const { requests, pending } = makeRequests();
    const upload = makeMultipartUpload(requests, () => 40 * 1024 * 1024);

    const writing = upload.write(Buffer.alloc(90 * 1024 * 1024));

    expect(await stateOf(writing)).toBe('waiting');
    expect(pending).toHaveLength(1);
    await upload.abort();
    await expect(writing).rejects.toBeDefined();
  });

  it('fails the next write, and every completion, with the error of a part', async () => {
    const { requests, pending, log } = makeRequests();
    const upload = makeMultipartUpload(requests, () => 10);

    await upload.write(Buffer.alloc(11));
    await settle();
    pending[0]?.reject(new Error('part lost'));
    await settle();

    await expect(upload.write(Buffer.alloc(1))).rejects.toThrow('part lost');
    await expect(upload.complete()).rejects.toThrow('part lost');
    await expect(upload.complete()).rejects.toThrow('part lost');
    expect(log).toEqual(['create']);
  });

  it('cancels the parts in flight when aborted, and aborts only after they have settled', async () => {
    const { requests, pending, log } = makeRequests();
    let release = () => {};
    const stubborn = {
      ...requests,
      uploadPart: () =>
        new Promise<number>((resolve) => {
          release = () => resolve(1);
        }),
    };
    const upload = makeMultipartUpload(stubborn, () => 10);
    const obedient = makeMultipartUpload(requests, () => 10);
    await upload.write(Buffer.alloc(15));
    await obedient.write(Buffer.alloc(15));
    await settle();

    await obedient.abort();
    const aborting = upload.abort();
    const before = await stateOf(aborting);
    const logBefore = log.filter((entry) => entry === 'abort').length;
    release();
    await aborting;

    expect(pending[0]?.signal.aborted).toBe(true);
    expect(before).toBe('waiting');
    expect(logBefore).toBe(1);
    expect(log.filter((entry) => entry === 'abort')).toHaveLength(2);
  });

  it('keeps its own copy of a chunk', async () => {
    const { requests } = makeRequests();
    const bodies: string[] = [];
    const keeping = {
      ...requests,
      put: async (body: Buffer) => {
        bodies.push(body.toString());
        return { etag: '', sizeBytes: 0, lastModifiedMs: 0, answeredAtMs: 0 };
      },
    };
    const upload = makeMultipartUpload(keeping);
    const chunk = Buffer.from('abc');

    await upload.write(chunk);
    chunk.fill('x');
    await upload.write(Buffer.from('def'));
    await upload.complete();

    expect(bodies).toEqual(['abcdef']);
  });

  it('does not create an upload only to abort it', async () => {
    const { requests, log } = makeRequests();
    const upload = makeMultipartUpload(requests, () => 10);

    await upload.write(Buffer.alloc(10));
    await upload.abort();

    expect(log).toEqual([]);
  });
});
