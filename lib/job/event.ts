/** What S3 tells a function, read by shape: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (2026-11-23). */
export interface ObjectCreated {
  readonly bucket: string;
  /** Decoded. */
  readonly key: string;
  readonly region: string;
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
  readonly sequencer: string | undefined;
}

interface S3Record {
  readonly eventVersion?: string;
  readonly eventSource?: string;
  readonly eventName?: string;
  readonly awsRegion?: string;
  readonly s3?: {
    readonly bucket?: { readonly name?: string };
    readonly object?: {
      readonly key?: string;
      readonly size?: number;
      readonly eTag?: string;
      readonly versionId?: string;
      readonly sequencer?: string;
    };
  };
}

/** Form encoding: `+` is a space, and only then the percent escapes are read. */
export function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

/** All objects created that an event names; none for S3's test event, for deletions, and for anything that is no S3 event. */
export function objectsCreated(event: unknown): readonly ObjectCreated[] {
  const records = (event as { readonly Records?: unknown } | null)?.Records;
  if (!Array.isArray(records)) return [];
  return (records as readonly S3Record[]).flatMap((record) => {
    const { eventVersion = '', eventSource, eventName = '', awsRegion = '', s3 } = record;
    const key = s3?.object?.key;
    const bucket = s3?.bucket?.name;
    if (eventSource !== 'aws:s3' || !eventVersion.startsWith('2.')) return [];
    if (!eventName.startsWith('ObjectCreated:') || key === undefined || bucket === undefined) return [];
    return [
      {
        bucket,
        key: decodeKey(key),
        region: awsRegion,
        sizeBytes: s3?.object?.size ?? 0,
        etag: s3?.object?.eTag,
        versionId: s3?.object?.versionId,
        sequencer: s3?.object?.sequencer,
      },
    ];
  });
}
