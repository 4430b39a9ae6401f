import type { FileHandle } from 'node:fs/promises';
import type { Bucket } from './bucket.ts';
import { type Checksum, checksumHeader } from './checksums.ts';
import type { CreatedBy } from './notification.ts';
import type { StoredVersion } from './records.ts';

/** What a handler answers; the server writes it. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An XML document. */
  readonly xml?: string;
  /** Bytes `start` to `end`, both inclusive, of an open file, which the server closes. */
  readonly file?: { readonly handle: FileHandle; readonly start: number; readonly end: number };
  /** An object that this request made, to be announced after the reply. */
  readonly created?: {
    readonly bucket: Bucket;
    readonly key: string;
    readonly by: CreatedBy;
    readonly version: StoredVersion;
  };
}

export function versionHeader(bucket: Bucket, version: StoredVersion): Record<string, string> {
  return bucket.versioning === undefined && version.versionId === 'null'
    ? {}
    : { 'x-amz-version-id': version.versionId };
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/** ISO 8601 as in XML. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function httpTime(ms: number): string {
  return new Date(ms).toUTCString();
}
