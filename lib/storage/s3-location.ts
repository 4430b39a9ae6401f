/** A bucket and a key, or a prefix (possibly empty). */
export interface S3Location {
  readonly bucket: string;
  readonly key: string;
}

/**
 * Reads `s3://bucket/key`. The key is taken as it stands, without decoding: `%20` is three characters, as in the
 * AWS command line. Undefined when `text` is no such location (no `s3://`, or no bucket).
 */
export function parseS3Location(text: string): S3Location | undefined {
  const match = /^s3:\/\/([^/]+)(?:\/(.*))?$/su.exec(text);
  return match?.[1] === undefined ? undefined : { bucket: match[1], key: match[2] ?? '' };
}

/** The inverse of `parseS3Location`. */
export function formatS3Location({ bucket, key }: S3Location): string {
  return `s3://${bucket}/${key}`;
}
