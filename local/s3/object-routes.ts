/** Requests on one object. */

import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { type ReceivedBody, receiveBody, receiveSmallBody } from './body.ts';
import type { Bucket } from './bucket.ts';
import { type Checksum, type ChecksumAlgorithm, findAlgorithm, makeHasher } from './checksums.ts';
import { checkReadConditions, readWriteConditions } from './conditions.ts';
import { S3Fault } from './fault.ts';
import { contentHeaders, readContentHeaders, readTagging } from './object-content.ts';
import { type ByteRange, readRange } from './range.ts';
import type { StoredVersion } from './records.ts';
import { checksumHeaders, httpTime, isoTime, type Reply, versionHeader } from './reply.ts';
import { decode, type S3Request } from './request.ts';
import type { Service } from './service.ts';
import { branch, leaf, xmlDocument } from './xml.ts';

const MAX_TAGGING_BYTES = 64 * 1024;

export async function routeObject(service: Service, bucket: Bucket, request: S3Request): Promise<Reply> {
  const { method, query } = request;
  if (query.has('tagging')) return await routeTagging(bucket, request);
  if (method === 'GET' || method === 'HEAD') return await getObject(bucket, request);
  if (method === 'DELETE') return await deleteObject(bucket, request);
  if (method !== 'PUT') throw new S3Fault('MethodNotAllowed');
  if (request.header('x-amz-copy-source') !== undefined) return await copyObject(service, bucket, request);
  return await putObject(bucket, request);
}

/** The version that a request names, or the current one. Throws `NoSuchKey`, `NoSuchVersion`, `MethodNotAllowed` (a delete marker by id). */
export function findVersion(bucket: Bucket, key: string, versionId: string | null): StoredVersion {
  const versions = bucket.record(key)?.versions ?? [];
  const version = versionId === null ? versions[0] : versions.find((candidate) => candidate.versionId === versionId);
  if (version === undefined) {
    throw new S3Fault(versionId === null ? 'NoSuchKey' : 'NoSuchVersion', { details: { Key: key } });
  }
  if (version.isDeleteMarker) {
    const headers = { 'x-amz-delete-marker': 'true', ...versionHeader(bucket, version) };
    if (versionId === null) throw new S3Fault('NoSuchKey', { headers, details: { Key: key } });
    throw new S3Fault('MethodNotAllowed', {
      headers: { ...headers, allow: 'DELETE', 'last-modified': httpTime(version.lastModifiedMs) },
    });
  }
  return version;
}

/** Opens the content of a version; looks again when the object was replaced in between. */
async function openVersion(
  bucket: Bucket,
  key: string,
  versionId: string | null,
): Promise<{ readonly version: StoredVersion; readonly handle: FileHandle }> {
  for (let attempt = 1; ; attempt += 1) {
    const version = findVersion(bucket, key, versionId);
    const handle = await bucket.blobs.open(version.blob).catch((cause: unknown) => {
      if (attempt < 10) return undefined;
      throw new S3Fault('InternalError', { cause });
    });
    if (handle === undefined) continue;
    if ((await handle.stat()).size === version.sizeBytes) return { version, handle };
    await handle.close();
    throw new S3Fault('InternalError', { message: 'The plain file was edited while the server ran; start it again.' });
  }
}

async function getObject(bucket: Bucket, request: S3Request): Promise<Reply> {
  const { version, handle } = await openVersion(bucket, request.key, request.query.get('versionId'));
  try {
    checkReadConditions(request, version);
    const part = readPartNumber(request, version);
    const range = part ?? readRange(request.header('range'), version.sizeBytes);
    const { start, end } = range ?? { start: 0, end: version.sizeBytes - 1 };
    const isWhole = range === undefined || (start === 0 && end === version.sizeBytes - 1);
    const headers = {
      ...contentHeaders(version, request.query),
      ...versionHeader(bucket, version),
      ...(isWhole && request.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED'
        ? checksumHeaders(version.checksum)
        : {}),
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${version.sizeBytes}` }),
      ...(part === undefined ? {} : { 'x-amz-mp-parts-count': String(version.partSizes?.length ?? 1) }),
      'accept-ranges': 'bytes',
      'content-length': String(end - start + 1),
      etag: `"${version.etag}"`,
      'last-modified': httpTime(version.lastModifiedMs),
    };
    return { status: range === undefined ? 200 : 206, headers, file: { handle, start, end } };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The bytes of one part, where `partNumber` asks for them. */
function readPartNumber(request: S3Request, version: StoredVersion): ByteRange | undefined {
  const text = request.query.get('partNumber');
  if (text === null) return undefined;
  if (request.header('range') !== undefined) throw new S3Fault('InvalidRequest');
  const sizes = version.partSizes ?? [version.sizeBytes];
  const sizeBytes = sizes[Number(text) - 1];
  if (sizeBytes === undefined) throw new S3Fault('InvalidRange');
  const start = sizes.slice(0, Number(text) - 1).reduce((sum, size) => sum + size, 0);
  return { start, end: start + sizeBytes - 1 };
}

async function putObject(bucket: Bucket, request: S3Request): Promise<Reply> {
  const conditions = readWriteConditions(request);
  const content = readContentHeaders(request);
  const { blob, filled } = await bucket.blobs.create((write) => receiveBody(request, write));
  const { sizeBytes, md5, checksum } = filled;
  const version = await bucket.put(
    request.key,
    blob,
    { ...content, etag: md5.toString('hex'), sizeBytes, checksum },
    { conditions },
  );
  return {
    status: 200,
    headers: { etag: `"${version.etag}"`, ...checksumHeaders(checksum), ...versionHeader(bucket, version) },
    created: { bucket, key: request.key, by: 'Put', version },
  };
}

async function deleteObject(bucket: Bucket, request: S3Request): Promise<Reply> {
  const versionId = request.query.get('versionId') ?? undefined;
  const deleted = await bucket.delete(request.key, { versionId, ifMatch: request.header('if-match') });
  return {
    status: 204,
    headers: {
      ...(deleted?.isDeleteMarker === true ? { 'x-amz-delete-marker': 'true' } : {}),
      ...(deleted !== undefined && (versionId !== undefined || deleted.isDeleteMarker)
        ? versionHeader(bucket, deleted)
        : {}),
    },
  };
}

/** `x-amz-copy-source` and its conditions. Throws `InvalidArgument` and what reading the source throws. */
export function readCopySource(
  service: Service,
  request: S3Request,
): { readonly bucket: Bucket; readonly key: string; readonly version: StoredVersion } {
  const source = (request.header('x-amz-copy-source') ?? '').replace(/^\//, '');
  const match = /^([^/]+)\/(.+?)(?:\?versionId=([^&]*))?$/s.exec(source);
  if (match === null)
    throw new S3Fault('InvalidArgument', { message: 'Copy Source must mention the source bucket and key' });
  const bucket = service.bucket(decode(match[1]!));
  const key = decode(match[2]!);
  const version = findVersion(bucket, key, match[3] === undefined ? null : decode(match[3]));
  checkReadConditions(request, version, 'x-amz-copy-source-');
  return { bucket, key, version };
}

/** Reads stored bytes as if they had been sent. */
export async function copyContent(
  source: { readonly bucket: Bucket; readonly version: StoredVersion },
  range: ByteRange | undefined,
  algorithm: ChecksumAlgorithm | undefined,
  write: (chunk: Buffer) => Promise<void>,
): Promise<ReceivedBody> {
  const md5 = createHash('md5');
  const hasher = algorithm && makeHasher(algorithm);
  let sizeBytes = 0;
  for await (const chunk of source.bucket.blobs.read(source.version.blob, range)) {
    md5.update(chunk);
    hasher?.update(chunk);
    sizeBytes += chunk.length;
    await write(chunk);
  }
  const checksum: Checksum | undefined = algorithm &&
    hasher && { algorithm, value: hasher.digest().toString('base64'), type: 'FULL_OBJECT' };
  return { sizeBytes, md5: md5.digest(), checksum };
}

async function copyObject(service: Service, bucket: Bucket, request: S3Request): Promise<Reply> {
  const conditions = readWriteConditions(request);
  const source = readCopySource(service, request);
  const replaces = (name: string) => request.header(name)?.toUpperCase() === 'REPLACE';
  const isSelf =
    source.bucket === bucket &&
    source.key === request.key &&
    !request.header('x-amz-copy-source')?.includes('?versionId=');
  if (isSelf && !replaces('x-amz-metadata-directive')) {
    throw new S3Fault('InvalidRequest', {
      message:
        'This copy request is illegal because it is trying to copy an object to itself without changing the object.',
    });
  }
  const sent = readContentHeaders(request);
  const { headers, metadata } = replaces('x-amz-metadata-directive') ? sent : source.version;
  const { tags } = replaces('x-amz-tagging-directive') ? sent : source.version;
  const algorithm = findAlgorithm(
    request.header('x-amz-checksum-algorithm') ?? source.version.checksum?.algorithm ?? '',
  );
  const { blob, filled } = await bucket.blobs.create((write) => copyContent(source, undefined, algorithm, write));
  const { sizeBytes, md5, checksum } = filled;
  const content = { headers, metadata, tags, etag: md5.toString('hex'), sizeBytes, checksum };
  const version = await bucket.put(request.key, blob, content, { conditions });
  return {
    status: 200,
    headers: { ...versionHeader(bucket, version), ...sourceVersionHeader(source) },
    xml: xmlDocument(
      'CopyObjectResult',
      leaf('LastModified', isoTime(version.lastModifiedMs)),
      leaf('ETag', `"${version.etag}"`),
      checksum === undefined ? '' : leaf(`Checksum${checksum.algorithm}`, checksum.value),
    ),
    created: { bucket, key: request.key, by: 'Copy', version },
  };
}

export function sourceVersionHeader(source: {
  readonly bucket: Bucket;
  readonly version: StoredVersion;
}): Record<string, string> {
  const versionId = versionHeader(source.bucket, source.version)['x-amz-version-id'];
  return versionId === undefined ? {} : { 'x-amz-copy-source-version-id': versionId };
}

async function routeTagging(bucket: Bucket, request: S3Request): Promise<Reply> {
  const version = findVersion(bucket, request.key, request.query.get('versionId'));
  const headers = versionHeader(bucket, version);
  switch (request.method) {
    case 'GET': {
      const tags = version.tags.map(([name, value]) => branch('Tag', leaf('Key', name), leaf('Value', value)));
      return { status: 200, headers, xml: xmlDocument('Tagging', branch('TagSet', ...tags)) };
    }
    case 'PUT': {
      const { bytes } = await receiveSmallBody(request, MAX_TAGGING_BYTES);
      await bucket.setTags(request.key, version.versionId, readTagging(bytes));
      return { status: 200, headers };
    }
    case 'DELETE':
      await bucket.setTags(request.key, version.versionId, []);
      return { status: 204, headers };
    default:
      throw new S3Fault('MethodNotAllowed');
  }
}
