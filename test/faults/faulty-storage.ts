/** One holder's connection to the shared bucket: slow, sometimes broken, and cut when the holder dies. */
import { TamisError } from '../../lib/errors.ts';
import { type MemoryOperation, type MemoryStore, makeMemoryStorage } from '../../lib/storage/memory.ts';
import type { Storage, Upload, WriteCondition } from '../../lib/storage/types.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/** How likely what is, for one request. */
export interface Weather {
  /** The request takes up to a minute. */
  readonly slowShare: number;
  /** The request, or the whole holder with it, stands still for up to ten minutes. */
  readonly pauseShare: number;
  /** The request never arrives, for longer than the client repeats it. */
  readonly refusedShare: number;
  /** The request took effect, and the answer is lost for good. */
  readonly lostShare: number;
  /** S3 says 409 to a write: another one was under way. */
  readonly conflictShare: number;
  /** The caller gives up, and the request takes effect later. */
  readonly lateShare: number;
}

export const fairWeather: Weather = {
  slowShare: 0,
  pauseShare: 0,
  refusedShare: 0,
  lostShare: 0,
  conflictShare: 0,
  lateShare: 0,
};

/** What is broken on purpose, to see that the checker notices. */
export type Mutation =
  | 'unconditional-output'
  | 'unconditional-delete'
  | 'unconditional-claim'
  | 'torn-output'
  | 'blind-to-its-input'
  | 'forgotten-summary'
  | 'settling-stranger'
  | undefined;

export interface FaultyStorageOptions {
  readonly scheduler: Scheduler;
  readonly actor: Actor;
  readonly store: MemoryStore;
  readonly weather: Weather;
  readonly partSizeBytes: number;
  readonly mutation: Mutation;
  readonly outputKey: string;
  /** What the holder's job is about; a blind holder always sees that. */
  readonly ownVersion: { readonly etag: string; readonly versionId?: string; readonly body: Buffer };
  /** Called at each request, before its effect: the place to die. */
  readonly onStep: () => void;
  readonly onFault: () => void;
  /** Called at the moment of a write's effect, nobody else having moved since. */
  readonly onEffect: (operation: MemoryOperation, key: string) => void;
}

const writes: readonly MemoryOperation[] = ['put', 'create-upload', 'upload-part', 'complete', 'abort', 'delete'];
const unavailable = (operation: string): TamisError => new TamisError('storage.unavailable', { operation });

/** How long one request takes by the weather; freezes the whole holder now and then. */
export function drawDelayMs({ nowMs, random }: Scheduler, actor: Actor, weather: Weather): number {
  const drawn = random();
  if (drawn < weather.pauseShare) {
    const pauseMs = random() * 600_000;
    if (random() < 0.5) actor.frozenUntilMs = nowMs() + pauseMs;
    return pauseMs;
  }
  return drawn < weather.pauseShare + weather.slowShare ? random() * 60_000 : 5 + random() * 40;
}

export function makeFaultyStorage(options: FaultyStorageOptions): Storage {
  const { scheduler, actor, store, weather, mutation, outputKey, ownVersion, onStep, onFault, onEffect } = options;
  const { random, wait } = scheduler;

  async function before(operation: MemoryOperation): Promise<void> {
    onStep();
    await wait(actor, drawDelayMs(scheduler, actor, weather), writes.includes(operation));
    if (!actor.isDead && random() < weather.refusedShare) {
      onFault();
      throw unavailable(operation);
    }
    const isConditional = operation === 'put' || operation === 'complete' || operation === 'delete';
    if (!actor.isDead && isConditional && random() < weather.conflictShare) {
      onFault();
      throw new TamisError('storage.conflict', {});
    }
  }

  async function after(operation: MemoryOperation, key: string): Promise<void> {
    if (writes.includes(operation)) onEffect(operation, key);
    onStep();
    await wait(actor, drawDelayMs(scheduler, actor, weather));
    if (random() < weather.lostShare) {
      onFault();
      throw unavailable(operation);
    }
  }

  const storage = makeMemoryStorage({ store, before, after, partSizeBytes: options.partSizeBytes });

  /** Sometimes the caller hears of a failure before the write takes effect. */
  async function impatiently<T>(operation: string, write: () => Promise<T>): Promise<T> {
    const written = write();
    if (random() >= weather.lateShare) return written;
    onFault();
    written.catch(() => undefined);
    await wait(actor, 5 + random() * 40);
    throw unavailable(operation);
  }

  const judged = (key: string, condition: WriteCondition): { condition?: WriteCondition } => {
    if (mutation === 'unconditional-output' && key === outputKey) return {};
    if (mutation === 'unconditional-claim' && key.startsWith('.tamis/claims/')) return {};
    return condition === undefined ? {} : { condition };
  };

  return {
    ...storage,
    head: async (key, headOptions) => {
      const head = await storage.head(key, headOptions);
      if (mutation !== 'blind-to-its-input' || !key.startsWith('input/')) return head;
      const { etag, versionId, body } = ownVersion;
      const times = { lastModifiedMs: scheduler.nowMs(), answeredAtMs: scheduler.nowMs() };
      const version = versionId === undefined ? {} : { versionId };
      return { key, etag, ...version, ...times, sizeBytes: body.length, metadata: {} };
    },
    put: (key, body, { condition, ...rest } = {}) => {
      if (mutation === 'forgotten-summary' && key.endsWith('.summary.json') && random() < 0.2)
        return storage.put(`.tamis/lost/${actor.name}`, body, rest);
      return impatiently('put', () => storage.put(key, body, { ...rest, ...judged(key, condition) }));
    },
    upload: (key, uploadOptions) => {
      const upload = storage.upload(key, uploadOptions);
      let sizeBytes = 0;
      const faulty: Upload = {
        get sizeBytes() {
          return upload.sizeBytes;
        },
        write: async (chunk) => {
          sizeBytes += chunk.length;
          const isTorn = mutation === 'torn-output' && key === outputKey && sizeBytes > 100 && random() < 0.1;
          await upload.write(isTorn ? chunk.subarray(0, chunk.length >> 1) : chunk);
        },
        complete: (condition) => impatiently('complete', () => upload.complete(judged(key, condition).condition)),
        abort: () => upload.abort(),
      };
      return faulty;
    },
    delete: (key, { ifMatch, versionId } = {}) =>
      impatiently('delete', () =>
        storage.delete(key, {
          ...(versionId === undefined ? {} : { versionId }),
          ...(ifMatch === undefined || mutation === 'unconditional-delete' ? {} : { ifMatch }),
        }),
      ),
  };
}
