/**
 * S3 and what speaks its API. Reference: docs.aws.amazon.com/AmazonS3/latest/API, and the client's API model
 * (@aws-sdk/client-s3 3.1169), read in November 2026. Usage: every request is counted once when it is sent; the client's
 * own repetitions are not, since S3 bills no 5xx and no request that never arrived.
 */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { hasCode, TamisError } from '../errors.ts';
import { makeBody } from './body.ts';
import { type MultipartRequests, makeMultipartUpload } from './multipart.ts';
import {
  answeredAtMs,
  byAge,
  conditionHeaders,
  decodeKey,
  keepAnswerTime,
  type ListedVersion,
  toHead,
  unquoted,
  versionOf,
  WRITE_ID,
} from './s3-answers.ts';
import { isChecksumMismatch, isMissing, readServiceError, toStorageError } from './s3-errors.ts';
import { formatS3Location } from './s3-location.ts';
import type {
  CountOperation,
  ObjectHead,
  ReadOptions,
  Storage,
  StorageOperation,
  WriteOptions,
  Written,
} from './types.ts';

export interface S3ConnectionOptions {
  readonly region: string;
  /** Only for what is not AWS, such as `http://127.0.0.1:4569`. */
  readonly endpoint?: string;
  /** `endpoint/bucket/key` instead of a host name per bucket. */
  readonly forcePathStyle?: boolean;
  /** Default: the environment's, as the AWS SDK finds them. */
  readonly credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** How often a request is sent before it fails: 1 and more, default 6, about 3 seconds of patience. */
  readonly maxAttempts?: number;
  /** A connection on which nothing moves for this long is broken: default 20,000. */
  readonly idleTimeoutMs?: number;
}

/** The connections to one Region. Make one and keep it: a new one pays for new TLS handshakes. */
export interface S3Connection {
  readonly client: S3Client;
  close(): void;
}

export interface S3StorageOptions {
  readonly connection: S3Connection;
  readonly bucket: string;
  readonly count?: CountOperation;
}

interface RequestOptions {
  readonly missing?: 'storage.not-found' | 'storage.precondition-failed';
  readonly signal?: AbortSignal | undefined;
}

interface VersionMarker {
  readonly KeyMarker?: string;
  readonly VersionIdMarker?: string | undefined;
}

const CONNECT_TIMEOUT_MS = 3_000;
const MAX_SOCKETS = 64;

export function makeS3Connection(options: S3ConnectionOptions): S3Connection {
  const { region, endpoint, forcePathStyle, credentials, maxAttempts = 6, idleTimeoutMs = 20_000 } = options;
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const config: S3ClientConfig = {
    region,
    maxAttempts,
    // Otherwise each body above 2 MB opens a connection of its own, only to ask whether it may send.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: idleTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  const client = new S3Client(config);
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers: Record<string, string | undefined> };
      if (result.output) keepAnswerTime(result.output, headers.date);
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'answerTime' },
  );
  return { client, close: () => client.destroy() };
}

/**
 * A bucket as storage. Times have a resolution of one second. S3 says when it wrote an object only on reading it: for
 * a write, `lastModifiedMs` is the `Date` of the answer, at most the duration of the request later.
 * Bytes are checked against S3's checksum when an object written in one part is read whole and in one go.
 *
 * The client repeats a request whose answer was lost. A conditional write that had taken effect then meets itself (412,
 * 409, or 404 for the upload): it is recognised by an id in the metadata and reported as the success it was.
 */
export function makeS3Storage({ connection, bucket, count = () => undefined }: S3StorageOptions): Storage {
  const { client } = connection;
  const Bucket = bucket;

  async function request<T>(
    operation: string,
    billedAs: StorageOperation,
    send: () => Promise<T>,
    { missing = 'storage.not-found', signal }: RequestOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    count(billedAs);
    try {
      return await send();
    } catch (error) {
      signal?.throwIfAborted();
      throw toStorageError(error, operation, missing);
    }
  }

  async function findHead(key: string, versionId?: string): Promise<HeadObjectCommandOutput | undefined> {
    return request('HeadObject', 'get', async () => {
      try {
        return await client.send(new HeadObjectCommand({ Bucket, Key: key, VersionId: versionId }));
      } catch (error) {
        if (isMissing(error, versionId)) return undefined;
        throw error;
      }
    });
  }

  /** Sends a write; when it fails after a repetition, looks whether an earlier attempt had succeeded. */
  async function write(
    operation: string,
    key: string,
    writeId: string,
    sizeBytes: number,
    send: () => Promise<{ ETag?: string | undefined; VersionId?: string | undefined }>,
  ): Promise<Written> {
    let attemptCount = 1;
    try {
      const output = await request(
        operation,
        'put',
        async () => {
          try {
            return await send();
          } catch (error) {
            attemptCount = readServiceError(error)?.attemptCount ?? 1;
            throw error;
          }
        },
        { missing: 'storage.precondition-failed' },
      );
      const timeMs = answeredAtMs(output);
      const etag = unquoted(output.ETag);
      return { etag, sizeBytes, ...versionOf(output.VersionId), lastModifiedMs: timeMs, answeredAtMs: timeMs };
    } catch (error) {
      if (attemptCount === 1) throw error;
      const output = await findHead(key).catch(() => undefined);
      if (output?.Metadata?.[WRITE_ID] !== writeId) throw error;
      const { etag, versionId, lastModifiedMs, answeredAtMs } = toHead(key, output);
      return { etag, sizeBytes, ...versionOf(versionId), lastModifiedMs, answeredAtMs };
    }
  }

  function putObject(key: string, writeId: string, body: Buffer, options: WriteOptions): Promise<Written> {
    return write('PutObject', key, writeId, body.length, () =>
      client.send(
        new PutObjectCommand({
          Bucket,
          Key: key,
          Body: body,
          Metadata: { ...options.metadata, [WRITE_ID]: writeId },
          ContentType: options.contentType,
          ...conditionHeaders(options.condition),
        }),
      ),
    );
  }

  function uploadRequests(key: string, options: WriteOptions): MultipartRequests<CompletedPart> {
    const writeId = randomUUID();
    return {
      put: (body, condition) => putObject(key, writeId, body, { ...options, condition }),
      async create() {
        const output = await request('CreateMultipartUpload', 'put', () =>
          client.send(
            new CreateMultipartUploadCommand({
              Bucket,
              Key: key,
              Metadata: { ...options.metadata, [WRITE_ID]: writeId },
              ContentType: options.contentType,
              // The client sends a CRC32 with each part of its own accord, and S3 refuses one that was not announced.
              ChecksumAlgorithm: 'CRC32',
            }),
          ),
        );
        return output.UploadId ?? '';
      },
      async uploadPart(UploadId, PartNumber, body, signal) {
        const command = new UploadPartCommand({ Bucket, Key: key, UploadId, PartNumber, Body: body });
        const output = await request('UploadPart', 'put', () => client.send(command, { abortSignal: signal }), {
          signal,
        });
        return { PartNumber, ETag: output.ETag, ChecksumCRC32: output.ChecksumCRC32 };
      },
      complete: (UploadId, parts, sizeBytes, condition) =>
        write('CompleteMultipartUpload', key, writeId, sizeBytes, () =>
          client.send(
            new CompleteMultipartUploadCommand({
              Bucket,
              Key: key,
              UploadId,
              MultipartUpload: { Parts: [...parts] },
              MpuObjectSize: sizeBytes,
              ...conditionHeaders(condition),
            }),
          ),
        ),
      async abort(UploadId) {
        await request('AbortMultipartUpload', 'delete', () =>
          client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId })),
        );
      },
    };
  }

  function getObject(key: string, options: ReadOptions): Promise<GetObjectCommandOutput> {
    const { start, end, versionId, ifMatch, signal } = options;
    const isRange = start !== undefined || end !== undefined;
    const command = new GetObjectCommand({
      Bucket,
      Key: key,
      VersionId: versionId,
      IfMatch: ifMatch === undefined ? undefined : `"${ifMatch}"`,
      Range: isRange ? `bytes=${start ?? 0}-${end ?? ''}` : undefined,
    });
    return request(
      'GetObject',
      'get',
      async () => {
        try {
          const output = await client.send(command, signal ? { abortSignal: signal } : {});
          if (!isRange || output.ContentRange !== undefined) return output;
          (output.Body as Readable).destroy();
          throw new TamisError('storage.refused', { operation: 'a range' });
        } catch (error) {
          if (isMissing(error, versionId)) throw new TamisError('storage.not-found', {}, error);
          throw error;
        }
      },
      { signal },
    );
  }

  async function readEmptyRange(key: string, { versionId, ifMatch }: ReadOptions): Promise<ObjectHead> {
    const output = await findHead(key, versionId);
    if (!output) throw new TamisError('storage.not-found', {});
    const head = toHead(key, output);
    if (ifMatch !== undefined && ifMatch !== head.etag) throw new TamisError('storage.precondition-failed', {});
    return head;
  }

  return {
    uri: (key) => formatS3Location({ bucket, key }),

    async head(key, { versionId } = {}) {
      const output = await findHead(key, versionId);
      return output && toHead(key, output);
    },

    async read(key, options = {}) {
      let output: GetObjectCommandOutput;
      try {
        output = await getObject(key, options);
      } catch (error) {
        const isBeyondEnd = hasCode(error, 'storage.refused') && readServiceError(error.cause)?.statusCode === 416;
        if (!isBeyondEnd) throw error;
        return {
          ...(await readEmptyRange(key, options)),
          body: makeBody({ stream: Readable.from([]), lengthBytes: 0 }),
        };
      }
      const head = toHead(key, output);
      const start = options.start ?? 0;
      const end = Math.min(options.end ?? head.sizeBytes - 1, head.sizeBytes - 1);
      const body = makeBody({
        stream: output.Body as Readable,
        lengthBytes: end - start + 1,
        signal: options.signal,
        isFatal: isChecksumMismatch,
        reopen: async (reachedBytes) => {
          const rest = { ...options, ifMatch: head.etag, start: start + reachedBytes, end };
          return (await getObject(key, rest)).Body as Readable;
        },
      });
      return { ...head, body };
    },

    put: (key, body, options = {}) => putObject(key, randomUUID(), body, options),

    upload: (key, options = {}) => makeMultipartUpload(uploadRequests(key, options)),

    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await request('ListObjectsV2', 'list', () =>
          client.send(
            new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: token, EncodingType: 'url' }),
          ),
        );
        for (const object of page.Contents ?? []) {
          yield {
            key: decodeKey(object.Key, page.EncodingType),
            etag: unquoted(object.ETag),
            sizeBytes: object.Size ?? 0,
            lastModifiedMs: object.LastModified?.getTime() ?? 0,
            answeredAtMs: answeredAtMs(page),
            metadata: {},
          };
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },

    async versions(key) {
      const found: ListedVersion[] = [];
      let from: VersionMarker | undefined = {};
      while (from) {
        const command: ListObjectVersionsCommand = new ListObjectVersionsCommand({
          Bucket,
          Prefix: key,
          EncodingType: 'url',
          ...from,
        });
        const page = await request('ListObjectVersions', 'list', () => client.send(command));
        const listed = [...(page.DeleteMarkers ?? []), ...(page.Versions ?? [])];
        const own = listed.filter((version) => decodeKey(version.Key, page.EncodingType) === key);
        found.push(...own);
        // The key itself comes before every longer key: one of those means that the key's versions are through.
        const isThrough = own.length < listed.length || !page.IsTruncated;
        from = isThrough
          ? undefined
          : { KeyMarker: decodeKey(page.NextKeyMarker, page.EncodingType), VersionIdMarker: page.NextVersionIdMarker };
      }
      const ids = found.sort(byAge).map((version) => version.VersionId);
      return ids.length === 1 && ids[0] === 'null' ? [undefined] : ids;
    },

    async delete(key, { versionId, ifMatch } = {}) {
      await request('DeleteObject', 'delete', async () => {
        try {
          await client.send(
            new DeleteObjectCommand({
              Bucket,
              Key: key,
              VersionId: versionId,
              IfMatch: ifMatch === undefined ? undefined : `"${ifMatch}"`,
            }),
          );
        } catch (error) {
          if (!isMissing(error, undefined)) throw error;
        }
      });
    },
  };
}

/** The Region that a bucket lies in, as S3 says; undefined when it does not. Throws `storage.*` when there is no answer. */
export async function readBucketRegion({ client }: S3Connection, bucket: string): Promise<string | undefined> {
  try {
    return (await client.send(new HeadBucketCommand({ Bucket: bucket }))).BucketRegion;
  } catch (error) {
    // Asked in another Region, S3 refuses and names the right one.
    const { $response } = error as { readonly $response?: { readonly headers?: Readonly<Record<string, string>> } };
    const region = $response?.headers?.['x-amz-bucket-region'];
    if (region !== undefined) return region;
    throw toStorageError(error, 'HeadBucket', 'storage.not-found');
  }
}
