/** Requests on the service and on a bucket. */
import { receiveSmallBody } from './body.ts';
import type { Bucket } from './bucket.ts';
import { S3Fault } from './fault.ts';
import { encodeKey, liesAfter, type Page, pageOf } from './listing.ts';
import { MAX_PART_NUMBER, Uploads } from './multipart.ts';
import type { StoredVersion } from './records.ts';
import { isoTime, type Reply } from './reply.ts';
import { readCount, type S3Request } from './request.ts';
import type { Service } from './service.ts';
import { branch, childrenNamed, childText, leaf, readXml, xmlDocument } from './xml.ts';

const MAX_PAGE = 1000;
const MAX_REQUEST_XML_BYTES = 2 * 1024 ** 2;
const owner = branch('Owner', leaf('ID', 'local'), leaf('DisplayName', 'local'));

export function listBuckets(service: Service): Reply {
  const buckets = service
    .list()
    .map(({ name, createdAtMs }) => branch('Bucket', leaf('Name', name), leaf('CreationDate', isoTime(createdAtMs))));
  return { status: 200, xml: xmlDocument('ListAllMyBucketsResult', owner, branch('Buckets', ...buckets)) };
}

export async function routeBucket(service: Service, request: S3Request): Promise<Reply> {
  const { method, query } = request;
  if (method === 'PUT' && !query.has('versioning')) {
    await receiveSmallBody(request, MAX_REQUEST_XML_BYTES);
    await service.create(request.bucket);
    return { status: 200, headers: { location: `/${request.bucket}` } };
  }
  const bucket = service.bucket(request.bucket);
  if (method === 'HEAD') return { status: 200, headers: { 'x-amz-bucket-region': service.region } };
  if (method === 'DELETE') {
    await service.remove(request.bucket);
    return { status: 204 };
  }
  if (method === 'PUT') return await putVersioning(bucket, request);
  if (method === 'POST' && query.has('delete')) return await deleteObjects(bucket, request);
  if (method !== 'GET') throw new S3Fault('MethodNotAllowed');
  if (query.has('location')) {
    const place = service.region === 'us-east-1' ? '' : service.region;
    return { status: 200, xml: xmlDocument('LocationConstraint', place) };
  }
  if (query.has('versioning')) {
    return { status: 200, xml: xmlDocument('VersioningConfiguration', leaf('Status', bucket.versioning)) };
  }
  if (query.has('uploads')) return await listUploads(bucket, query);
  if (query.has('versions')) return listVersions(bucket, query);
  return listObjects(bucket, query, query.get('list-type') === '2');
}

async function putVersioning(bucket: Bucket, request: S3Request): Promise<Reply> {
  const { bytes } = await receiveSmallBody(request, MAX_REQUEST_XML_BYTES);
  const status = childText(readXml(bytes, 'VersioningConfiguration'), 'Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Fault('MalformedXML');
  await bucket.setVersioning(status);
  return { status: 200 };
}

interface ListQuery {
  readonly prefix: string;
  readonly delimiter: string;
  readonly limit: number;
  readonly encoding: string | undefined;
  /** A key as the client wants it. */
  readonly write: (key: string) => string;
}

function readListQuery(query: URLSearchParams, limitName: string): ListQuery {
  const encoding = query.get('encoding-type') ?? undefined;
  if (encoding !== undefined && encoding !== 'url') {
    throw new S3Fault('InvalidArgument', { message: 'Invalid Encoding Method specified in Request' });
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    limit: readCount(query, limitName, 0, MAX_PAGE, MAX_PAGE),
    encoding,
    write: encoding === 'url' ? encodeKey : (key) => key,
  };
}

function commonPrefixes(page: Page<unknown>, write: ListQuery['write']): string {
  return page.commonPrefixes.map((prefix) => branch('CommonPrefixes', leaf('Prefix', write(prefix)))).join('');
}

function listObjects(bucket: Bucket, query: URLSearchParams, isV2: boolean): Reply {
  const { prefix, delimiter, limit, encoding, write } = readListQuery(query, 'max-keys');
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after');
  const marker = isV2 ? (token === null ? (startAfter ?? '') : readToken(token)) : (query.get('marker') ?? '');
  const objects = bucket
    .sortedKeys()
    .map((key) => [key, bucket.current(key)] as const)
    .filter((entry): entry is readonly [string, StoredVersion] => entry[1] !== undefined);
  const isAfter = (key: string) => liesAfter(key, marker, delimiter);
  const page = pageOf(objects, ([key]) => key, { prefix, delimiter, limit, isAfter });

  const last = page.last === undefined ? '' : 'item' in page.last ? page.last.item[0] : page.last.commonPrefix;
  const contents = page.items.map(([key, version]) =>
    branch(
      'Contents',
      leaf('Key', write(key)),
      leaf('LastModified', isoTime(version.lastModifiedMs)),
      leaf('ETag', `"${version.etag}"`),
      leaf('ChecksumAlgorithm', version.checksum?.algorithm),
      leaf('ChecksumType', version.checksum?.type),
      leaf('Size', version.sizeBytes),
      !isV2 || query.get('fetch-owner') === 'true' ? owner : '',
      leaf('StorageClass', 'STANDARD'),
    ),
  );
  const paging = isV2
    ? [
        leaf('KeyCount', page.items.length + page.commonPrefixes.length),
        leaf('ContinuationToken', token ?? undefined),
        leaf('NextContinuationToken', page.isTruncated ? makeToken(last) : undefined),
        leaf('StartAfter', startAfter === null ? undefined : write(startAfter)),
      ]
    : [leaf('Marker', write(marker)), leaf('NextMarker', page.isTruncated ? write(last) : undefined)];
  return {
    status: 200,
    xml: xmlDocument(
      'ListBucketResult',
      leaf('Name', bucket.name),
      leaf('Prefix', write(prefix)),
      leaf('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      leaf('MaxKeys', limit),
      leaf('EncodingType', encoding),
      leaf('IsTruncated', page.isTruncated),
      ...paging,
      ...contents,
      commonPrefixes(page, write),
    ),
  };
}

function makeToken(marker: string): string {
  return Buffer.from(`1${marker}`).toString('base64url');
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (!text.startsWith('1'))
    throw new S3Fault('InvalidArgument', { message: 'The continuation token provided is incorrect' });
  return text.slice(1);
}

function listVersions(bucket: Bucket, query: URLSearchParams): Reply {
  const { prefix, delimiter, limit, encoding, write } = readListQuery(query, 'max-keys');
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker') ?? '';
  const entries = bucket.sortedKeys().flatMap((key) => {
    const versions = bucket.record(key)?.versions ?? [];
    return versions.map((version, index) => ({ key, version, isLatest: index === 0 }));
  });
  const markerIndex = entries.findIndex(({ key, version }) => key === keyMarker && version.versionId === versionMarker);
  const isAfter = (key: string, index: number) =>
    markerIndex === -1 ? liesAfter(key, keyMarker, delimiter) : index > markerIndex;
  const page = pageOf(entries, ({ key }) => key, { prefix, delimiter, limit, isAfter });

  const items = page.items.map(({ key, version, isLatest }) =>
    branch(
      version.isDeleteMarker ? 'DeleteMarker' : 'Version',
      leaf('Key', write(key)),
      leaf('VersionId', version.versionId),
      leaf('IsLatest', isLatest),
      leaf('LastModified', isoTime(version.lastModifiedMs)),
      ...(version.isDeleteMarker
        ? []
        : [leaf('ETag', `"${version.etag}"`), leaf('Size', version.sizeBytes), leaf('StorageClass', 'STANDARD')]),
      owner,
    ),
  );
  const next = page.isTruncated ? page.last : undefined;
  const nextKey = next === undefined ? undefined : 'item' in next ? next.item.key : next.commonPrefix;
  return {
    status: 200,
    xml: xmlDocument(
      'ListVersionsResult',
      leaf('Name', bucket.name),
      leaf('Prefix', write(prefix)),
      leaf('KeyMarker', write(keyMarker)),
      leaf('VersionIdMarker', versionMarker),
      leaf('NextKeyMarker', nextKey === undefined ? undefined : write(nextKey)),
      leaf('NextVersionIdMarker', next !== undefined && 'item' in next ? next.item.version.versionId : undefined),
      leaf('MaxKeys', limit),
      leaf('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      leaf('EncodingType', encoding),
      leaf('IsTruncated', page.isTruncated),
      ...items,
      commonPrefixes(page, write),
    ),
  };
}

async function listUploads(bucket: Bucket, query: URLSearchParams): Promise<Reply> {
  const { prefix, delimiter, limit, encoding, write } = readListQuery(query, 'max-uploads');
  const keyMarker = query.get('key-marker') ?? '';
  const uploadMarker = query.get('upload-id-marker') ?? '';
  const uploads = await new Uploads(bucket).list();
  const markerIndex = uploads.findIndex(({ key, uploadId }) => key === keyMarker && uploadId === uploadMarker);
  const isAfter = (key: string, index: number) =>
    markerIndex === -1 ? liesAfter(key, keyMarker, delimiter) : index > markerIndex;
  const page = pageOf(uploads, ({ key }) => key, { prefix, delimiter, limit, isAfter });

  const items = page.items.map(({ key, uploadId, initiatedMs, checksum }) =>
    branch(
      'Upload',
      leaf('Key', write(key)),
      leaf('UploadId', uploadId),
      leaf('Initiated', isoTime(initiatedMs)),
      leaf('ChecksumAlgorithm', checksum?.algorithm),
      leaf('ChecksumType', checksum?.type),
      leaf('StorageClass', 'STANDARD'),
      owner,
    ),
  );
  const next = page.isTruncated ? page.last : undefined;
  const nextKey = next === undefined ? undefined : 'item' in next ? next.item.key : next.commonPrefix;
  return {
    status: 200,
    xml: xmlDocument(
      'ListMultipartUploadsResult',
      leaf('Bucket', bucket.name),
      leaf('KeyMarker', write(keyMarker)),
      leaf('UploadIdMarker', uploadMarker),
      leaf('NextKeyMarker', nextKey === undefined ? undefined : write(nextKey)),
      leaf('NextUploadIdMarker', next !== undefined && 'item' in next ? next.item.uploadId : undefined),
      leaf('Prefix', write(prefix)),
      leaf('Delimiter', delimiter === '' ? undefined : write(delimiter)),
      leaf('MaxUploads', Math.min(limit, MAX_PART_NUMBER)),
      leaf('EncodingType', encoding),
      leaf('IsTruncated', page.isTruncated),
      ...items,
      commonPrefixes(page, write),
    ),
  };
}

async function deleteObjects(bucket: Bucket, request: S3Request): Promise<Reply> {
  const { bytes, checksum } = await receiveSmallBody(request, MAX_REQUEST_XML_BYTES);
  if (checksum === undefined && request.header('content-md5') === undefined) {
    throw new S3Fault('InvalidRequest', {
      message: 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*',
    });
  }
  const body = readXml(bytes, 'Delete');
  const isQuiet = childText(body, 'Quiet') === 'true';
  const objects = childrenNamed(body, 'Object');
  if (objects.length === 0 || objects.length > MAX_PAGE) throw new S3Fault('MalformedXML');
  const results: string[] = [];
  for (const object of objects) {
    const key = childText(object, 'Key') ?? '';
    if (key === '') throw new S3Fault('MalformedXML');
    const versionId = childText(object, 'VersionId') || undefined;
    try {
      const deleted = await bucket.delete(key, { versionId, ifMatch: childText(object, 'ETag') });
      const isMarker = deleted?.isDeleteMarker === true;
      if (isQuiet) continue;
      results.push(
        branch(
          'Deleted',
          leaf('Key', key),
          leaf('VersionId', versionId),
          leaf('DeleteMarker', isMarker ? true : undefined),
          leaf('DeleteMarkerVersionId', isMarker ? deleted.versionId : undefined),
        ),
      );
    } catch (error) {
      if (!(error instanceof S3Fault)) throw error;
      results.push(
        branch(
          'Error',
          leaf('Key', key),
          leaf('VersionId', versionId),
          leaf('Code', error.code),
          leaf('Message', error.message),
        ),
      );
    }
  }
  return { status: 200, xml: xmlDocument('DeleteResult', ...results) };
}
