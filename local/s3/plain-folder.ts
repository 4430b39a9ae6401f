/**
 * The folder that people look into: the current version of a key whose segments are ordinary file names is a plain file there.
 * The file is a hard link to the server's own copy (a copy where the file system has no links), put in place by one rename.
 */
import { copyFile, link, mkdir, readdir, rename, rm, rmdir, stat, unlink, utimes } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

const MAX_SEGMENT_BYTES = 255;
const NOT_IN_FILE_NAMES = process.platform === 'win32' ? /[\p{Cc}<>:"|?*\\]|[. ]$/u : /[\p{Cc}\\]/u;

/** The key as a relative path, or undefined when one of its segments is no ordinary file name. It never leaves the folder. */
export function plainPath(key: string): string | undefined {
  const segments = key.split('/');
  const ordinary = segments.every(
    (segment) =>
      segment !== '' &&
      segment !== '.' &&
      segment !== '..' &&
      Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES &&
      segment.isWellFormed() &&
      !NOT_IN_FILE_NAMES.test(segment),
  );
  return ordinary ? segments.join(sep) : undefined;
}

function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));
}

/** A second name for the file `from`; on file systems without links, a copy with the same time. Fails when `to` exists. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasErrno(error, 'EPERM', 'ENOTSUP', 'EXDEV', 'ENOSYS', 'EMLINK')) throw error;
    await copyFile(from, to, 1 /* COPYFILE_EXCL */);
    const { atime, mtime } = await stat(from);
    await utimes(to, atime, mtime);
  }
}

export class PlainFolder {
  readonly #root: string;
  readonly #scratch: string;
  #scratchCount = 0;

  /** `scratch` is a folder on the same file system, for names that nobody looks at. */
  constructor(root: string, scratch: string) {
    this.#root = root;
    this.#scratch = scratch;
  }

  /**
   * Makes `blobPath` visible under the key, in one step. `owned`: the key's plain file is there already and is replaced.
   * False when the key has no plain form, or its place is taken (by a folder `a/` where the key is `a`, the reverse, or another
   * spelling of the name where the file system does not distinguish them).
   */
  async publish(key: string, blobPath: string, owned: boolean): Promise<boolean> {
    const relative = plainPath(key);
    if (relative === undefined) return false;
    const target = join(this.#root, relative);
    const scratch = join(this.#scratch, `link-${process.pid}-${(this.#scratchCount += 1)}`);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await mkdir(dirname(target), { recursive: true });
        if (!owned) {
          await linkOrCopy(blobPath, target);
          return true;
        }
        await linkOrCopy(blobPath, scratch);
        await rename(scratch, target);
        // POSIX: renaming one link of a file over another link of the same file does nothing and leaves both.
        await rm(scratch, { force: true });
        return true;
      } catch (error) {
        await rm(scratch, { force: true });
        // The folder was removed between the two calls, because its last other file was deleted.
        if (hasErrno(error, 'ENOENT') && attempt < 10) continue;
        if (hasErrno(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'EILSEQ', 'EINVAL')) return false;
        throw error;
      }
    }
  }

  /** Takes the key's plain file away, and folders that become empty. */
  async withdraw(key: string): Promise<void> {
    const relative = plainPath(key);
    if (relative === undefined) return;
    const path = join(this.#root, relative);
    await unlink(path).catch((error: unknown) => {
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    });
    for (let folder = dirname(path); folder.length > this.#root.length; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch {
        return;
      }
    }
  }

  /** Size and time of the key's plain file, or undefined when there is none. */
  async look(key: string): Promise<FileIdentity | undefined> {
    const relative = plainPath(key);
    return relative === undefined ? undefined : readIdentity(join(this.#root, relative));
  }

  path(key: string): string {
    const relative = plainPath(key);
    if (relative === undefined) throw new Error('a key without a plain form');
    return join(this.#root, relative);
  }

  /** The keys of all plain files. */
  async *keys(prefix = ''): AsyncGenerator<string> {
    const entries = await readdir(join(this.#root, prefix), { withFileTypes: true });
    for (const entry of entries) {
      if (entry.isDirectory()) yield* this.keys(`${prefix}${entry.name}/`);
      else if (entry.isFile()) yield `${prefix}${entry.name}`;
    }
  }
}

/** What tells one file's content from another's without reading it. */
export interface FileIdentity {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export async function readIdentity(path: string): Promise<FileIdentity | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? { sizeBytes: found.size, modifiedMs: found.mtimeMs } : undefined;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

export function sameIdentity(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one?.sizeBytes === other?.sizeBytes && one?.modifiedMs === other?.modifiedMs;
}
