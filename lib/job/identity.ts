import { createHash } from 'node:crypto';

/** One object version on one route. */
export interface JobIdentity {
  readonly bucket: string;
  readonly key: string;
  readonly route: string;
  /** The event's `versionId`, else its `sequencer`, else something that never repeats (the command line). */
  readonly version: string;
}

/** At most 64 characters of `[a-z0-9-]`: also good as the name of a durable execution, and as part of a key. */
export function jobId({ bucket, key, route, version }: JobIdentity): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([bucket, key, route, version]))
    .digest('hex');
  return `${route.slice(0, 31)}-${digest.slice(0, 32)}`;
}

/**
 * Whether sequencer `a` is later than `b`: hexadecimal, the shorter padded with zeros on the right.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (read 2026-11-23).
 */
export function isLaterSequencer(a: string, b: string): boolean {
  const length = Math.max(a.length, b.length);
  return a.toLowerCase().padEnd(length, '0') > b.toLowerCase().padEnd(length, '0');
}
