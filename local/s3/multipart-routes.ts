/** Requests on a multipart upload. */
import { receiveBody, receiveSmallBody } from './body.ts';
import type { Bucket } from './bucket.ts';
import { checksumAlgorithms, checksumElement, checksumHeader, findAlgorithm } from './checksums.ts';
import { readWriteConditions } from './conditions.ts';
import { S3Fault } from './fault.ts';
import { MAX_PART_NUMBER, type NamedPart, type Part, type UploadHead, Uploads } from './multipart.ts';
import { readContentHeaders } from './object-content.ts';
import { copyContent, readCopySource, sourceVersionHeader } from './object-routes.ts';
import { readRange } from './range.ts';
import { checksumHeaders, isoTime, type Reply, versionHeader } from './reply.ts';
import { readCount, type S3Request } from './request.ts';
import type { Service } from './service.ts';
import { branch, childrenNamed, childText, leaf, readXml, type XmlElement, xmlDocument } from './xml.ts';

const MAX_COMPLETION_BYTES = 8 * 1024 ** 2;
const MAX_LISTED_PARTS = 1000;

export async function routeMultipart(service: Service, bucket: Bucket, request: S3Request): Promise<Reply> {
  const uploads = new Uploads(bucket);
  const { method, query, key } = request;
  const uploadId = query.get('uploadId') ?? '';
  if (method === 'POST' && query.has('uploads')) return await create(uploads, bucket, request);
  if (method === 'POST') return await complete(uploads, bucket, request, uploadId);
  if (method === 'PUT') return await putPart(service, uploads, request, uploadId);
  if (method === 'GET') return await listParts(uploads, bucket, request, uploadId);
  if (method !== 'DELETE') throw new S3Fault('MethodNotAllowed');
  await uploads.abort(key, uploadId);
  return { status: 204 };
}

async function create(uploads: Uploads, bucket: Bucket, request: S3Request): Promise<Reply> {
  await receiveSmallBody(request, MAX_COMPLETION_BYTES);
  const { uploadId } = await uploads.create(request.key, readContentHeaders(request), readChecksumPlan(request));
  return {
    status: 200,
    headers: {},
    xml: xmlDocument(
      'InitiateMultipartUploadResult',
      leaf('Bucket', bucket.name),
      leaf('Key', request.key),
      leaf('UploadId', uploadId),
    ),
  };
}

function readChecksumPlan(request: S3Request): UploadHead['checksum'] {
  const name = request.header('x-amz-checksum-algorithm');
  const type = request.header('x-amz-checksum-type')?.toUpperCase();
  if (name === undefined && type === undefined) return undefined;
  const algorithm = findAlgorithm(name ?? '');
  if (algorithm === undefined) {
    throw new S3Fault('InvalidRequest', { message: 'Checksum algorithm provided is unsupported.' });
  }
  if (type !== undefined && type !== 'FULL_OBJECT' && type !== 'COMPOSITE') throw new S3Fault('InvalidRequest');
  const isImpossible =
    (algorithm === 'CRC64NVME' && type === 'COMPOSITE') || (algorithm.startsWith('SHA') && type === 'FULL_OBJECT');
  if (isImpossible)
    throw new S3Fault('InvalidRequest', { message: `The ${type} checksum type cannot be used with ${algorithm}.` });
  return { algorithm, type: type ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE') };
}

async function putPart(service: Service, uploads: Uploads, request: S3Request, uploadId: string): Promise<Reply> {
  const partNumber = Number(request.query.get('partNumber') ?? '');
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > MAX_PART_NUMBER) {
    throw new S3Fault('InvalidArgument', {
      message: `Part number must be an integer between 1 and ${MAX_PART_NUMBER}`,
    });
  }
  const upload = await uploads.find(request.key, uploadId);
  if (request.header('x-amz-copy-source') === undefined) {
    const part = await uploads.putPart(upload, partNumber, (write) => receiveBody(request, write));
    return { status: 200, headers: { etag: `"${part.etag}"`, ...checksumHeaders(part.received) } };
  }
  const source = readCopySource(service, request);
  const rangeHeader = request.header('x-amz-copy-source-range');
  const range = readRange(rangeHeader, source.version.sizeBytes);
  const isBeyond = range !== undefined && !rangeHeader?.endsWith(`-${range.end}`);
  if (rangeHeader !== undefined && (range === undefined || isBeyond)) {
    throw new S3Fault('InvalidArgument', {
      message: 'The x-amz-copy-source-range value must be of the form bytes=first-last within the source',
    });
  }
  const part = await uploads.putPart(upload, partNumber, (write) =>
    copyContent(source, range, upload.checksum?.algorithm, write),
  );
  return {
    status: 200,
    headers: sourceVersionHeader(source),
    xml: xmlDocument(
      'CopyPartResult',
      leaf('LastModified', isoTime(part.lastModifiedMs)),
      leaf('ETag', `"${part.etag}"`),
      partChecksum(part),
    ),
  };
}

function partChecksum({ checksum }: Part): string {
  return checksum === undefined ? '' : leaf(checksumElement(checksum.algorithm), checksum.value);
}

async function complete(uploads: Uploads, bucket: Bucket, request: S3Request, uploadId: string): Promise<Reply> {
  const conditions = readWriteConditions(request);
  const statedSize = request.header('x-amz-mp-object-size');
  const statedAlgorithm = checksumAlgorithms.find(
    (algorithm) => request.header(checksumHeader(algorithm)) !== undefined,
  );
  // The checksum headers of this request are about the object, not about this body.
  const body = await receiveSmallBody(
    { ...request, header: (name) => bodyHeader(request, name) },
    MAX_COMPLETION_BYTES,
  );
  const version = await uploads.complete(request.key, uploadId, readParts(body.bytes), {
    conditions,
    statedSizeBytes: statedSize === undefined ? undefined : Number(statedSize),
    statedChecksum: statedAlgorithm && {
      algorithm: statedAlgorithm,
      value: request.header(checksumHeader(statedAlgorithm)) ?? '',
    },
  });
  return {
    status: 200,
    headers: versionHeader(bucket, version),
    xml: xmlDocument(
      'CompleteMultipartUploadResult',
      leaf('Location', `/${bucket.name}/${encodeURI(request.key)}`),
      leaf('Bucket', bucket.name),
      leaf('Key', request.key),
      leaf('ETag', `"${version.etag}"`),
      version.checksum === undefined ? '' : leaf(checksumElement(version.checksum.algorithm), version.checksum.value),
      leaf('ChecksumType', version.checksum?.type),
    ),
    created: { bucket, key: request.key, by: 'CompleteMultipartUpload', version },
  };
}

function bodyHeader(request: S3Request, name: string): string | undefined {
  return name.startsWith('x-amz-checksum-') || name === 'x-amz-sdk-checksum-algorithm'
    ? undefined
    : request.header(name);
}

function readParts(body: Buffer): readonly NamedPart[] {
  return childrenNamed(readXml(body, 'CompleteMultipartUpload'), 'Part').map((part: XmlElement) => {
    const partNumber = Number(childText(part, 'PartNumber') ?? '');
    if (!Number.isInteger(partNumber) || partNumber < 1) throw new S3Fault('MalformedXML');
    return {
      partNumber,
      etag: (childText(part, 'ETag') ?? '').replace(/^"|"$/g, ''),
      checksums: checksumAlgorithms.flatMap((algorithm) => {
        const value = childText(part, checksumElement(algorithm));
        return value === undefined || value === '' ? [] : [{ algorithm, value }];
      }),
    };
  });
}

async function listParts(uploads: Uploads, bucket: Bucket, request: S3Request, uploadId: string): Promise<Reply> {
  const upload = await uploads.find(request.key, uploadId);
  const marker = readCount(request.query, 'part-number-marker', 0, MAX_PART_NUMBER, 0);
  const limit = readCount(request.query, 'max-parts', 0, MAX_LISTED_PARTS, MAX_LISTED_PARTS);
  const rest = (await uploads.parts(upload)).filter(({ partNumber }) => partNumber > marker);
  const page = rest.slice(0, limit);
  return {
    status: 200,
    xml: xmlDocument(
      'ListPartsResult',
      leaf('Bucket', bucket.name),
      leaf('Key', request.key),
      leaf('UploadId', uploadId),
      leaf('PartNumberMarker', marker),
      leaf('NextPartNumberMarker', page.at(-1)?.partNumber ?? 0),
      leaf('MaxParts', limit),
      leaf('IsTruncated', rest.length > page.length),
      leaf('ChecksumAlgorithm', upload.checksum?.algorithm),
      leaf('ChecksumType', upload.checksum?.type),
      ...page.map((part) =>
        branch(
          'Part',
          leaf('PartNumber', part.partNumber),
          leaf('LastModified', isoTime(part.lastModifiedMs)),
          leaf('ETag', `"${part.etag}"`),
          leaf('Size', part.sizeBytes),
          partChecksum(part),
        ),
      ),
    ),
  };
}
