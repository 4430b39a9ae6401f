import type { Storage, Upload } from '../storage/types.ts';
import { removeForGood } from './publish.ts';

export interface StagedRejects {
  /** Undefined as long as there are none. */
  upload(): Upload | undefined;
  write(chunk: Buffer): Promise<void>;
  /** The key they wait under, or null when none was written. */
  complete(): Promise<string | null>;
  abort(): Promise<void>;
  /** Never rejects. */
  remove(): Promise<void>;
}

/** Rejects wait under a key of their own until the output stands; nothing is written, and nothing paid, without rejects. */
export function makeStagedRejects(storage: Storage, job: string, attempt: string): StagedRejects {
  const key = `.tamis/rejects/${job}/${attempt}.csv`;
  let upload: Upload | undefined;
  let completed = false;
  return {
    upload: () => upload,
    async write(chunk) {
      upload ??= storage.upload(key);
      await upload.write(chunk);
    },
    async complete() {
      if (upload === undefined) return null;
      if (!completed) await upload.complete();
      completed = true;
      return key;
    },
    async abort() {
      await upload?.abort();
    },
    async remove() {
      if (completed) await removeForGood(storage, key).catch(() => undefined);
    },
  };
}
