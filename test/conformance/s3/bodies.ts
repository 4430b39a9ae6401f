/** What arrives is what was sent: transfer framing, trailers and checksums. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { ChecksumAlgorithm, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import type { RawReply } from './raw.ts';
import { type Check, type CheckContext, refusal, textOf } from './target.ts';

const crc = (text: string) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
};

function frame(pieces: readonly string[], trailers: Readonly<Record<string, string>>): Buffer {
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  const tail = Object.entries(trailers).map(([name, value]) => `${name}:${value}\r\n`);
  return Buffer.from(`${chunks.join('')}0\r\n${tail.join('')}\r\n`);
}

interface Framed {
  readonly body: Buffer;
  readonly decodedBytes: number;
  readonly pieceBytes?: number;
}

async function putFramed(
  { raw, bucket, prefix }: CheckContext,
  { body, decodedBytes, pieceBytes }: Framed,
): Promise<RawReply> {
  return await raw({
    method: 'PUT',
    path: `/${bucket}/${prefix}framed`,
    body,
    headers: {
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': String(decodedBytes),
      'x-amz-trailer': 'x-amz-checksum-crc32',
    },
    ...(pieceBytes === undefined ? {} : { pieceBytes }),
  });
}

async function isAbsent({ client, bucket }: CheckContext, Key: string): Promise<boolean> {
  return (await refusal(client.send(new HeadObjectCommand({ Bucket: bucket, Key })))).status === 404;
}

const algorithmChecks = (['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const).map(
  (algorithm): Check => ({
    title: `a ${algorithm} of the SDK is accepted, kept, and given back on reading`,
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}${algorithm}` };
      const Body = `${algorithm} over these bytes, é included`;

      const put = await client.send(
        new PutObjectCommand({ ...at, Body, ChecksumAlgorithm: ChecksumAlgorithm[algorithm] }),
      );
      const output = await client.send(new GetObjectCommand({ ...at, ChecksumMode: 'ENABLED' }));

      expect(put[`Checksum${algorithm}`]).toBeDefined();
      expect(output[`Checksum${algorithm}`]).toBe(put[`Checksum${algorithm}`]);
      expect(await textOf(output)).toBe(Body);
    },
  }),
);

const wrongChecksums = (
  [
    ['CRC32', 4],
    ['CRC32C', 4],
    ['CRC64NVME', 8],
    ['SHA1', 20],
    ['SHA256', 32],
  ] as const
).map(
  ([algorithm, sizeBytes]): Check => ({
    title: `a wrong ${algorithm} is refused and nothing is stored`,
    run: async (context) => {
      const { raw, bucket, prefix } = context;
      const key = `${prefix}wrong-${algorithm}`;

      const reply = await raw({
        method: 'PUT',
        path: `/${bucket}/${key}`,
        body: Buffer.from('content'),
        headers: { [`x-amz-checksum-${algorithm.toLowerCase()}`]: Buffer.alloc(sizeBytes, 1).toString('base64') },
      });

      expect(reply.status).toBe(400);
      expect(reply.body).toContain('<Code>BadDigest</Code>');
      expect(await isAbsent(context, key)).toBe(true);
    },
  }),
);

export const bodyChecks: readonly Check[] = [
  ...algorithmChecks,
  ...wrongChecksums,
  {
    title: 'a stream of the SDK is stored without its framing, and has the ETag of its content',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}stream` };
      const content = Buffer.alloc(300_000, 'abc,def\n');
      const pieces = [content.subarray(0, 8192), content.subarray(8192, 299_999), content.subarray(299_999)];

      await client.send(new PutObjectCommand({ ...at, Body: Readable.from(pieces), ContentLength: content.length }));
      const output = await client.send(new GetObjectCommand(at));
      const bytes = Buffer.from((await output.Body?.transformToByteArray()) ?? []);

      expect(bytes.equals(content)).toBe(true);
      expect(output.ETag).toBe(`"${createHash('md5').update(content).digest('hex')}"`);
    },
  },
  {
    title: 'the framing of a stream does not show in the content encoding',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}stream` };
      const Body = Readable.from([Buffer.from('hello')]);
      await client.send(new PutObjectCommand({ ...at, Body, ContentLength: 5, ContentEncoding: 'gzip' }));

      const head = await client.send(new HeadObjectCommand(at));

      expect(head.ContentEncoding).toBe('gzip');
    },
  },
  {
    title: 'framing that the network cuts anywhere is decoded the same',
    run: async (context) => {
      const pieces = ['x'.repeat(8192), '0\r\n\r\n'.repeat(2000), 'é\r\n0\r\n\r\n world'];
      const text = pieces.join('');
      const body = frame(pieces, { 'x-amz-checksum-crc32': crc(text) });

      for (const pieceBytes of [997, 8192, 8199, body.length]) {
        const reply = await putFramed(context, { body, decodedBytes: Buffer.byteLength(text), pieceBytes });
        expect(reply.status).toBe(200);
        const at = { Bucket: context.bucket, Key: `${context.prefix}framed` };
        expect(await textOf(await context.client.send(new GetObjectCommand(at)))).toBe(text);
      }
    },
  },
  {
    title: 'a frame of less than 8 KiB that is not the last is refused',
    run: async (context) => {
      const pieces = ['x'.repeat(8191), 'y'];
      const body = frame(pieces, { 'x-amz-checksum-crc32': crc(pieces.join('')) });

      const reply = await putFramed(context, { body, decodedBytes: 8192 });

      expect(reply.status).toBe(400);
      expect(reply.body).toContain('<Code>InvalidChunkSizeError</Code>');
    },
  },
  {
    title: 'a trailer with a wrong checksum is refused and nothing is stored',
    run: async (context) => {
      const body = frame(['hello'], { 'x-amz-checksum-crc32': crc('other') });

      const reply = await putFramed(context, { body, decodedBytes: 5 });

      expect(reply.status).toBe(400);
      expect(reply.body).toContain('<Code>BadDigest</Code>');
      expect(await isAbsent(context, `${context.prefix}framed`)).toBe(true);
    },
  },
  {
    title: 'an announced trailer that does not come is refused',
    run: async (context) => {
      const reply = await putFramed(context, { body: frame(['hello'], {}), decodedBytes: 5 });

      expect(reply.status).toBe(400);
      expect(await isAbsent(context, `${context.prefix}framed`)).toBe(true);
    },
  },
  {
    title: 'a framed body that is not as long as announced is refused',
    run: async (context) => {
      const body = frame(['hello'], { 'x-amz-checksum-crc32': crc('hello') });

      const shorter = await putFramed(context, { body, decodedBytes: 6 });
      const longer = await putFramed(context, { body, decodedBytes: 4 });

      expect([shorter.status, longer.status]).toEqual([400, 400]);
      expect(await isAbsent(context, `${context.prefix}framed`)).toBe(true);
    },
  },
  {
    title: 'a wrong Content-MD5 is refused, a right one accepted, an impossible one refused',
    run: async (context) => {
      const { raw, bucket, prefix } = context;
      const md5 = (text: string) => createHash('md5').update(text).digest('base64');
      const put = (digest: string) =>
        raw({
          method: 'PUT',
          path: `/${bucket}/${prefix}md5`,
          body: Buffer.from('content'),
          headers: { 'content-md5': digest },
        });

      const wrong = await put(md5('other'));
      const impossible = await put('bm90IGEgZGlnZXN0');
      const absent = await isAbsent(context, `${prefix}md5`);
      const right = await put(md5('content'));

      expect(wrong.body).toContain('<Code>BadDigest</Code>');
      expect(impossible.body).toContain('<Code>InvalidDigest</Code>');
      expect(absent).toBe(true);
      expect(right.status).toBe(200);
    },
  },
  {
    title: 'a body that does not have the signed SHA-256 is refused',
    run: async ({ raw, bucket, prefix }) => {
      const put = (signedText: string) =>
        raw({
          method: 'PUT',
          path: `/${bucket}/${prefix}sha`,
          body: Buffer.from('content'),
          headers: { 'x-amz-content-sha256': createHash('sha256').update(signedText).digest('hex') },
        });

      expect((await put('other')).body).toContain('<Code>XAmzContentSHA256Mismatch</Code>');
      expect((await put('content')).status).toBe(200);
    },
  },
  {
    title: 'two checksums at once are refused',
    run: async ({ raw, bucket, prefix }) => {
      const reply = await raw({
        method: 'PUT',
        path: `/${bucket}/${prefix}two`,
        body: Buffer.from('content'),
        headers: {
          'x-amz-checksum-crc32': crc('content'),
          'x-amz-checksum-sha256': createHash('sha256').update('content').digest('base64'),
        },
      });

      expect(reply.status).toBe(400);
      expect(reply.body).toContain('<Code>InvalidRequest</Code>');
    },
  },
];
