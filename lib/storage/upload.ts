import { TamisError } from '../errors.ts';
import type { Upload, WriteCondition, Written } from './types.ts';

export interface UploadSteps {
  write(chunk: Buffer): Promise<void>;
  complete(condition: WriteCondition): Promise<Written>;
  /** As in the port. */
  requests?(): NonNullable<Upload['requests']>;
  /** Makes what is under way fail soon. */
  interrupt?(): void;
  /** Removes every trace of an upload that was not completed. Nothing else runs then, nor afterwards. */
  discard(): Promise<void>;
}

/**
 * The order in which an upload's steps may come, the same for every storage: writes one at a time, then `complete`,
 * again where its condition did not hold; `abort` at any moment, any number of times. Everything else is `internal.bug`.
 */
export function makeUpload(steps: UploadSteps): Upload {
  let sizeBytes = 0;
  let state: 'writing' | 'completing' | 'completed' = 'writing';
  let underWay: Promise<unknown> | undefined;
  let aborting: Promise<void> | undefined;

  async function alone<T>(step: () => Promise<T>): Promise<T> {
    if (underWay || aborting || state === 'completed') throw new TamisError('internal.bug', {});
    const running = step();
    underWay = running;
    try {
      return await running;
    } finally {
      underWay = undefined;
    }
  }

  async function discard(): Promise<void> {
    steps.interrupt?.();
    await Promise.allSettled([underWay]);
    if (state !== 'completed') await steps.discard().catch(() => undefined);
  }

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    get requests() {
      return steps.requests?.();
    },
    async write(chunk) {
      if (state !== 'writing') throw new TamisError('internal.bug', {});
      await alone(() => steps.write(chunk));
      sizeBytes += chunk.length;
    },
    complete: (condition) =>
      alone(async () => {
        state = 'completing';
        const written = await steps.complete(condition);
        state = 'completed';
        return written;
      }),
    abort() {
      aborting ??= discard();
      return aborting;
    },
  };
}
