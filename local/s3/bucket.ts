import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Blobs } from './blobs.ts';
import { checkDeleteCondition, checkWriteConditions, type Present, type WriteConditions } from './conditions.ts';
import { S3Fault } from './fault.ts';
import { NamedLocks } from './locks.ts';
import { PlainFolder } from './plain-folder.ts';
import { type KeyRecord, RecordFiles, type StoredVersion, type VersionContent, writeAtomically } from './records.ts';

/** Undefined: versions were never switched on. */
export type Versioning = 'Enabled' | 'Suspended' | undefined;

export interface BucketSettings {
  readonly versioning?: Versioning;
  readonly createdAtMs: number;
}

export interface BucketOptions {
  readonly name: string;
  /** The folder of all plain files; the server's own files lie in `.server` beside the buckets. */
  readonly folder: string;
  readonly now: () => number;
}

/** One bucket: its records in memory and on disk, its blobs, its plain files. Writes to one key happen one after another. */
export class Bucket {
  readonly name: string;
  readonly blobs: Blobs;
  readonly plain: PlainFolder;
  readonly uploadsFolder: string;
  readonly scratchFolder: string;
  readonly locks = new NamedLocks();
  readonly now: () => number;
  readonly #ownFolder: string;
  readonly #plainFolder: string;
  readonly #files: RecordFiles;
  readonly #records = new Map<string, KeyRecord>();
  #settings: BucketSettings = { createdAtMs: 0 };
  #sortedKeys: readonly string[] | undefined;
  #lastSequence = 0;

  private constructor({ name, folder, now }: BucketOptions) {
    this.name = name;
    this.now = now;
    this.#plainFolder = join(folder, name);
    this.#ownFolder = join(folder, '.server', name);
    this.scratchFolder = join(this.#ownFolder, 'scratch');
    this.uploadsFolder = join(this.#ownFolder, 'uploads');
    this.blobs = new Blobs(join(this.#ownFolder, 'blobs'));
    this.plain = new PlainFolder(this.#plainFolder, this.scratchFolder);
    this.#files = new RecordFiles(join(this.#ownFolder, 'keys'), this.scratchFolder);
  }

  /** Opens the bucket as the last run left it, or makes it with the given versioning. */
  static async open(options: BucketOptions, versioning: Versioning): Promise<Bucket> {
    const bucket = new Bucket(options);
    await rm(bucket.scratchFolder, { recursive: true, force: true });
    for (const folder of [
      bucket.#plainFolder,
      bucket.scratchFolder,
      bucket.uploadsFolder,
      join(bucket.#ownFolder, 'keys'),
    ]) {
      await mkdir(folder, { recursive: true });
    }
    await bucket.blobs.prepare();
    const settings = await readFile(bucket.#settingsPath, 'utf8').catch(() => undefined);
    if (settings === undefined) await bucket.#saveSettings({ versioning, createdAtMs: options.now() });
    else bucket.#settings = JSON.parse(settings) as BucketSettings;
    for await (const record of bucket.#files.load()) {
      bucket.#records.set(record.key, record);
      for (const { sequencer } of record.versions) {
        bucket.#lastSequence = Math.max(bucket.#lastSequence, Number.parseInt(sequencer, 16));
      }
    }
    return bucket;
  }

  get #settingsPath(): string {
    return join(this.#ownFolder, 'bucket.json');
  }

  get versioning(): Versioning {
    return this.#settings.versioning;
  }

  get createdAtMs(): number {
    return this.#settings.createdAtMs;
  }

  async setVersioning(versioning: Versioning): Promise<void> {
    await this.#saveSettings({ ...this.#settings, versioning });
  }

  async #saveSettings(settings: BucketSettings): Promise<void> {
    await writeAtomically(this.#settingsPath, JSON.stringify(settings), this.scratchFolder);
    this.#settings = settings;
  }

  /** Takes everything of the bucket from the disk. */
  async destroy(): Promise<void> {
    await rm(this.#ownFolder, { recursive: true, force: true });
    await rm(this.#plainFolder, { recursive: true, force: true });
  }

  record(key: string): KeyRecord | undefined {
    return this.#records.get(key);
  }

  /** Keys that have any version, delete markers included, in the order of their UTF-8 bytes. */
  sortedKeys(): readonly string[] {
    this.#sortedKeys ??= [...this.#records.keys()]
      .map((key) => [Buffer.from(key).toString('latin1'), key] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, key]) => key);
    return this.#sortedKeys;
  }

  /** The current version, undefined when there is none or it is a delete marker. */
  current(key: string): StoredVersion | undefined {
    const newest = this.#records.get(key)?.versions[0];
    return newest?.isDeleteMarker === false ? newest : undefined;
  }

  /**
   * Makes a complete blob the key's current version, if the condition holds at that moment. The blob is gone after a refusal.
   * Throws what `checkWriteConditions` throws.
   */
  async put(
    key: string,
    blob: string,
    content: VersionContent,
    options: {
      readonly conditions?: WriteConditions;
      readonly lastModifiedMs?: number;
      /** The plain file at the key's place, which no record knows, is replaced. */
      readonly takesPlace?: boolean;
    } = {},
  ): Promise<StoredVersion> {
    return await this.locks.run(`key ${key}`, async () => {
      try {
        if (options.conditions !== undefined) checkWriteConditions(options.conditions, this.current(key));
        const version = await this.#makeVersion(content, blob, options.lastModifiedMs);
        await this.#commit(key, [version, ...this.#kept(key)], options.takesPlace);
        return version;
      } catch (error) {
        if (error instanceof S3Fault) await this.blobs.remove(blob);
        throw error;
      }
    });
  }

  /** Older versions that stay when a new one is written on top. */
  #kept(key: string): readonly StoredVersion[] {
    const versions = this.#records.get(key)?.versions ?? [];
    return this.versioning === 'Enabled' ? versions : versions.filter(({ versionId }) => versionId !== 'null');
  }

  async #makeVersion(
    content: VersionContent | undefined,
    blob: string,
    lastModifiedMs = this.now(),
  ): Promise<StoredVersion> {
    this.#lastSequence = Math.max(this.#lastSequence + 1, Math.floor(this.now()) * 1000);
    return {
      ...(content ?? { etag: '', sizeBytes: 0, headers: [], metadata: [], tags: [] }),
      versionId: this.versioning === 'Enabled' ? randomBytes(24).toString('base64url').replaceAll('-', '.') : 'null',
      isDeleteMarker: content === undefined,
      lastModifiedMs: Math.floor(lastModifiedMs / 1000) * 1000,
      sequencer: this.#lastSequence.toString(16).toUpperCase().padStart(18, '0'),
      blob,
      blobModifiedMs: content === undefined ? 0 : (await stat(this.blobs.path(blob))).mtimeMs,
    };
  }

  /**
   * Without a version id: a delete marker, or on an unversioned bucket the end of the object. With one: the end of that version.
   * Undefined when there was nothing to delete. Throws what `checkDeleteCondition` throws.
   */
  async delete(
    key: string,
    options: { readonly versionId?: string | undefined; readonly ifMatch?: string | undefined } = {},
  ): Promise<StoredVersion | undefined> {
    return await this.locks.run(`key ${key}`, async () => {
      checkDeleteCondition(options.ifMatch, this.current(key) satisfies Present);
      const versions = this.#records.get(key)?.versions ?? [];
      if (options.versionId === undefined && this.versioning !== undefined) {
        const marker = await this.#makeVersion(undefined, '');
        await this.#commit(key, [marker, ...this.#kept(key)]);
        return marker;
      }
      const target = options.versionId ?? 'null';
      const deleted = versions.find(({ versionId }) => versionId === target);
      if (deleted !== undefined)
        await this.#commit(
          key,
          versions.filter((version) => version !== deleted),
        );
      return deleted;
    });
  }

  /** Replaces the tags of one version. Throws `NoSuchKey`. */
  async setTags(key: string, versionId: string, tags: VersionContent['tags']): Promise<void> {
    await this.locks.run(`key ${key}`, async () => {
      const versions = this.#records.get(key)?.versions ?? [];
      if (!versions.some((version) => version.versionId === versionId)) throw new S3Fault('NoSuchKey');
      await this.#commit(
        key,
        versions.map((version) => (version.versionId === versionId ? { ...version, tags } : version)),
      );
    });
  }

  /**
   * The only place that changes a key. The plain file goes first, so that a record that promises one is never wrong after a kill:
   * what the next start finds is either recorded, or known as a blob that no record names.
   */
  async #commit(key: string, versions: readonly StoredVersion[], takesPlace = false): Promise<void> {
    const before = this.#records.get(key);
    const isPlain = await this.#show(key, versions[0], before, takesPlace);
    if (versions.length === 0) await this.#files.remove(key);
    else await this.#files.write({ key, isPlain, versions });
    this.adopt(key, versions.length === 0 ? undefined : { key, isPlain, versions });
    const used = new Set(versions.map(({ blob }) => blob));
    for (const { blob } of before?.versions ?? []) {
      if (blob !== '' && !used.has(blob)) await this.blobs.remove(blob);
    }
  }

  async #show(
    key: string,
    newest: StoredVersion | undefined,
    before: KeyRecord | undefined,
    takesPlace: boolean,
  ): Promise<boolean> {
    const wasPlain = takesPlace || (before?.isPlain ?? false);
    if (newest === undefined || newest.isDeleteMarker) {
      if (wasPlain) await this.plain.withdraw(key);
      return false;
    }
    if (wasPlain && newest.blob === before?.versions[0]?.blob) return true;
    return await this.plain.publish(key, this.blobs.path(newest.blob), wasPlain);
  }

  /** Sets the record in memory. */
  adopt(key: string, record: KeyRecord | undefined): void {
    if (record === undefined) this.#records.delete(key);
    else this.#records.set(key, record);
    this.#sortedKeys = undefined;
  }

  /** Writes a record as it is; for the take-over at start. */
  async restore(record: KeyRecord): Promise<void> {
    if (record.versions.length === 0) await this.#files.remove(record.key);
    else await this.#files.write(record);
    this.adopt(record.key, record.versions.length === 0 ? undefined : record);
  }
}
