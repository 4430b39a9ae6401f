/** What the conformance checks run against, and what each check gets. */
import { randomBytes } from 'node:crypto';
import {
  CreateBucketCommand,
  type GetObjectCommandOutput,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type RawReply, type RawRequest, sendRaw } from './raw.ts';

export interface S3Target {
  readonly name: string;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface CheckContext {
  readonly client: S3Client;
  /** A bucket without versions, shared by all checks. */
  readonly bucket: string;
  /** A bucket with versions, shared by all checks. */
  readonly versioned: string;
  /** Begins every key of this check, so that checks do not meet. Ends in `/`. */
  readonly prefix: string;
  readonly target: S3Target;
  /** A signed request of exactly these bytes. */
  raw(request: RawRequest): Promise<RawReply>;
}

export interface Check {
  /** A plain sentence that states condition and result. */
  readonly title: string;
  readonly run: (context: CheckContext) => Promise<void>;
}

export function makeClient(target: S3Target): S3Client {
  const { accessKeyId, secretAccessKey } = target;
  return new S3Client({
    endpoint: target.endpoint,
    region: target.region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
  });
}

/** Makes the two buckets; the returned function makes the context of one check after another. */
export async function prepareTarget(target: S3Target): Promise<{ client: S3Client; next: () => CheckContext }> {
  const client = makeClient(target);
  const suffix = randomBytes(4).toString('hex');
  const bucket = `plain-${suffix}`;
  const versioned = `versioned-${suffix}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  await client.send(new CreateBucketCommand({ Bucket: versioned }));
  await client.send(
    new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  let count = 0;
  const next = (): CheckContext => ({
    client,
    bucket,
    versioned,
    prefix: `check-${(count += 1)}/`,
    target,
    raw: (request) => sendRaw(target, request),
  });
  return { client, next };
}

/** The whole body as text. */
export async function textOf(output: GetObjectCommandOutput): Promise<string> {
  return (await output.Body?.transformToString()) ?? '';
}

/** What the service refuses with: its code, or the status where a reply has no body. */
export async function refusal(promise: Promise<unknown>): Promise<{ name: string; status: number }> {
  try {
    await promise;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return { name, status: $metadata?.httpStatusCode ?? 0 };
  }
  return { name: 'accepted', status: 200 };
}
