import { randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { TamisError } from '../errors.ts';
import { hasFileCode, TEMPORARY_FOLDER } from './directory-keys.ts';

export interface TemporaryFile {
  readonly path: string;
  readonly handle: FileHandle;
}

export interface TemporaryFiles {
  /** A new empty file, opened for writing. */
  create(): Promise<TemporaryFile>;
  /**
   * Runs `work` while nobody else, in this or another process, holds the lock `name`. Throws `storage.conflict` when the
   * lock is not free within 30 s.
   */
  locked<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Removes a file of `create`, if it is still there, and the folder when it is empty. Never rejects. */
  discard(path: string): Promise<void>;
}

const DAY_MS = 24 * 3600 * 1000;
const LOCK_PATIENCE_MS = 30_000;
const LOCK_POLL_MS = 5;

/** `host.process.id`: tells whose file it is, and so whether it was left behind. */
function makeOwnName(): string {
  return `${hostname()}.${process.pid}.${randomUUID()}`;
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return hasFileCode(error, 'EPERM');
  }
}

/** Whether the writer of a file with this name is gone: its process does not run, or, on another host, for a day. */
function isLeftBehind(ownName: string, ageMs: number): boolean {
  // A lock whose owner was killed before it could write its name.
  if (ownName === '') return ageMs > LOCK_PATIENCE_MS;
  const parts = ownName.split('.');
  const processId = parts.at(-2);
  const host = parts.slice(0, -2).join('.');
  return host === hostname() ? !isRunning(Number(processId)) : ageMs > DAY_MS;
}

/**
 * Temporary files and locks in one hidden folder inside `folder`. What a killed process left there is removed by the
 * next one that writes.
 */
export function makeTemporaryFiles(folder: string, clock: Clock): TemporaryFiles {
  const place = join(folder, TEMPORARY_FOLDER);
  let sweeping: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    for (const name of await readdir(place).catch(() => [])) {
      if (name.endsWith('.lock')) continue;
      const path = join(place, name);
      const info = await stat(path).catch(() => undefined);
      if (info && isLeftBehind(name, clock.now() - info.mtimeMs))
        await rm(path, { force: true }).catch(() => undefined);
    }
  }

  async function openNew(path: string): Promise<FileHandle> {
    for (let attempt = 1; ; attempt += 1) {
      await mkdir(place, { recursive: true });
      try {
        return await open(path, 'wx');
      } catch (error) {
        // Somebody else may have removed the empty folder in between.
        if (!hasFileCode(error, 'ENOENT') || attempt >= 20) throw error;
      }
    }
  }

  async function breakLock(path: string): Promise<void> {
    const owner = await readFile(path, 'utf8').catch(() => undefined);
    const info = await stat(path).catch(() => undefined);
    if (owner === undefined || !info || !isLeftBehind(owner, clock.now() - info.mtimeMs)) return;
    const aside = join(place, makeOwnName());
    await rename(path, aside).catch(() => undefined);
    // Another may have broken and taken the lock since it was read: then it goes back.
    const moved = await readFile(aside, 'utf8').catch(() => owner);
    if (moved !== owner) await link(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
  }

  async function takeLock(path: string): Promise<void> {
    const sinceMs = clock.monotonicMs();
    for (;;) {
      try {
        const handle = await openNew(path);
        try {
          await handle.writeFile(makeOwnName());
        } finally {
          await handle.close();
        }
        return;
      } catch (error) {
        if (!hasFileCode(error, 'EEXIST')) throw error;
      }
      if (clock.monotonicMs() - sinceMs > LOCK_PATIENCE_MS) throw new TamisError('storage.conflict', {});
      await breakLock(path);
      await clock.sleep(LOCK_POLL_MS * (1 + clock.random()));
    }
  }

  async function discard(path: string): Promise<void> {
    await rm(path, { force: true }).catch(() => undefined);
    await rmdir(place).catch(() => undefined);
  }

  return {
    async create() {
      sweeping ??= sweep();
      await sweeping;
      const path = join(place, makeOwnName());
      return { path, handle: await openNew(path) };
    },

    async locked(name, work) {
      const path = join(place, `${name}.lock`);
      await takeLock(path);
      try {
        return await work();
      } finally {
        await discard(path);
      }
    },

    discard,
  };
}
