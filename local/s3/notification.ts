/** Event notifications: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (read 2026-11-20). */
import { encodeKey } from './listing.ts';
import type { StoredVersion } from './records.ts';

export type CreatedBy = 'Put' | 'Post' | 'Copy' | 'CompleteMultipartUpload';

export interface ObjectCreated {
  readonly bucket: string;
  /** As it is; in the record it is form-encoded. */
  readonly key: string;
  readonly createdBy: CreatedBy;
  /** What AWS hands to a target: `{ Records: [ … ] }` with one record. */
  readonly event: { readonly Records: readonly [S3EventRecord] };
}

export interface S3EventRecord {
  readonly eventVersion: string;
  readonly eventSource: 'aws:s3';
  readonly awsRegion: string;
  readonly eventTime: string;
  readonly eventName: string;
  readonly userIdentity: { readonly principalId: string };
  readonly requestParameters: { readonly sourceIPAddress: string };
  readonly responseElements: { readonly 'x-amz-request-id': string; readonly 'x-amz-id-2': string };
  readonly s3: {
    readonly s3SchemaVersion: '1.0';
    readonly configurationId: string;
    readonly bucket: {
      readonly name: string;
      readonly ownerIdentity: { readonly principalId: string };
      readonly arn: string;
    };
    readonly object: {
      readonly key: string;
      readonly size: number;
      readonly eTag: string;
      readonly versionId?: string;
      readonly sequencer: string;
    };
  };
}

export function makeObjectCreated(created: {
  readonly bucket: string;
  readonly key: string;
  readonly createdBy: CreatedBy;
  readonly version: StoredVersion;
  readonly isVersioned: boolean;
  readonly region: string;
  readonly requestId: string;
  readonly nowMs: number;
}): ObjectCreated {
  const { bucket, key, createdBy, version } = created;
  const record: S3EventRecord = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: created.region,
    eventTime: new Date(created.nowMs).toISOString(),
    eventName: `ObjectCreated:${createdBy}`,
    userIdentity: { principalId: 'AWS:LOCAL' },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': created.requestId, 'x-amz-id-2': created.requestId },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'local',
      bucket: { name: bucket, ownerIdentity: { principalId: 'LOCAL' }, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: encodeKey(key),
        size: version.sizeBytes,
        eTag: version.etag,
        ...(created.isVersioned ? { versionId: version.versionId } : {}),
        sequencer: version.sequencer,
      },
    },
  };
  return { bucket, key, createdBy, event: { Records: [record] } };
}
