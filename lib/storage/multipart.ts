import type { Upload, WriteCondition, Written } from './types.ts';
import { makeUpload } from './upload.ts';

/**
 * The requests that a streaming write is made of, for one key. `Part` is whatever the storage wants back for each part
 * when the upload is completed.
 */
export interface MultipartRequests<Part> {
  put(body: Buffer, condition: WriteCondition): Promise<Written>;
  create(): Promise<string>;
  /** `body` is not touched again before the promise settles. */
  uploadPart(uploadId: string, partNumber: number, body: Buffer, signal: AbortSignal): Promise<Part>;
  complete(uploadId: string, parts: readonly Part[], sizeBytes: number, condition: WriteCondition): Promise<Written>;
  abort(uploadId: string): Promise<void>;
}

const MIB = 1024 * 1024;
const FIRST_BUFFER_BYTES = 64 * 1024;
const MAX_PARTS_IN_FLIGHT = 3;
const MAX_BYTES_IN_FLIGHT = 64 * MIB;

/**
 * Size of part `partNumber` (1-based): 8 MiB, doubled after every 1,000 parts. S3 takes 10,000 parts of 5 MiB to 5 GiB
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html, read in November 2026): this holds 8 TB, more than S3's
 * 5 TB, and stays at 8 MiB up to 8.4 GB, at 16 MiB up to 25 GB, at 32 MiB up to 58 GB.
 */
export function partSizeBytes(partNumber: number): number {
  return 8 * MIB * 2 ** Math.floor((partNumber - 1) / 1000);
}

/**
 * A streaming write made of S3's multipart requests. What fits into one part becomes a single put.
 * At most three parts (of 8 or 16 MiB; fewer when they are larger) are on their way while the next one fills,
 * so memory is bounded by four parts; `write` waits for room.
 */
export function makeMultipartUpload<Part>(
  requests: MultipartRequests<Part>,
  sizeOfPart: (partNumber: number) => number = partSizeBytes,
): Upload {
  const parts: Part[] = [];
  const inFlight = new Set<Promise<void>>();
  const cancel = new AbortController();
  let filling = Buffer.alloc(0);
  let filledBytes = 0;
  let partNumber = 1;
  let sizeBytes = 0;
  let creating: Promise<string> | undefined;
  let failed: { readonly error: unknown } | undefined;

  function maxInFlight(): number {
    return Math.max(1, Math.min(MAX_PARTS_IN_FLIGHT, Math.floor(MAX_BYTES_IN_FLIGHT / sizeOfPart(partNumber))));
  }

  function makeRoom(wantedBytes: number): void {
    const limitBytes = sizeOfPart(partNumber);
    if (filling.length >= Math.min(wantedBytes, limitBytes)) return;
    // The first part grows by doubling, since most files are small; those after it are full parts.
    const nextBytes = partNumber > 1 ? limitBytes : Math.max(FIRST_BUFFER_BYTES, filling.length * 2, wantedBytes);
    // allocUnsafeSlow: a slice of Node's shared pool would keep the pool alive.
    const larger = Buffer.allocUnsafeSlow(Math.min(limitBytes, nextBytes));
    filling.copy(larger, 0, 0, filledBytes);
    filling = larger;
  }

  async function sendPart(): Promise<void> {
    while (inFlight.size >= maxInFlight()) await Promise.race(inFlight);
    throwIfFailed();
    const body = filling.subarray(0, filledBytes);
    const number = partNumber;
    filling = Buffer.alloc(0);
    filledBytes = 0;
    partNumber += 1;
    const sending = (async () => {
      try {
        creating ??= requests.create();
        parts[number - 1] = await requests.uploadPart(await creating, number, body, cancel.signal);
      } catch (error) {
        failed ??= { error };
      }
    })().finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  }

  function throwIfFailed(): void {
    if (failed) throw failed.error;
  }

  async function writeChunk(chunk: Buffer): Promise<void> {
    let copiedBytes = 0;
    while (copiedBytes < chunk.length) {
      if (filledBytes === sizeOfPart(partNumber)) await sendPart();
      makeRoom(filledBytes + chunk.length - copiedBytes);
      const taken = chunk.copy(filling, filledBytes, copiedBytes);
      copiedBytes += taken;
      filledBytes += taken;
      sizeBytes += taken;
    }
  }

  async function publish(condition: WriteCondition): Promise<Written> {
    if (!creating) return requests.put(filling.subarray(0, filledBytes), condition);
    if (filledBytes > 0) await sendPart();
    await Promise.all(inFlight);
    throwIfFailed();
    return requests.complete(await creating, parts, sizeBytes, condition);
  }

  async function discard(): Promise<void> {
    // A part that arrives after the abort would stay and be billed: wait for all of them first.
    await Promise.allSettled(inFlight);
    filling = Buffer.alloc(0);
    // The bucket's rule AbortIncompleteMultipartUpload stands behind an abort that fails.
    if (creating) await requests.abort(await creating);
  }

  return makeUpload({
    async write(chunk) {
      throwIfFailed();
      await writeChunk(chunk);
    },
    async complete(condition) {
      throwIfFailed();
      const written = await publish(condition);
      filling = Buffer.alloc(0);
      return written;
    },
    requests: () =>
      // One put, or: the upload created, its parts, completed.
      creating === undefined ? { sent: 0, toComplete: 1 } : { sent: partNumber, toComplete: filledBytes > 0 ? 2 : 1 },
    interrupt: () => cancel.abort(),
    discard,
  });
}
