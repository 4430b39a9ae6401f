/**
 * Request bodies: the `aws-chunked` transfer framing with trailers, and every checksum a client may send.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html (read 2026-11-20). Signatures are not verified.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumHeader,
  checksumSizeBytes,
  findAlgorithm,
  makeHasher,
} from './checksums.ts';
import { S3Fault } from './fault.ts';
import type { S3Request } from './request.ts';

/** 5 GiB, the most that one PUT or one part may carry. */
const MAX_BODY_BYTES = 5 * 1024 ** 3;
const MAX_FRAME_LINE_BYTES = 16 * 1024;
/** Of every frame but the last that holds data. */
const MIN_FRAME_BYTES = 8192;

export interface ReceivedBody {
  readonly sizeBytes: number;
  readonly md5: Buffer;
  /** The one that the client sent and that was verified. */
  readonly checksum: Checksum | undefined;
}

/**
 * Reads the body to its end, gives every chunk to `write`, and verifies it.
 * Throws `BadDigest`, `InvalidChunkSizeError`, `InvalidDigest`, `IncompleteBody`, `InvalidRequest`, `MalformedTrailerError`, `MissingContentLength`,
 * `XAmzContentSHA256Mismatch`, `EntityTooLarge`; what was written by then is to be thrown away.
 */
export async function receiveBody(
  request: S3Request,
  write: (chunk: Buffer) => void | Promise<void>,
): Promise<ReceivedBody> {
  const framed =
    /^STREAMING-/.test(request.header('x-amz-content-sha256') ?? '') ||
    /(^|,)\s*aws-chunked\s*(,|$)/.test(request.header('content-encoding') ?? '');
  const announced = announcedSize(request, framed);
  const expectation = readExpectation(request);

  const md5 = createHash('md5');
  const sha256Hex = request.header('x-amz-content-sha256');
  const sha256 = sha256Hex !== undefined && /^[0-9a-f]{64}$/.test(sha256Hex) ? createHash('sha256') : undefined;
  const hasher = expectation && makeHasher(expectation.algorithm);
  const trailers = new Map<string, string>();
  let sizeBytes = 0;
  for await (const chunk of framed ? unframe(request.message, trailers) : wholeBody(request.message)) {
    sizeBytes += chunk.length;
    md5.update(chunk);
    sha256?.update(chunk);
    hasher?.update(chunk);
    await write(chunk);
  }

  if (announced !== undefined && sizeBytes !== announced) throw new S3Fault('IncompleteBody');
  if (sha256 !== undefined && sha256.digest('hex') !== sha256Hex) throw new S3Fault('XAmzContentSHA256Mismatch');
  const digest = md5.digest();
  checkContentMd5(request.header('content-md5'), digest);
  if (expectation === undefined || hasher === undefined) return { sizeBytes, md5: digest, checksum: undefined };

  const { algorithm } = expectation;
  const stated = expectation.value ?? trailers.get(checksumHeader(algorithm));
  if (stated === undefined) throw new S3Fault('MalformedTrailerError');
  const value = hasher.digest().toString('base64');
  checkForm(algorithm, stated);
  if (stated !== value) {
    throw new S3Fault('BadDigest', {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  }
  return { sizeBytes, md5: digest, checksum: { algorithm, value, type: 'FULL_OBJECT' } };
}

function announcedSize(request: S3Request, framed: boolean): number | undefined {
  const text = request.header(framed ? 'x-amz-decoded-content-length' : 'content-length');
  if (text === undefined && (framed || request.header('transfer-encoding') !== undefined)) {
    throw new S3Fault('MissingContentLength');
  }
  if (text === undefined) return 0;
  if (!/^\d+$/.test(text)) throw new S3Fault('InvalidArgument');
  if (Number(text) > MAX_BODY_BYTES) throw new S3Fault('EntityTooLarge');
  return Number(text);
}

function readExpectation(request: S3Request): { algorithm: ChecksumAlgorithm; value: string | undefined } | undefined {
  const sent = checksumAlgorithms.filter((algorithm) => request.header(checksumHeader(algorithm)) !== undefined);
  const trailer = request.header('x-amz-trailer')?.trim().toLowerCase();
  const trailing = checksumAlgorithms.find((algorithm) => checksumHeader(algorithm) === trailer);
  if (trailer !== undefined && trailing === undefined) {
    throw new S3Fault('InvalidRequest', {
      message: 'The value specified in the x-amz-trailer header is not supported',
    });
  }
  if (sent.length + (trailing === undefined ? 0 : 1) > 1) {
    throw new S3Fault('InvalidRequest', { message: 'Expecting a single x-amz-checksum- header' });
  }
  const algorithm = sent[0] ?? trailing;
  const declared = request.header('x-amz-sdk-checksum-algorithm');
  if (declared !== undefined) {
    if (findAlgorithm(declared) === undefined) {
      throw new S3Fault('InvalidRequest', { message: 'Checksum algorithm provided is unsupported.' });
    }
    if (algorithm !== findAlgorithm(declared)) {
      throw new S3Fault('InvalidRequest', {
        message:
          'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
      });
    }
  }
  if (algorithm === undefined) return undefined;
  const value = trailing === undefined ? request.header(checksumHeader(algorithm)) : undefined;
  if (value !== undefined) checkForm(algorithm, value);
  return { algorithm, value };
}

function checkForm(algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== checksumSizeBytes[algorithm] || bytes.toString('base64') !== value) {
    throw new S3Fault('InvalidRequest', { message: `Value for ${checksumHeader(algorithm)} header is invalid.` });
  }
}

function checkContentMd5(stated: string | undefined, digest: Buffer): void {
  if (stated === undefined) return;
  const bytes = Buffer.from(stated, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== stated) throw new S3Fault('InvalidDigest');
  if (!bytes.equals(digest)) throw new S3Fault('BadDigest');
}

async function* wholeBody(message: Readable): AsyncGenerator<Buffer> {
  try {
    // Leaving early must not close the connection: the client is still to read why.
    yield* message.iterator({ destroyOnReturn: false });
  } catch (cause) {
    throw new S3Fault('IncompleteBody', { cause });
  }
}

/** `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<name>:<value>\r\n … \r\n`, whatever the network's own chunking. */
async function* unframe(message: Readable, trailers: Map<string, string>): AsyncGenerator<Buffer> {
  let state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' = 'size';
  let line: Buffer = Buffer.alloc(0);
  let left = 0;
  let frameBytes = MIN_FRAME_BYTES;
  for await (let rest of wholeBody(message)) {
    while (rest.length > 0 && state !== 'done') {
      if (state === 'data') {
        const chunk = rest.subarray(0, left);
        rest = rest.subarray(chunk.length);
        left -= chunk.length;
        if (left === 0) state = 'data-end';
        yield chunk;
        continue;
      }
      const lineEnd = rest.indexOf(0x0a);
      line = Buffer.concat([line, lineEnd === -1 ? rest : rest.subarray(0, lineEnd + 1)]);
      if (line.length > MAX_FRAME_LINE_BYTES) throw new S3Fault('IncompleteBody');
      rest = lineEnd === -1 ? Buffer.alloc(0) : rest.subarray(lineEnd + 1);
      if (lineEnd === -1) continue;
      if (line.at(-2) !== 0x0d) throw new S3Fault('IncompleteBody');
      const text = line.toString('latin1').slice(0, -2);
      line = Buffer.alloc(0);
      if (state === 'size') {
        const match = /^([0-9a-f]{1,12})(;.*)?$/i.exec(text);
        if (match === null) throw new S3Fault('IncompleteBody');
        left = Number.parseInt(match[1]!, 16);
        if (left > 0 && frameBytes < MIN_FRAME_BYTES) throw new S3Fault('InvalidChunkSizeError');
        frameBytes = left;
        state = left === 0 ? 'trailer' : 'data';
      } else if (state === 'data-end') {
        if (text !== '') throw new S3Fault('IncompleteBody');
        state = 'size';
      } else if (text === '') {
        state = 'done';
      } else {
        const colon = text.indexOf(':');
        if (colon <= 0) throw new S3Fault('MalformedTrailerError');
        trailers.set(text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim());
      }
    }
  }
  // Some clients leave out the empty line after the last chunk; the decoded length, checked by the caller, still protects the data.
  if (state !== 'done' && state !== 'trailer') throw new S3Fault('IncompleteBody');
}

/** A small body in memory. Throws `MalformedXML` beyond `maxBytes`, and what `receiveBody` throws. */
export async function receiveSmallBody(
  request: S3Request,
  maxBytes: number,
): Promise<{ readonly bytes: Buffer; readonly checksum: Checksum | undefined }> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const { checksum } = await receiveBody(request, (chunk) => {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new S3Fault('MalformedXML');
    chunks.push(chunk);
  });
  return { bytes: Buffer.concat(chunks), checksum };
}
