/** Where `tamis run` reads and writes: a folder, a bucket, standard input. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { checkResidency } from '../lib/config/residency.ts';
import type { Residency } from '../lib/config/types.ts';
import { TamisError } from '../lib/errors.ts';
import { systemClock } from '../lib/setup/system-clock.ts';
import { makeDirectoryStorage } from '../lib/storage/directory.ts';
import { makeS3Connection, makeS3Storage, readBucketRegion, type S3Connection } from '../lib/storage/s3.ts';
import { parseS3Location } from '../lib/storage/s3-location.ts';
import type { CountOperation, Storage } from '../lib/storage/types.ts';
import { s3Options } from './environment.ts';

/** A storage, to be opened with the ledger's counter, and a key in it. */
export interface InputPlace {
  readonly open: (count: CountOperation) => Storage;
  readonly key: string;
  readonly bucket: string;
  /** The path as routes see it: from the working directory, with forward slashes. */
  readonly path: string;
  readonly name: string;
  readonly isBucket: boolean;
  /** Whether nothing stands there any more, or never did. */
  readonly isGone: () => Promise<boolean>;
  readonly dispose: () => Promise<void>;
}

export interface OutputPlace {
  readonly open: (count: CountOperation) => Storage;
  /** Undefined for a folder. */
  readonly bucket: string | undefined;
  /** What precedes the file's name in a key. */
  readonly prefix: string;
  /** How a person writes the place of `name`. */
  readonly show: (name: string) => string;
}

let connection: S3Connection | undefined;
function connect(): S3Connection {
  connection ??= makeS3Connection(s3Options());
  return connection;
}

const openBucket = (bucket: string, count: CountOperation): Storage =>
  makeS3Storage({ connection: connect(), bucket, count });

/** The Region of a bucket that the rule allows; a server other than AWS is placed by its host. Throws `residency.*`. */
export async function locateBucket(rule: Residency, bucket: string): Promise<string> {
  const { region, endpoint } = s3Options();
  if (endpoint !== undefined) {
    checkResidency(rule, { host: new URL(endpoint).host }, { deployed: false });
    return region;
  }
  const found = (await readBucketRegion(connect(), bucket)) ?? 'a Region that it does not name';
  checkResidency(rule, { region: found, name: `the bucket ${bucket}` }, { deployed: false });
  return found;
}

export function closeConnections(): void {
  connection?.close();
}

const nothing = async (): Promise<void> => undefined;

/** Throws `local.no-such-file`, or the signal's reason while standard input is read. */
export async function findInput(source: string, signal: AbortSignal): Promise<InputPlace> {
  if (source === '-') return readStandardInput(signal);
  const location = parseS3Location(source);
  if (location !== undefined) {
    const { bucket, key } = location;
    const open = (count: CountOperation) => openBucket(bucket, count);
    const isGone = async () => (await open(() => undefined).head(key)) === undefined;
    return { open, key, bucket, path: key, name: basename(key), isBucket: true, isGone, dispose: nothing };
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
  const path = relative(process.cwd(), resolve(file)).replaceAll('\\', '/');
  const isGone = async () => (await storage.head(name)) === undefined;
  return { open: () => storage, key: name, bucket: folder, path, name, isBucket: false, isGone, dispose };
}

/** Standard input is kept in a file first: a job may have to read its input twice. */
async function readStandardInput(signal: AbortSignal): Promise<InputPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  const file = join(folder, 'stdin.csv');
  try {
    await pipeline(process.stdin, createWriteStream(file, { mode: 0o600 }), { signal });
  } catch (error) {
    await dispose();
    throw error;
  }
  const place = fileInput(file, dispose);
  // Nobody can look the file up afterwards, so the summary names it as the results are named.
  return { ...place, open: (count) => ({ ...place.open(count), uri: (key) => key }) };
}

export function findOutput(out: string): OutputPlace {
  const location = parseS3Location(out.endsWith('/') ? `${out}x` : `${out}/x`);
  if (location !== undefined) {
    const prefix = location.key.slice(0, -1);
    const { bucket } = location;
    return {
      bucket,
      open: (count) => openBucket(bucket, count),
      prefix,
      show: (name) => `s3://${bucket}/${prefix}${name}`,
    };
  }
  const storage = makeDirectoryStorage({ folder: resolve(out), clock: systemClock });
  return { bucket: undefined, open: () => storage, prefix: '', show: (name) => join(out, name) };
}

/** Throws `local.usage` when the result would take the place of the input, by whatever path it is named. */
export async function checkApart(source: string, out: string, name: string): Promise<void> {
  const input = source === '-' ? undefined : parseS3Location(source);
  const output = parseS3Location(out.endsWith('/') ? `${out}${name}` : `${out}/${name}`);
  const isSame =
    input === undefined || output === undefined
      ? source !== '-' && input === output && (await isSameFile(source, join(out, name)))
      : input.bucket === output.bucket && input.key === output.key;
  if (isSame) throw new TamisError('local.usage', { problem: `--out ${out} would replace the input` });
  const isFile =
    output === undefined &&
    (await stat(out).then(
      (found) => found.isFile(),
      () => false,
    ));
  if (isFile) throw new TamisError('local.usage', { problem: `--out ${out} is a file; it takes a folder` });
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  if (resolve(one) === resolve(other)) return true;
  const [first, second] = await Promise.all([one, other].map((file) => stat(file).catch(() => undefined)));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}
