/** Where `tamis run` reads and writes: a folder, a bucket, standard input. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TamisError } from '../lib/errors.ts';
import { systemClock } from '../lib/setup/system-clock.ts';
import { makeDirectoryStorage } from '../lib/storage/directory.ts';
import { makeS3Connection, makeS3Storage, type S3Connection } from '../lib/storage/s3.ts';
import { parseS3Location } from '../lib/storage/s3-location.ts';
import type { CountOperation, Storage } from '../lib/storage/types.ts';
import { s3Options } from './environment.ts';

/** A storage, to be opened with the ledger's counter, and a key in it. */
export interface InputPlace {
  readonly open: (count: CountOperation) => Storage;
  readonly key: string;
  readonly bucket: string;
  /** The path as routes see it: with forward slashes, as it was given. */
  readonly path: string;
  readonly name: string;
  readonly region: string | undefined;
  readonly dispose: () => Promise<void>;
}

export interface OutputPlace {
  readonly open: (count: CountOperation) => Storage;
  readonly isBucket: boolean;
  /** What precedes the file's name in a key. */
  readonly prefix: string;
  /** How a person writes the place of `name`. */
  readonly show: (name: string) => string;
}

let connection: S3Connection | undefined;
function openBucket(bucket: string, count: CountOperation): Storage {
  connection ??= makeS3Connection(s3Options());
  return makeS3Storage({ connection, bucket, count });
}

export function closeConnections(): void {
  connection?.close();
}

const nothing = async (): Promise<void> => undefined;

export async function findInput(source: string): Promise<InputPlace> {
  if (source === '-') return readStandardInput();
  const location = parseS3Location(source);
  if (location !== undefined) {
    const { bucket, key } = location;
    const open = (count: CountOperation) => openBucket(bucket, count);
    return { open, key, bucket, path: key, name: basename(key), region: s3Options().region, dispose: nothing };
  }
  const isFile = await stat(source).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) throw new TamisError('local.no-such-file', { file: source });
  return fileInput(source, nothing);
}

function fileInput(file: string, dispose: () => Promise<void>): InputPlace {
  const folder = dirname(resolve(file));
  const storage = makeDirectoryStorage({ folder, clock: systemClock });
  const name = basename(file);
  const path = file.replaceAll('\\', '/').replace(/^\.\//, '');
  return { open: () => storage, key: name, bucket: folder, path, name, region: undefined, dispose };
}

/** Standard input is kept in a file first: a job may have to read its input twice. */
async function readStandardInput(): Promise<InputPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-'));
  const file = join(folder, 'stdin.csv');
  await pipeline(process.stdin, createWriteStream(file, { mode: 0o600 }));
  return fileInput(file, () => rm(folder, { recursive: true, force: true }));
}

export function findOutput(out: string): OutputPlace {
  const location = parseS3Location(out.endsWith('/') ? `${out}x` : `${out}/x`);
  if (location !== undefined) {
    const prefix = location.key.slice(0, -1);
    const { bucket } = location;
    return {
      isBucket: true,
      open: (count) => openBucket(bucket, count),
      prefix,
      show: (name) => `s3://${bucket}/${prefix}${name}`,
    };
  }
  const storage = makeDirectoryStorage({ folder: resolve(out), clock: systemClock });
  return { isBucket: false, open: () => storage, prefix: '', show: (name) => join(out, name) };
}

/** Throws `local.usage` when the result would take the place of the input. */
export function checkApart(source: string, out: string, name: string): void {
  const isLocal = source !== '-' && parseS3Location(source) === undefined && parseS3Location(`${out}/x`) === undefined;
  if (isLocal && resolve(source) === resolve(out, name))
    throw new TamisError('local.usage', { problem: `--out ${out} would replace the input` });
}
