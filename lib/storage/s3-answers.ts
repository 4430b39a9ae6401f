import { TamisError } from '../errors.ts';
import type { Metadata, ObjectHead, WriteCondition } from './types.ts';

/** What the S3 client makes of the answer to a HEAD or GET, as far as it is needed. */
interface ObjectAnswer {
  readonly ETag?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ContentRange?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
}

export interface ListedVersion {
  readonly VersionId?: string | undefined;
  readonly IsLatest?: boolean | undefined;
  readonly LastModified?: Date | undefined;
}

/** Names the write in the object's metadata, so that a repeated request can recognise its own first effect. */
export const WRITE_ID = 'tamis-write';

/** The `Date` header of each answer, by the client's output object. */
const answerTimes = new WeakMap<object, number>();

/** Keeps the `Date` header (an HTTP date; resolution one second) of the answer that became `output`. */
export function keepAnswerTime(output: object, dateHeader: string | undefined): void {
  answerTimes.set(output, Date.parse(dateHeader ?? ''));
}

/** Milliseconds since 1970 by S3's clock. `storage.unavailable` without one: a claim cannot be judged by ours. */
export function answeredAtMs(output: object): number {
  const timeMs = answerTimes.get(output);
  if (timeMs === undefined || Number.isNaN(timeMs)) throw new TamisError('storage.unavailable', { operation: 'Date' });
  return timeMs;
}

export function unquoted(etag: string | undefined): string {
  return (etag ?? '').replace(/^"|"$/g, '');
}

/** S3 calls the version of an object written without versioning `null`. */
export function versionOf(id: string | undefined): { versionId?: string } {
  return id === undefined || id === 'null' ? {} : { versionId: id };
}

export function conditionHeaders(condition: WriteCondition): { IfNoneMatch?: string; IfMatch?: string } {
  if (condition === undefined) return {};
  return 'ifNoneMatch' in condition ? { IfNoneMatch: condition.ifNoneMatch } : { IfMatch: `"${condition.ifMatch}"` };
}

/** Keys may hold what XML cannot; S3 then encodes them like a form. A server that does not says so by its silence. */
export function decodeKey(key: string | undefined, encodingType: string | undefined): string {
  return encodingType === 'url' ? decodeURIComponent((key ?? '').replaceAll('+', ' ')) : (key ?? '');
}

/**
 * Newest first. The client hands out versions and delete markers apart, each in order: between the two only `IsLatest`
 * and the second decide, and of a marker and a version of one second the one given first is taken for the newer.
 */
export function byAge(a: ListedVersion, b: ListedVersion): number {
  if (a.IsLatest || b.IsLatest) return Number(b.IsLatest ?? false) - Number(a.IsLatest ?? false);
  return (b.LastModified?.getTime() ?? 0) - (a.LastModified?.getTime() ?? 0);
}

function withoutWriteId(metadata: Record<string, string> | undefined): Metadata {
  const { [WRITE_ID]: _, ...rest } = metadata ?? {};
  return rest;
}

export function toHead(key: string, output: ObjectAnswer): ObjectHead {
  const totalBytes = /\/(\d+)$/.exec(output.ContentRange ?? '')?.[1];
  return {
    key,
    etag: unquoted(output.ETag),
    sizeBytes: totalBytes === undefined ? (output.ContentLength ?? 0) : Number(totalBytes),
    ...versionOf(output.VersionId),
    lastModifiedMs: output.LastModified?.getTime() ?? 0,
    answeredAtMs: answeredAtMs(output),
    metadata: withoutWriteId(output.Metadata),
  };
}
