/**
 * A folder as storage, for the command line: each key is a plain file. A file appears under its name complete or not at
 * all; what is unfinished lies in a hidden folder beside. ETags are the MD5 of the content, as S3's are for what was
 * uploaded in one part (an identity, no protection). There are no versions, no metadata and nothing is billed.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Clock } from '../clock.ts';
import { TamisError } from '../errors.ts';
import { makeBody } from './body.ts';
import { findPath, hasFileCode, isMissingFile, TEMPORARY_FOLDER, toStorageError } from './directory-keys.ts';
import { makeTemporaryFiles, type TemporaryFile } from './directory-temporary.ts';
import { compareKeys } from './key-order.ts';
import type { ObjectHead, Storage, Upload, WriteCondition, Written } from './types.ts';
import { makeUpload } from './upload.ts';

export interface DirectoryStorageOptions {
  /** Need not exist yet; a write makes it. */
  readonly folder: string;
  readonly clock: Clock;
}

/** What is read at once stays in memory as long as one of its records is under way: pieces of 256 KiB take 60 MB more in all. */
const READ_BYTES = 64 * 1024;

interface OpenFile {
  readonly handle: FileHandle;
  readonly head: ObjectHead;
  readonly stats: BigIntStats;
}

async function withErrors<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error, operation);
  }
}

async function hashFile(handle: FileHandle, sizeBytes: number): Promise<string> {
  const hash = createHash('md5');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let position = 0; position < sizeBytes; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return hash.digest('hex');
}

/** Makes a rename or link survive a power cut. Not every platform can sync a folder. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Whether a file is still as it was: same file, same size, not written since. */
function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

export function makeDirectoryStorage({ folder, clock }: DirectoryStorageOptions): Storage {
  const temporary = makeTemporaryFiles(folder, clock);
  /** What was hashed once need not be hashed again while the file stays as it is. */
  const knownEtags = new Map<string, { readonly identity: string; readonly etag: string }>();

  async function etagOf(path: string, handle: FileHandle, stats: BigIntStats): Promise<string> {
    const identity = identityOf(stats);
    const known = knownEtags.get(path);
    if (known?.identity === identity) return known.etag;
    const etag = await hashFile(handle, Number(stats.size));
    knownEtags.set(path, { identity, etag });
    return etag;
  }

  /** Undefined when there is no such file. The caller closes the handle. */
  async function openFile(key: string): Promise<OpenFile | undefined> {
    const path = findPath(folder, key);
    if (path === undefined) return undefined;
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      if (isMissingFile(error)) return undefined;
      throw error;
    }
    try {
      const stats = await handle.stat({ bigint: true });
      if (stats.isFile()) {
        const etag = await etagOf(path, handle, stats);
        const head = {
          key,
          etag,
          sizeBytes: Number(stats.size),
          lastModifiedMs: Number(stats.mtimeMs),
          answeredAtMs: clock.now(),
          metadata: {},
        };
        return { handle, head, stats };
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  async function findHead(key: string): Promise<ObjectHead | undefined> {
    const file = await openFile(key);
    await file?.handle.close();
    return file?.head;
  }

  function pathOf(key: string, operation: string): string {
    const path = findPath(folder, key);
    if (path === undefined) throw new TamisError('storage.refused', { operation });
    return path;
  }

  const lockOf = (path: string) => createHash('md5').update(relative(folder, path)).digest('hex');

  /** Gives the finished temporary file its name. Under the key's lock. */
  async function place(temporaryPath: string, path: string, isNew: boolean): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await mkdir(dirname(path), { recursive: true });
      try {
        if (!isNew) return await rename(temporaryPath, path);
        // Unlike rename, link fails when the name is taken, even by somebody who takes no lock.
        return await link(temporaryPath, path);
      } catch (error) {
        if (isNew && hasFileCode(error, 'EEXIST')) throw new TamisError('storage.precondition-failed', {}, error);
        // File systems without links: the lock and the look before this are what there is.
        if (isNew && hasFileCode(error, 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK')) {
          return rename(temporaryPath, path);
        }
        // A concurrent delete may have removed the folder, empty at that moment.
        if (!hasFileCode(error, 'ENOENT') || attempt >= 20) throw error;
      }
    }
  }

  async function publish(
    key: string,
    temporaryPath: string,
    etag: string,
    condition: WriteCondition,
  ): Promise<Written> {
    const path = pathOf(key, 'write');
    return temporary.locked(lockOf(path), async () => {
      const isNew = condition !== undefined && 'ifNoneMatch' in condition;
      if (condition !== undefined) {
        const current = await findHead(key);
        const holds = 'ifNoneMatch' in condition ? current === undefined : current?.etag === condition.ifMatch;
        if (!holds) throw new TamisError('storage.precondition-failed', {});
      }
      await place(temporaryPath, path, isNew);
      await syncFolder(dirname(path));
      const handle = await open(path, 'r');
      try {
        const stats = await handle.stat({ bigint: true });
        knownEtags.set(path, { identity: identityOf(stats), etag });
        const times = { lastModifiedMs: Number(stats.mtimeMs), answeredAtMs: clock.now() };
        return { etag, sizeBytes: Number(stats.size), ...times };
      } finally {
        await handle.close();
      }
    });
  }

  function upload(key: string): Upload {
    const hash = createHash('md5');
    let file: TemporaryFile | undefined;
    let etag: string | undefined;

    async function openTemporary(): Promise<TemporaryFile> {
      pathOf(key, 'write');
      file ??= await temporary.create();
      return file;
    }

    async function write(chunk: Buffer): Promise<void> {
      const { handle } = await openTemporary();
      for (let offset = 0; offset < chunk.length; ) {
        offset += (await handle.write(chunk, offset)).bytesWritten;
      }
      hash.update(chunk);
    }

    async function complete(condition: WriteCondition): Promise<Written> {
      const { handle, path } = await openTemporary();
      if (etag === undefined) {
        await handle.sync();
        await handle.close();
        etag = hash.digest('hex');
      }
      const written = await publish(key, path, etag, condition);
      await temporary.discard(path);
      return written;
    }

    return makeUpload({
      write: (chunk) => withErrors('write', () => write(chunk)),
      complete: (condition) => withErrors('write', () => complete(condition)),
      async discard() {
        if (!file) return;
        await file.handle.close().catch(() => undefined);
        await temporary.discard(file.path);
      },
    });
  }

  async function* walk(folderKey: string, prefix: string): AsyncGenerator<ObjectHead> {
    const entries = await readdir(join(folder, folderKey), { withFileTypes: true }).catch((error) => {
      if (isMissingFile(error)) return [];
      throw error;
    });
    // With its slash, a folder sorts where its keys do: `a.csv` comes before `a/b.csv`.
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    for (const name of names.sort(compareKeys)) {
      const key = folderKey + name;
      if (key === `${TEMPORARY_FOLDER}/`) continue;
      if (name.endsWith('/')) {
        if (key.startsWith(prefix) || prefix.startsWith(key)) yield* walk(key, prefix);
      } else if (key.startsWith(prefix)) {
        const head = await findHead(key);
        if (head) yield head;
      }
    }
  }

  async function removeEmptyFolders(path: string): Promise<void> {
    for (let parent = dirname(path); relative(folder, parent) !== ''; parent = dirname(parent)) {
      try {
        await rmdir(parent);
      } catch {
        return;
      }
    }
  }

  return {
    uri: (key) => join(folder, key),

    head: (key) => withErrors('head', () => findHead(key)),

    read: (key, { ifMatch, start = 0, end, signal } = {}) =>
      withErrors('read', async () => {
        signal?.throwIfAborted();
        const file = await openFile(key);
        if (!file) throw new TamisError('storage.not-found', {});
        const { handle, head, stats } = file;
        if (ifMatch !== undefined && ifMatch !== head.etag) {
          await handle.close();
          throw new TamisError('storage.precondition-failed', {});
        }
        const last = Math.min(end ?? head.sizeBytes - 1, head.sizeBytes - 1);
        const lengthBytes = Math.max(0, last - start + 1);
        const checkUnchanged = async () => {
          const now = await stat(join(folder, key), { bigint: true }).catch(() => stats);
          // A file that was replaced is read to its end; one that was written to while it was read is neither version.
          const isSame = now.dev === stats.dev && now.ino === stats.ino;
          if (isSame && identityOf(now) !== identityOf(stats)) throw new TamisError('storage.precondition-failed', {});
        };
        // An empty range cannot be said to a stream, whose last byte is inclusive.
        const range = lengthBytes === 0 ? { start: head.sizeBytes } : { start, end: last };
        const body = makeBody({
          stream: handle.createReadStream({ ...range, highWaterMark: READ_BYTES }),
          lengthBytes,
          signal,
          verify: checkUnchanged,
          reopen: async () => {
            await checkUnchanged();
            throw new TamisError('storage.unavailable', { operation: 'read' });
          },
        });
        return { ...head, body };
      }),

    async put(key, body, { condition } = {}) {
      const writing = upload(key);
      try {
        await writing.write(body);
        return await writing.complete(condition);
      } catch (error) {
        await writing.abort();
        throw error;
      }
    },

    upload,

    async *list(prefix) {
      try {
        yield* walk('', prefix);
      } catch (error) {
        throw toStorageError(error, 'list');
      }
    },

    versions: (key) => withErrors('versions', async () => ((await findHead(key)) ? [undefined] : [])),

    delete: (key, { ifMatch } = {}) =>
      withErrors('delete', async () => {
        const path = findPath(folder, key);
        if (path === undefined || (await findHead(key)) === undefined) return;
        await temporary.locked(lockOf(path), async () => {
          const current = ifMatch === undefined ? undefined : await findHead(key);
          if (current && current.etag !== ifMatch) throw new TamisError('storage.precondition-failed', {});
          await rm(path, { force: true });
          knownEtags.delete(path);
          await removeEmptyFolders(path);
        });
      }),
  };
}
