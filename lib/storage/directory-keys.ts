import { join } from 'node:path';
import { TamisError } from '../errors.ts';

/** Where unfinished writes and locks live, inside the folder. No key may begin with it, and no list shows it. */
export const TEMPORARY_FOLDER = '.tamis-tmp';

/**
 * The path of a key inside `folder`. Keys are relative paths of ordinary names: S3's `a//b`, `a/`, `../a` or `/a` name no
 * file. Undefined for those, and for what lies in the folder of temporary files.
 */
export function findPath(folder: string, key: string): string | undefined {
  const segments = key.split('/');
  const isOrdinary = segments.every(
    (segment) => segment !== '' && segment !== '.' && segment !== '..' && !segment.includes('\0'),
  );
  // There a backslash parts folders, and a name like C: is a drive.
  const leaves = process.platform === 'win32' && /[\\:*?"<>|]/.test(key);
  return isOrdinary && !leaves && segments[0] !== TEMPORARY_FOLDER ? join(folder, ...segments) : undefined;
}

const MISSING = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP'];
const DENIED = ['EACCES', 'EPERM', 'EROFS'];
const REFUSED = [...MISSING, 'EEXIST', 'ENOTEMPTY', 'EINVAL', 'EBUSY'];

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** Whether the error of the file system says that there is no such file. */
export function isMissingFile(error: unknown): boolean {
  return MISSING.includes(codeOf(error));
}

export function hasFileCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(error));
}

/** The port's error for an error of the file system; what is none comes back as it is. */
export function toStorageError(error: unknown, operation: string): unknown {
  const code = codeOf(error);
  if (!/^E[A-Z0-9]+$/.test(code)) return error;
  if (DENIED.includes(code)) return new TamisError('storage.denied', { operation }, error);
  if (REFUSED.includes(code)) return new TamisError('storage.refused', { operation }, error);
  return new TamisError('storage.unavailable', { operation }, error);
}
