/**
 * What the server knows of an object, and how it is kept: one JSON file a key, replaced by one rename, which is the moment a
 * write becomes visible. Content lies in files of its own ("blobs") that no record names until they are complete.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Checksum } from './checksums.ts';

export type Pair = readonly [name: string, value: string];

export interface VersionContent {
  /** Without the surrounding quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** `content-type` and its like, names in lower case. */
  readonly headers: readonly Pair[];
  /** Without the prefix `x-amz-meta-`. */
  readonly metadata: readonly Pair[];
  readonly tags: readonly Pair[];
  readonly checksum?: Checksum | undefined;
  /** Sizes of the parts of a multipart upload. */
  readonly partSizes?: readonly number[] | undefined;
}

export interface StoredVersion extends VersionContent {
  /** `null` (the word) when it was written without versioning. */
  readonly versionId: string;
  readonly isDeleteMarker: boolean;
  /** Milliseconds since 1970, whole seconds as on AWS. */
  readonly lastModifiedMs: number;
  /** Hexadecimal, fixed length: later writes compare greater as text. */
  readonly sequencer: string;
  /** Name of the file with the content; empty for a delete marker. */
  readonly blob: string;
  /** Modification time of that file, by which a change by hand is noticed. */
  readonly blobModifiedMs: number;
}

export interface KeyRecord {
  readonly key: string;
  /** Whether the current version is a plain file. */
  readonly isPlain: boolean;
  /** Newest first, never empty. */
  readonly versions: readonly StoredVersion[];
}

/** Replaces the file in one step: a reader, or the next start after a kill, sees the old text or the new one. */
export async function writeAtomically(path: string, text: string, scratchFolder: string): Promise<void> {
  const scratch = join(scratchFolder, `text-${randomBytes(9).toString('hex')}`);
  await writeFile(scratch, text);
  await rename(scratch, path);
}

export class RecordFiles {
  readonly #folder: string;
  readonly #scratch: string;

  constructor(folder: string, scratchFolder: string) {
    this.#folder = folder;
    this.#scratch = scratchFolder;
  }

  #path(key: string): string {
    const name = createHash('sha256').update(key).digest('hex');
    return join(this.#folder, name.slice(0, 2), `${name}.json`);
  }

  async *load(): AsyncGenerator<KeyRecord> {
    for (const entry of await readdir(this.#folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) yield JSON.parse(await readFile(join(entry.parentPath, entry.name), 'utf8')) as KeyRecord;
    }
  }

  async write(record: KeyRecord): Promise<void> {
    const path = this.#path(record.key);
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, JSON.stringify(record), this.#scratch);
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }
}
