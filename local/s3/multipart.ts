/**
 * Multipart uploads: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html (read 2026-11-20).
 * An upload is a folder: `upload.json`, a file of content and a small JSON file a part.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Blobs, type WriteChunk } from './blobs.ts';
import type { ReceivedBody } from './body.ts';
import type { Bucket } from './bucket.ts';
import { type Checksum, type ChecksumAlgorithm, type ChecksumType, makeHasher } from './checksums.ts';
import type { WriteConditions } from './conditions.ts';
import { S3Fault } from './fault.ts';
import { type StoredVersion, type VersionContent, writeAtomically } from './records.ts';

export const MIN_PART_BYTES = 5 * 1024 ** 2;
export const MAX_PART_NUMBER = 10_000;

export interface UploadHead {
  readonly uploadId: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly content: Pick<VersionContent, 'headers' | 'metadata' | 'tags'>;
  /** What the upload was announced with; undefined when nothing was said. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
}

export interface Part {
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
  readonly checksum: Checksum | undefined;
  readonly blob: string;
}

/** One part as the client lists it on completion. */
export interface NamedPart {
  readonly partNumber: number;
  readonly etag: string;
  readonly checksums: readonly { readonly algorithm: ChecksumAlgorithm; readonly value: string }[];
}

export interface CompletionOptions {
  readonly conditions: WriteConditions;
  /** `x-amz-mp-object-size`. */
  readonly statedSizeBytes: number | undefined;
  /** Checksum of the whole object, as the client states it. */
  readonly statedChecksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

export class Uploads {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  #folder(uploadId: string): string {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(uploadId)) throw new S3Fault('NoSuchUpload');
    return join(this.#bucket.uploadsFolder, uploadId);
  }

  async create(key: string, content: UploadHead['content'], checksum: UploadHead['checksum']): Promise<UploadHead> {
    const initiatedMs = Math.floor(this.#bucket.now() / 1000) * 1000;
    const upload = { uploadId: randomBytes(24).toString('hex'), key, initiatedMs, content, checksum };
    const folder = this.#folder(upload.uploadId);
    await mkdir(folder);
    await writeAtomically(join(folder, 'upload.json'), JSON.stringify(upload), this.#bucket.scratchFolder);
    return upload;
  }

  /** Throws `NoSuchUpload`, also when the upload is of another key. */
  async find(key: string, uploadId: string): Promise<UploadHead> {
    const upload = await this.#read(uploadId);
    if (upload === undefined || upload.key !== key) throw new S3Fault('NoSuchUpload');
    return upload;
  }

  async #read(uploadId: string): Promise<UploadHead | undefined> {
    const text = await readFile(join(this.#folder(uploadId), 'upload.json'), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as UploadHead);
  }

  /** In the order of their keys, of one key the oldest first. */
  async list(): Promise<readonly UploadHead[]> {
    const found = await Promise.all(
      (await readdir(this.#bucket.uploadsFolder)).map((uploadId) => this.#read(uploadId)),
    );
    const order = (upload: UploadHead) => Buffer.from(upload.key);
    return found
      .filter((upload) => upload !== undefined)
      .sort(
        (a, b) =>
          Buffer.compare(order(a), order(b)) || a.initiatedMs - b.initiatedMs || (a.uploadId < b.uploadId ? -1 : 1),
      );
  }

  /** Stores one part, in place of an older one with the same number. `receive` writes and verifies the content; `received` is the checksum that came with it. */
  async putPart(
    upload: UploadHead,
    partNumber: number,
    receive: (write: WriteChunk) => Promise<ReceivedBody>,
  ): Promise<Part & { readonly received: Checksum | undefined }> {
    const folder = this.#folder(upload.uploadId);
    const blobs = new Blobs(folder);
    const { blob, filled } = await blobs.create(receive).catch(async (error: unknown) => {
      // The upload was completed or aborted meanwhile, and its folder is gone.
      await this.find(upload.key, upload.uploadId);
      throw error;
    });
    if (upload.checksum?.type === 'COMPOSITE' && filled.checksum?.algorithm !== upload.checksum.algorithm) {
      await blobs.remove(blob);
      throw new S3Fault('InvalidRequest', {
        message: `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksum.algorithm.toLowerCase()}, actual checksum Type: ${filled.checksum?.algorithm.toLowerCase() ?? 'null'}`,
      });
    }
    const part: Part = {
      partNumber,
      etag: filled.md5.toString('hex'),
      sizeBytes: filled.sizeBytes,
      lastModifiedMs: Math.floor(this.#bucket.now() / 1000) * 1000,
      // Verified already; it is part of the upload only where the upload was announced with its algorithm.
      checksum: filled.checksum?.algorithm === upload.checksum?.algorithm ? filled.checksum : undefined,
      blob,
    };
    await this.#bucket.locks.run(`upload ${upload.uploadId}`, async () => {
      await this.find(upload.key, upload.uploadId);
      const before = (await this.parts(upload)).find((other) => other.partNumber === partNumber);
      await writeAtomically(join(folder, `part-${partNumber}.json`), JSON.stringify(part), this.#bucket.scratchFolder);
      if (before !== undefined) await blobs.remove(before.blob);
    });
    return { ...part, received: filled.checksum };
  }

  /** In the order of their numbers. */
  async parts(upload: UploadHead): Promise<readonly Part[]> {
    const folder = this.#folder(upload.uploadId);
    const names = (await readdir(folder)).filter((name) => name.startsWith('part-'));
    const parts = await Promise.all(
      names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Part),
    );
    return parts.sort((one, other) => one.partNumber - other.partNumber);
  }

  async abort(key: string, uploadId: string): Promise<void> {
    await this.#bucket.locks.run(`upload ${uploadId}`, async () => {
      await this.find(key, uploadId);
      await this.#forget(uploadId);
    });
  }

  /** The head goes first: without it the upload does not exist, whatever is left of the folder. */
  async #forget(uploadId: string): Promise<void> {
    await rm(join(this.#folder(uploadId), 'upload.json'), { force: true });
    await rm(this.#folder(uploadId), { recursive: true, force: true });
  }

  /**
   * Joins the named parts and publishes them under the condition. After a refusal the upload is still there.
   * Throws `NoSuchUpload`, `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `InvalidRequest`, `BadDigest`, `PreconditionFailed`, `NoSuchKey`.
   */
  async complete(
    key: string,
    uploadId: string,
    named: readonly NamedPart[],
    options: CompletionOptions,
  ): Promise<StoredVersion> {
    return await this.#bucket.locks.run(`upload ${uploadId}`, async () => {
      const upload = await this.find(key, uploadId);
      const parts = choose(upload, await this.parts(upload), named);
      const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
      if (options.statedSizeBytes !== undefined && options.statedSizeBytes !== sizeBytes) {
        throw new S3Fault('InvalidRequest', { message: "The provided 'x-amz-mp-object-size' header does not match." });
      }
      const { blob, filled: checksum } = await this.#bucket.blobs.create((write) => this.#join(upload, parts, write));
      try {
        checkStatedChecksum(options.statedChecksum, checksum);
      } catch (error) {
        await this.#bucket.blobs.remove(blob);
        throw error;
      }
      const content: VersionContent = {
        ...upload.content,
        etag: `${md5OfMd5s(parts)}-${parts.length}`,
        sizeBytes,
        checksum,
        partSizes: parts.map((part) => part.sizeBytes),
      };
      // Documented: the date of a multipart object is the date on which its upload was initiated.
      const version = await this.#bucket.put(key, blob, content, {
        conditions: options.conditions,
        lastModifiedMs: upload.initiatedMs,
      });
      await this.#forget(uploadId);
      return version;
    });
  }

  async #join(upload: UploadHead, parts: readonly Part[], write: WriteChunk): Promise<Checksum | undefined> {
    const blobs = new Blobs(this.#folder(upload.uploadId));
    const algorithm = upload.checksum?.algorithm;
    const hasher = upload.checksum?.type === 'FULL_OBJECT' ? makeHasher(upload.checksum.algorithm) : undefined;
    for (const part of parts) {
      for await (const chunk of blobs.read(part.blob)) {
        hasher?.update(chunk);
        await write(chunk);
      }
    }
    if (algorithm === undefined) return undefined;
    if (hasher !== undefined) return { algorithm, value: hasher.digest().toString('base64'), type: 'FULL_OBJECT' };
    const composite = makeHasher(algorithm);
    for (const part of parts) composite.update(Buffer.from(part.checksum?.value ?? '', 'base64'));
    return { algorithm, value: `${composite.digest().toString('base64')}-${parts.length}`, type: 'COMPOSITE' };
  }
}

function choose(upload: UploadHead, stored: readonly Part[], named: readonly NamedPart[]): readonly Part[] {
  if (named.length === 0) throw new S3Fault('MalformedXML');
  const chosen = named.map(({ partNumber, etag, checksums }, index) => {
    if (index > 0 && partNumber <= named[index - 1]!.partNumber) throw new S3Fault('InvalidPartOrder');
    const part = stored.find((candidate) => candidate.partNumber === partNumber);
    // Of an upload that was announced without an algorithm no part has a checksum to compare with.
    const contradicted = checksums.some(
      ({ algorithm, value }) => part?.checksum?.algorithm !== algorithm || part.checksum.value !== value,
    );
    if (part === undefined || part.etag !== etag || contradicted) {
      throw new S3Fault('InvalidPart', { details: { UploadId: upload.uploadId, PartNumber: String(partNumber) } });
    }
    if (upload.checksum?.type === 'COMPOSITE' && checksums.length === 0) {
      const algorithm = upload.checksum.algorithm.toLowerCase();
      throw new S3Fault('InvalidRequest', {
        message: `The upload was created using a ${algorithm} checksum. The complete request must include the checksum for each part. It was missing for part ${partNumber} in the request.`,
      });
    }
    return part;
  });
  for (const part of chosen.slice(0, -1)) {
    if (part.sizeBytes < MIN_PART_BYTES) {
      throw new S3Fault('EntityTooSmall', {
        details: {
          ProposedSize: String(part.sizeBytes),
          MinSizeAllowed: String(MIN_PART_BYTES),
          PartNumber: String(part.partNumber),
          ETag: part.etag,
        },
      });
    }
  }
  return chosen;
}

function md5OfMd5s(parts: readonly Part[]): string {
  const md5 = createHash('md5');
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'));
  return md5.digest('hex');
}

function checkStatedChecksum(stated: CompletionOptions['statedChecksum'], actual: Checksum | undefined): void {
  if (stated === undefined || actual === undefined || stated.algorithm !== actual.algorithm) return;
  if (stated.value.replace(/-\d+$/, '') !== actual.value.replace(/-\d+$/, '')) throw new S3Fault('BadDigest');
}
