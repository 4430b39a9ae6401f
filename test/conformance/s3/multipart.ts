/** Multipart uploads. */
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import { type Check, type CheckContext, refusal } from './target.ts';

const MIB = 1024 ** 2;
const part = (fill: string, sizeBytes = 5 * MIB) => Buffer.alloc(sizeBytes, fill);
const md5 = (data: Buffer) => createHash('md5').update(data).digest();

interface Upload {
  readonly at: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined };
  send(partNumber: number, Body: Buffer): Promise<CompletedPart>;
  complete(Parts: CompletedPart[], more?: object): Promise<unknown>;
}

async function begin({ client, bucket, prefix }: CheckContext, name: string, more: object = {}): Promise<Upload> {
  const object = { Bucket: bucket, Key: prefix + name };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...object, ...more }));
  const at = { ...object, UploadId };
  return {
    at,
    send: async (PartNumber, Body) => {
      const sent = await client.send(new UploadPartCommand({ ...at, PartNumber, Body }));
      return {
        PartNumber,
        ETag: sent.ETag,
        ...('ChecksumAlgorithm' in more ? { ChecksumCRC32: sent.ChecksumCRC32 } : {}),
      };
    },
    complete: (Parts, options = {}) =>
      client.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts }, ...options })),
  };
}

export const multipartChecks: readonly Check[] = [
  {
    title: 'parts are joined in order, whatever order they came in, and the ETag is the MD5 of their MD5s',
    run: async (context) => {
      const { client, bucket } = context;
      const upload = await begin(context, 'joined', { ContentType: 'text/csv', Metadata: { job: '7' } });
      const [one, two, three] = [part('a'), part('b', 6 * MIB), Buffer.from('end')];

      const third = await upload.send(9, three);
      const first = await upload.send(1, one);
      const second = await upload.send(4, two);
      await upload.complete([first, second, third]);

      const output = await client.send(new GetObjectCommand({ Bucket: bucket, Key: upload.at.Key }));
      const etag = md5(Buffer.concat([md5(one), md5(two), md5(three)])).toString('hex');
      expect(output.ETag).toBe(`"${etag}-3"`);
      expect(output.ContentType).toBe('text/csv');
      expect(output.Metadata).toEqual({ job: '7' });
      const bytes = Buffer.from((await output.Body?.transformToByteArray()) ?? []);
      expect(bytes.equals(Buffer.concat([one, two, three]))).toBe(true);
    },
  },
  {
    title: 'nothing is visible under the key before completion',
    run: async (context) => {
      const upload = await begin(context, 'hidden');
      await upload.send(1, part('a'));

      const head = context.client.send(new HeadObjectCommand({ Bucket: context.bucket, Key: upload.at.Key }));

      expect((await refusal(head)).status).toBe(404);
    },
  },
  {
    title: 'a part below 5 MiB that is not the last is refused on completion',
    run: async (context) => {
      const upload = await begin(context, 'small');
      const parts = [await upload.send(1, part('a', 5 * MIB - 1)), await upload.send(2, part('b', 10))];

      expect(await refusal(upload.complete(parts))).toEqual({ name: 'EntityTooSmall', status: 400 });
    },
  },
  {
    title: 'parts out of order, unknown parts, wrong ETags and no parts at all are refused on completion',
    run: async (context) => {
      const upload = await begin(context, 'wrong');
      const one = await upload.send(1, part('a'));
      const two = await upload.send(2, part('b'));
      const wrong = { PartNumber: 2, ETag: '"00000000000000000000000000000000"' };

      expect((await refusal(upload.complete([two, one]))).name).toBe('InvalidPartOrder');
      expect((await refusal(upload.complete([one, { ...two, PartNumber: 3 }]))).name).toBe('InvalidPart');
      expect((await refusal(upload.complete([one, wrong]))).name).toBe('InvalidPart');
      expect((await refusal(upload.complete([]))).name).toBe('MalformedXML');
    },
  },
  {
    title: 'a part that is sent twice counts as it was sent last',
    run: async (context) => {
      const { client, bucket } = context;
      const upload = await begin(context, 'twice');
      await upload.send(1, Buffer.from('old'));
      const again = await upload.send(1, Buffer.from('new'));

      await upload.complete([again]);

      const output = await client.send(new GetObjectCommand({ Bucket: bucket, Key: upload.at.Key }));
      expect(await output.Body?.transformToString()).toBe('new');
    },
  },
  {
    title: 'a stated object size that is not that of the parts is refused',
    run: async (context) => {
      const upload = await begin(context, 'stated');
      const parts = [await upload.send(1, part('a')), await upload.send(2, Buffer.from('end'))];

      const short = await refusal(upload.complete(parts, { MpuObjectSize: 5 * MIB }));
      const right = await refusal(upload.complete(parts, { MpuObjectSize: 5 * MIB + 3 }));

      expect(short.status).toBe(400);
      expect(right.status).toBe(200);
    },
  },
  {
    title: 'parts are listed in pages with number, size and ETag',
    run: async (context) => {
      const { client } = context;
      const upload = await begin(context, 'listed');
      const sent = [await upload.send(2, part('b', 20)), await upload.send(1, part('a', 10))];

      const first = await client.send(new ListPartsCommand({ ...upload.at, MaxParts: 1 }));
      const second = await client.send(
        new ListPartsCommand({ ...upload.at, MaxParts: 1, PartNumberMarker: first.NextPartNumberMarker }),
      );

      expect(first.IsTruncated).toBe(true);
      expect(second.IsTruncated).toBe(false);
      expect([...(first.Parts ?? []), ...(second.Parts ?? [])]).toMatchObject([
        { PartNumber: 1, Size: 10, ETag: sent[1]?.ETag },
        { PartNumber: 2, Size: 20, ETag: sent[0]?.ETag },
      ]);
    },
  },
  {
    title: 'uploads in progress are listed, and an aborted one is gone with its parts',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const kept = await begin(context, 'kept');
      const aborted = await begin(context, 'aborted');
      await aborted.send(1, Buffer.from('x'));
      const list = async () =>
        (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))).Uploads?.map(
          ({ UploadId }) => UploadId,
        );

      const before = await list();
      await client.send(new AbortMultipartUploadCommand(aborted.at));

      expect(new Set(before)).toEqual(new Set([kept.at.UploadId, aborted.at.UploadId]));
      expect(await list()).toEqual([kept.at.UploadId]);
      expect((await refusal(client.send(new ListPartsCommand(aborted.at)))).name).toBe('NoSuchUpload');
      expect((await refusal(aborted.send(2, Buffer.from('y')))).name).toBe('NoSuchUpload');
    },
  },
  {
    title: 'a part number outside 1 to 10,000 is refused',
    run: async (context) => {
      const upload = await begin(context, 'numbers');

      expect((await refusal(upload.send(10_001, Buffer.from('x')))).name).toBe('InvalidArgument');
      expect((await refusal(upload.send(0, Buffer.from('x')))).name).toBe('InvalidArgument');
    },
  },
  {
    title: 'a part is copied from a range of another object',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const source = `${prefix}source +.csv`;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: source, Body: '0123456789' }));
      const upload = await begin(context, 'copied');

      const copy = await client.send(
        new UploadPartCopyCommand({
          ...upload.at,
          PartNumber: 1,
          CopySource: `${bucket}/${encodeURIComponent(source)}`,
          CopySourceRange: 'bytes=3-6',
        }),
      );
      const { ETag } = copy.CopyPartResult ?? {};
      await upload.complete([{ PartNumber: 1, ETag }]);

      const output = await client.send(new GetObjectCommand({ Bucket: bucket, Key: upload.at.Key }));
      expect(await output.Body?.transformToString()).toBe('3456');
      expect(ETag).toBe(`"${md5(Buffer.from('3456')).toString('hex')}"`);
    },
  },
  {
    title: 'an upload announced with a composite CRC32 has the CRC32 of its parts behind it',
    run: async (context) => {
      const { client, bucket } = context;
      const upload = await begin(context, 'composite', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'COMPOSITE' });
      const parts = [await upload.send(1, part('a')), await upload.send(2, Buffer.from('end'))];

      await upload.complete(parts);

      const head = await client.send(
        new HeadObjectCommand({ Bucket: bucket, Key: upload.at.Key, ChecksumMode: 'ENABLED' }),
      );
      expect(head.ChecksumType).toBe('COMPOSITE');
      expect(head.ChecksumCRC32).toMatch(/^[A-Za-z0-9+/]{6}==-2$/);
    },
  },
  {
    title: 'an upload announced with a composite checksum is not completed without the checksum of each part',
    run: async (context) => {
      const upload = await begin(context, 'unnamed', { ChecksumAlgorithm: 'CRC32' });
      const { PartNumber, ETag } = await upload.send(1, Buffer.from('x'));

      expect(await refusal(upload.complete([{ PartNumber, ETag }]))).toEqual({ name: 'InvalidRequest', status: 400 });
    },
  },
  {
    title: 'an upload announced without a checksum is not completed with the checksum of a part',
    run: async (context) => {
      const upload = await begin(context, 'unannounced');
      const one = await upload.send(1, Buffer.from('x'));

      const refused = await refusal(upload.complete([{ ...one, ChecksumCRC32: 'jNwWgw==' }]));

      expect(refused).toEqual({ name: 'InvalidPart', status: 400 });
    },
  },
  {
    title: 'a wrong checksum of a part is refused on completion',
    run: async (context) => {
      const upload = await begin(context, 'contradicted', { ChecksumAlgorithm: 'CRC32' });
      const one = await upload.send(1, Buffer.from('x'));

      const refused = await refusal(upload.complete([{ ...one, ChecksumCRC32: 'AAAAAA==' }]));

      expect(refused).toEqual({ name: 'InvalidPart', status: 400 });
    },
  },
  {
    title: 'an upload announced with CRC64NVME has the checksum of the whole object',
    run: async (context) => {
      const { client, bucket } = context;
      const upload = await begin(context, 'whole', { ChecksumAlgorithm: 'CRC64NVME' });
      const body = Buffer.from('the whole object');
      const put = await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: `${context.prefix}reference`,
          Body: body,
          ChecksumAlgorithm: 'CRC64NVME',
        }),
      );
      const sent = await client.send(
        new UploadPartCommand({ ...upload.at, PartNumber: 1, Body: body, ChecksumAlgorithm: 'CRC64NVME' }),
      );
      await upload.complete([{ PartNumber: 1, ETag: sent.ETag, ChecksumCRC64NVME: sent.ChecksumCRC64NVME }]);

      const head = await client.send(
        new HeadObjectCommand({ Bucket: bucket, Key: upload.at.Key, ChecksumMode: 'ENABLED' }),
      );
      expect(head.ChecksumType).toBe('FULL_OBJECT');
      expect(head.ChecksumCRC64NVME).toBe(put.ChecksumCRC64NVME);
    },
  },
  {
    title: 'one part of a finished object can be read by its number',
    run: async (context) => {
      const { client, bucket } = context;
      const upload = await begin(context, 'by-number');
      await upload.complete([await upload.send(1, part('a')), await upload.send(2, Buffer.from('end'))]);

      const output = await client.send(new GetObjectCommand({ Bucket: bucket, Key: upload.at.Key, PartNumber: 2 }));

      expect(output.PartsCount).toBe(2);
      expect(await output.Body?.transformToString()).toBe('end');
    },
  },
];
