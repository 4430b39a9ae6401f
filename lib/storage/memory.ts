/**
 * S3 in memory, for tests that choose when each request takes effect and which answers are lost. It sends the same
 * requests in the same order as s3.ts, and answers with S3's semantics: versions and delete markers, conditions judged
 * at the moment of effect, multipart uploads that are visible only once completed, times in whole seconds.
 */
import { createHash } from 'node:crypto';
import { TamisError } from '../errors.ts';
import { compareKeys } from './key-order.ts';
import { type MultipartRequests, makeMultipartUpload } from './multipart.ts';
import type {
  CountOperation,
  ObjectHead,
  ReadOptions,
  Storage,
  StorageOperation,
  WriteCondition,
  WriteOptions,
  Written,
} from './types.ts';

/** The requests that hooks see. `read-body` precedes every chunk of a body and is not billed. */
export type MemoryOperation =
  | 'head'
  | 'get'
  | 'read-body'
  | 'put'
  | 'create-upload'
  | 'upload-part'
  | 'complete'
  | 'abort'
  | 'list'
  | 'versions'
  | 'delete';

/** One holder's view of the store. */
export interface MemoryHooks {
  /** Awaited before a request takes effect. Throwing means that it never arrived. */
  readonly before?: (operation: MemoryOperation, key: string) => Promise<void>;
  /** Awaited after a request took effect, before the caller learns of it. Throwing means that the answer was lost. */
  readonly after?: (operation: MemoryOperation, key: string) => Promise<void>;
  readonly count?: CountOperation;
  /** Size of each part of an upload (default: as on S3, from 8 MiB) and of each chunk read (default 64 KiB). */
  readonly partSizeBytes?: number;
  readonly chunkSizeBytes?: number;
}

export interface MemoryStoreOptions {
  readonly versioned: boolean;
  /** The storage's own clock, milliseconds since 1970. */
  readonly clock: { now(): number };
  /** Default `memory`. */
  readonly bucket?: string;
}

interface StoredVersion {
  readonly versionId: string;
  readonly etag: string;
  readonly body: Buffer;
  readonly lastModifiedMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly isDeleteMarker: boolean;
}

/** What several holders share. */
export interface MemoryStore {
  readonly options: MemoryStoreOptions;
  /** By key, newest first. */
  readonly objects: Map<string, StoredVersion[]>;
  /** Uploads begun and neither completed nor aborted: upload id to parts. */
  readonly unfinishedUploads: Map<string, Map<number, Buffer>>;
  nextId: number;
}

/** An empty store. What is read from it is no copy: leave it unchanged. */
export function makeMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return { options, objects: new Map(), unfinishedUploads: new Map(), nextId: 1 };
}

interface MemoryPart {
  readonly body: Buffer;
  readonly digest: Buffer;
}

const BILLED_AS: Record<Exclude<MemoryOperation, 'read-body'>, StorageOperation> = {
  head: 'get',
  get: 'get',
  put: 'put',
  'create-upload': 'put',
  'upload-part': 'put',
  complete: 'put',
  abort: 'delete',
  list: 'list',
  versions: 'list',
  delete: 'delete',
};

function md5(body: Buffer): Buffer {
  return createHash('md5').update(body).digest();
}

/** A view of `store` with hooks of its own, or a store of its own. */
export function makeMemoryStorage(
  options: MemoryHooks & ({ readonly store: MemoryStore } | MemoryStoreOptions),
): Storage {
  const store = 'store' in options ? options.store : makeMemoryStore(options);
  const { before, after, count, partSizeBytes, chunkSizeBytes = 64 * 1024 } = options;
  const { versioned, clock, bucket = 'memory' } = store.options;

  /** S3 tells time in whole seconds. */
  const nowMs = () => Math.floor(clock.now() / 1000) * 1000;

  async function request<T>(operation: keyof typeof BILLED_AS, key: string, effect: () => T): Promise<T> {
    count?.(BILLED_AS[operation]);
    await before?.(operation, key);
    const answer = effect();
    await after?.(operation, key);
    return answer;
  }

  function findVersion(key: string, versionId: string | undefined): StoredVersion | undefined {
    const versions = store.objects.get(key) ?? [];
    const found = versionId === undefined ? versions[0] : versions.find((version) => version.versionId === versionId);
    return found?.isDeleteMarker ? undefined : found;
  }

  function checkEtag(found: StoredVersion | undefined, ifMatch: string | undefined): void {
    if (ifMatch !== undefined && found?.etag !== ifMatch) throw new TamisError('storage.precondition-failed', {});
  }

  function checkCondition(key: string, condition: WriteCondition): void {
    if (condition === undefined) return;
    const found = findVersion(key, undefined);
    if ('ifMatch' in condition) checkEtag(found, condition.ifMatch);
    else if (found) throw new TamisError('storage.precondition-failed', {});
  }

  function addVersion(key: string, version: Omit<StoredVersion, 'versionId' | 'lastModifiedMs'>): StoredVersion {
    const versionId = `version-${store.nextId++}`;
    const added = { ...version, versionId, lastModifiedMs: nowMs() };
    store.objects.set(key, versioned ? [added, ...(store.objects.get(key) ?? [])] : [added]);
    return added;
  }

  function publish(key: string, body: Buffer, etag: string, { condition, metadata = {} }: WriteOptions): Written {
    checkCondition(key, condition);
    const added = addVersion(key, { body, etag, metadata: { ...metadata }, isDeleteMarker: false });
    const { lastModifiedMs } = added;
    return {
      etag,
      sizeBytes: body.length,
      ...(versioned ? { versionId: added.versionId } : {}),
      lastModifiedMs,
      answeredAtMs: lastModifiedMs,
    };
  }

  function toHead(key: string, version: StoredVersion): ObjectHead {
    return {
      key,
      etag: version.etag,
      sizeBytes: version.body.length,
      ...(versioned ? { versionId: version.versionId } : {}),
      lastModifiedMs: version.lastModifiedMs,
      answeredAtMs: nowMs(),
      metadata: version.metadata,
    };
  }

  function putObject(key: string, body: Buffer, options: WriteOptions): Promise<Written> {
    // A caller may reuse its buffer once the request has been sent.
    const copy = Buffer.from(body);
    return request('put', key, () => publish(key, copy, md5(copy).toString('hex'), options));
  }

  function partsOf(uploadId: string): Map<number, Buffer> {
    const parts = store.unfinishedUploads.get(uploadId);
    if (!parts) throw new TamisError('storage.unavailable', { operation: 'upload' });
    return parts;
  }

  function uploadRequests(key: string, options: WriteOptions): MultipartRequests<MemoryPart> {
    return {
      put: (body, condition) => putObject(key, body, { ...options, condition }),
      create: () =>
        request('create-upload', key, () => {
          const uploadId = `upload-${store.nextId++}`;
          store.unfinishedUploads.set(uploadId, new Map());
          return uploadId;
        }),
      uploadPart: (uploadId, partNumber, body) =>
        request('upload-part', key, () => {
          const copy = Buffer.from(body);
          partsOf(uploadId).set(partNumber, copy);
          return { body: copy, digest: md5(copy) };
        }),
      complete: (uploadId, parts, _sizeBytes, condition) =>
        request('complete', key, () => {
          partsOf(uploadId);
          const etag = `${md5(Buffer.concat(parts.map((part) => part.digest))).toString('hex')}-${parts.length}`;
          const body = Buffer.concat(parts.map((part) => part.body));
          const written = publish(key, body, etag, { ...options, condition });
          store.unfinishedUploads.delete(uploadId);
          return written;
        }),
      abort: (uploadId) =>
        request('abort', key, () => {
          store.unfinishedUploads.delete(uploadId);
        }),
    };
  }

  async function* chunksOf(key: string, body: Buffer, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    for (let offset = 0; offset < body.length; offset += chunkSizeBytes) {
      signal?.throwIfAborted();
      await before?.('read-body', key);
      signal?.throwIfAborted();
      yield body.subarray(offset, offset + chunkSizeBytes);
    }
  }

  function deleteObject(key: string, versionId: string | undefined, ifMatch: string | undefined): void {
    const found = findVersion(key, versionId);
    if (found) checkEtag(found, ifMatch);
    const rest = (store.objects.get(key) ?? []).filter((version) => version.versionId !== versionId);
    if (versioned && versionId === undefined) {
      addVersion(key, { etag: '', body: Buffer.alloc(0), metadata: {}, isDeleteMarker: true });
    } else if (!versioned || rest.length === 0) store.objects.delete(key);
    else store.objects.set(key, rest);
  }

  return {
    uri: (key) => `s3://${bucket}/${key}`,

    head: (key, { versionId } = {}) =>
      request('head', key, () => {
        const found = findVersion(key, versionId);
        return found && toHead(key, found);
      }),

    read: async (key, { versionId, ifMatch, start = 0, end, signal }: ReadOptions = {}) => {
      signal?.throwIfAborted();
      return request('get', key, () => {
        const found = findVersion(key, versionId);
        if (!found) throw new TamisError('storage.not-found', {});
        checkEtag(found, ifMatch);
        const bytes = found.body.subarray(start, end === undefined ? undefined : end + 1);
        return { ...toHead(key, found), body: chunksOf(key, bytes, signal) };
      });
    },

    put: (key, body, options = {}) => putObject(key, body, options),

    upload: (key, options = {}) =>
      makeMultipartUpload(uploadRequests(key, options), partSizeBytes === undefined ? undefined : () => partSizeBytes),

    async *list(prefix) {
      const heads = await request('list', prefix, () =>
        [...store.objects.keys()]
          .filter((key) => key.startsWith(prefix))
          .sort(compareKeys)
          .flatMap((key) => {
            const found = findVersion(key, undefined);
            if (!found) return [];
            const { versionId: _, ...head } = toHead(key, found);
            return [{ ...head, metadata: {} }];
          }),
      );
      yield* heads;
    },

    versions: (key) =>
      request('versions', key, () =>
        (store.objects.get(key) ?? []).map((version) => (versioned ? version.versionId : undefined)),
      ),

    delete: (key, { versionId, ifMatch } = {}) => request('delete', key, () => deleteObject(key, versionId, ifMatch)),
  };
}
