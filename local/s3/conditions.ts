/**
 * Conditional requests: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html (read 2026-11-20).
 */
import { S3Fault } from './fault.ts';
import type { S3Request } from './request.ts';

/** What a condition is held against. Undefined stands for "no object", a delete marker included. */
export type Present = { readonly etag: string; readonly lastModifiedMs: number } | undefined;

function matchesEtag(list: string, etag: string): boolean {
  return list
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, '').replace(/^"|"$/g, ''))
    .some((tag) => tag === '*' || tag === etag);
}

function precondition(condition: string): S3Fault {
  return new S3Fault('PreconditionFailed', { details: { Condition: condition } });
}

/** GET and HEAD. Throws `PreconditionFailed` and `NotModified`. `prefix` reads the conditions of a copy's source, where 304 becomes 412. */
export function checkReadConditions(request: S3Request, present: NonNullable<Present>, prefix = ''): void {
  const ifMatch = request.header(`${prefix}if-match`);
  const ifNoneMatch = request.header(`${prefix}if-none-match`);
  const unmodifiedSince = readTime(request.header(`${prefix}if-unmodified-since`));
  const modifiedSince = readTime(request.header(`${prefix}if-modified-since`));
  if (ifMatch !== undefined) {
    if (!matchesEtag(ifMatch, present.etag)) throw precondition('If-Match');
  } else if (unmodifiedSince !== undefined && present.lastModifiedMs > unmodifiedSince) {
    throw precondition('If-Unmodified-Since');
  }
  const unchanged =
    ifNoneMatch === undefined
      ? modifiedSince !== undefined && present.lastModifiedMs <= modifiedSince
      : matchesEtag(ifNoneMatch, present.etag);
  if (!unchanged) return;
  if (prefix !== '') throw precondition('If-None-Match');
  throw new S3Fault('NotModified', { headers: { etag: `"${present.etag}"` } });
}

function readTime(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

export interface WriteConditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** PUT, CopyObject and CompleteMultipartUpload. Throws `NotImplemented` for what AWS does not take there. */
export function readWriteConditions(request: S3Request): WriteConditions {
  const ifMatch = request.header('if-match');
  const ifNoneMatch = request.header('if-none-match');
  if (
    (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') ||
    (ifMatch !== undefined && ifNoneMatch !== undefined)
  ) {
    throw new S3Fault('NotImplemented');
  }
  return { ifMatch, ifNoneMatch };
}

/** Throws `PreconditionFailed`, and `NoSuchKey` when `If-Match` meets no object. Call it while holding the key's lock. */
export function checkWriteConditions({ ifMatch, ifNoneMatch }: WriteConditions, present: Present): void {
  if (ifNoneMatch !== undefined && present !== undefined) throw precondition('If-None-Match');
  if (ifMatch === undefined) return;
  if (present === undefined) throw new S3Fault('NoSuchKey');
  if (!matchesEtag(ifMatch, present.etag)) throw precondition('If-Match');
}

/** DELETE. `If-Match: *` against nothing is 412, an ETag against nothing is 404. */
export function checkDeleteCondition(ifMatch: string | undefined, present: Present): void {
  if (ifMatch === undefined) return;
  if (present === undefined) throw ifMatch.trim() === '*' ? precondition('If-Match') : new S3Fault('NoSuchKey');
  if (!matchesEtag(ifMatch, present.etag)) throw precondition('If-Match');
}
