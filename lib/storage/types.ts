/**
 * The storage port: what a job needs of S3, of a folder, or of a map in memory.
 * Every failure is a `TamisError` of the family `storage.*`:
 * `storage.not-found` (reads only), `storage.precondition-failed` (412: the condition does not hold),
 * `storage.conflict` (409: two conditional writes met, read again and decide), `storage.denied` (final),
 * `storage.refused` (final: no such bucket, wrong Region, a key that the storage cannot hold), `storage.unavailable`
 * (passing; a write that ends so may have taken effect). A signal that fires rejects with its reason.
 */

/** One version of one object, as the storage reports it. */
export interface ObjectHead {
  readonly key: string;
  /** Without the surrounding quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  readonly versionId?: string;
  /** When the storage wrote the object, by the storage's own clock (milliseconds since 1970). */
  readonly lastModifiedMs: number;
  /** The storage's own clock when it answered (the `Date` header); compare `lastModifiedMs` with this only. */
  readonly answeredAtMs: number;
  /** What the writer attached (S3 user metadata). Empty from `list`. Directory: kept beside the object, or `{}`. */
  readonly metadata: Metadata;
}

/** Lower-case names, printable ASCII values, at most 2 KB in all. Written together with the object, atomically. */
export type Metadata = Readonly<Record<string, string>>;

/** `sizeBytes` is the whole object's, whatever the range. */
export interface ObjectRead extends ObjectHead {
  /**
   * Must be consumed or destroyed by `return()`; a reader that stops early leaks no connection. Can be read once.
   * Fails with `storage.precondition-failed` or `storage.not-found` when the object was replaced or deleted under a
   * reader who then has to connect again, and with `storage.unavailable` when the connection breaks too often.
   */
  readonly body: AsyncIterable<Buffer>;
}

export interface ReadOptions {
  readonly versionId?: string;
  /** Fails with `storage.precondition-failed` when the object's ETag is another. */
  readonly ifMatch?: string;
  /** First byte, 0-based. At or behind the object's end: the body is empty. */
  readonly start?: number;
  /** Last byte, inclusive; may lie behind the object's end. */
  readonly end?: number;
  readonly signal?: AbortSignal;
}

/**
 * At most one of the two. `ifNoneMatch: '*'`: only when no object is there. `ifMatch`: only while its ETag is this one
 * (with no object there it does not hold: `storage.precondition-failed`).
 */
export type WriteCondition = { readonly ifNoneMatch: '*' } | { readonly ifMatch: string } | undefined;

export interface WriteOptions {
  readonly condition?: WriteCondition;
  readonly metadata?: Metadata;
  readonly contentType?: string;
}

export interface Written {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly versionId?: string;
  readonly lastModifiedMs: number;
  readonly answeredAtMs: number;
}

/** A streaming write of unknown length. Nothing is visible under the key before `complete` resolves. */
export interface Upload {
  /**
   * Resolves when the next chunk is welcome (back-pressure). The chunk must not be changed afterwards. One at a time:
   * a call before the last one settled, or after `complete` or `abort`, is `internal.bug`.
   */
  write(chunk: Buffer): Promise<void>;
  /** Bytes accepted so far. */
  readonly sizeBytes: number;
  /**
   * Requests billed as `put`: those sent so far, and those that `complete` sends, with a condition that holds, when nothing
   * more is written. Absent where nobody bills them.
   */
  readonly requests?: { readonly sent: number; readonly toComplete: number } | undefined;
  /**
   * Publishes atomically under the condition. After `storage.precondition-failed` it may be called again with another
   * condition; after any other rejection the upload is only good for `abort`.
   */
  complete(condition?: WriteCondition): Promise<Written>;
  /** Idempotent; never rejects. */
  abort(): Promise<void>;
}

/** What the ledger meters. `list` is billed as `put` on S3. */
export type StorageOperation = 'get' | 'put' | 'list' | 'delete';
export type CountOperation = (operation: StorageOperation) => void;

export interface Storage {
  /** How a person writes this key: `s3://bucket/key`, or a path. */
  uri(key: string): string;
  /** Undefined when there is no such object (a deleted one included). */
  head(key: string, options?: { readonly versionId?: string }): Promise<ObjectHead | undefined>;
  read(key: string, options?: ReadOptions): Promise<ObjectRead>;
  put(key: string, body: Buffer, options?: WriteOptions): Promise<Written>;
  upload(key: string, options?: Pick<WriteOptions, 'metadata' | 'contentType'>): Upload;
  /** Current versions, in key order. */
  list(prefix: string): AsyncIterable<ObjectHead>;
  /**
   * Every version id of exactly this key, delete markers included, newest first; a single `undefined` where the storage
   * keeps no versions. Empty when nothing is there.
   */
  versions(key: string): Promise<readonly (string | undefined)[]>;
  /**
   * Deleting what is not there is no error. Without a version id, on a versioned bucket, it leaves a delete marker.
   * With `ifMatch`, only while the current ETag is this one; else `storage.precondition-failed` (but gone is gone: no
   * error). `ifMatch` and `versionId` exclude each other.
   */
  delete(key: string, options?: { readonly versionId?: string; readonly ifMatch?: string }): Promise<void>;
}
