import type { Readable } from 'node:stream';
import { TamisError } from '../errors.ts';

export interface BodyOptions {
  /** Connected and positioned at the first byte. */
  readonly stream: Readable;
  readonly lengthBytes: number;
  /** Connects again, `reachedBytes` after the first byte. Without it a break is final. */
  readonly reopen?: (reachedBytes: number) => Promise<Readable>;
  /** Whether an error of the stream condemns the bytes already read, so that going on would hide it. */
  readonly isFatal?: (error: unknown) => boolean;
  /** Called when all bytes were read; may still reject them. */
  readonly verify?: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Breaks in a row, without a byte between them, after which reading gives up. A slow reader may well see one break for
 * each time it pauses, since storages close idle connections: those do not add up.
 */
const MAX_BREAKS_WITHOUT_PROGRESS = 4;

/**
 * The bytes of a stream as an iterable that owns the connection: it connects again where a break left off, and closes
 * when the reader stops early, even before the first byte. Throws `storage.unavailable` when breaks repeat or one is fatal, the signal's reason when it fires, and whatever `reopen` and `verify` throw.
 */
export function makeBody({ stream, lengthBytes, reopen, isFatal, verify, signal }: BodyOptions): AsyncIterable<Buffer> {
  let current = stream;
  let chunks: AsyncIterator<Buffer> = current[Symbol.asyncIterator]();
  let reachedBytes = 0;
  let breaks = 0;
  let done = false;

  // Without a listener, an error between two reads would end the process; the iterator reports it all the same.
  function ignoreError(): void {}
  stream.on('error', ignoreError);

  function close(): void {
    done = true;
    signal?.removeEventListener('abort', destroy);
    current.destroy();
  }

  function destroy(): void {
    current.destroy();
  }
  if (signal?.aborted) destroy();
  else signal?.addEventListener('abort', destroy, { once: true });

  async function connectAgain(cause: unknown): Promise<void> {
    current.destroy();
    breaks += 1;
    const isOver = reachedBytes >= lengthBytes || breaks > MAX_BREAKS_WITHOUT_PROGRESS;
    if (!reopen || isOver || isFatal?.(cause)) {
      throw new TamisError('storage.unavailable', { operation: 'read' }, cause);
    }
    current = await reopen(reachedBytes);
    current.on('error', ignoreError);
    if (done || signal?.aborted) current.destroy();
    chunks = current[Symbol.asyncIterator]();
  }

  async function nextChunk(): Promise<IteratorResult<Buffer>> {
    for (;;) {
      signal?.throwIfAborted();
      let broken: unknown;
      try {
        const result = await chunks.next();
        if (!result.done) {
          reachedBytes += result.value.length;
          breaks = 0;
          return result;
        }
      } catch (error) {
        broken = error;
      }
      if (done) return { done: true, value: undefined };
      signal?.throwIfAborted();
      if (broken === undefined && reachedBytes === lengthBytes) {
        await verify?.();
        close();
        return { done: true, value: undefined };
      }
      await connectAgain(broken);
    }
  }

  const iterator: AsyncIterableIterator<Buffer> = {
    async next() {
      if (done) return { done: true, value: undefined };
      try {
        return await nextChunk();
      } catch (error) {
        close();
        throw error;
      }
    },
    async return() {
      close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return iterator;
    },
  };
  return iterator;
}
