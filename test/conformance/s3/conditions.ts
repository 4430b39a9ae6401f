/** Conditional reads, writes and deletes. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import { type Check, type CheckContext, refusal, textOf } from './target.ts';

const OTHER = '"00000000000000000000000000000000"';

async function put({ client }: CheckContext, Bucket: string, Key: string, Body: string): Promise<string> {
  return (await client.send(new PutObjectCommand({ Bucket, Key, Body }))).ETag ?? '';
}

/** An upload of one small part, ready to be completed. */
async function upload(
  { client }: CheckContext,
  Bucket: string,
  Key: string,
  Body: string,
): Promise<{ UploadId: string | undefined; complete: (condition: object) => Promise<unknown> }> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const part = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body }));
  const Parts = [{ PartNumber: 1, ETag: part.ETag }];
  const complete = (condition: object) =>
    client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...condition }),
    );
  return { UploadId, complete };
}

export const conditionChecks: readonly Check[] = [
  {
    title: 'If-None-Match: * writes only where no object is',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}claim` };

      await client.send(new PutObjectCommand({ ...at, Body: 'first', IfNoneMatch: '*' }));
      const second = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'second', IfNoneMatch: '*' })));

      expect(second).toEqual({ name: 'PreconditionFailed', status: 412 });
      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe('first');
    },
  },
  {
    title: 'of many concurrent writes with If-None-Match: * exactly one succeeds',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}race` };

      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          refusal(client.send(new PutObjectCommand({ ...at, Body: `writer ${index}`, IfNoneMatch: '*' }))),
        ),
      );

      const statuses = results.map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(statuses.every((status) => status === 200 || status === 412 || status === 409)).toBe(true);
      const winner = results.findIndex(({ status }) => status === 200);
      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe(`writer ${winner}`);
    },
  },
  {
    title: 'If-Match writes only over the ETag that it names',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}swap` };
      const etag = await put(context, bucket, at.Key, 'one');

      const wrong = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'two', IfMatch: OTHER })));
      const right = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'three', IfMatch: etag })));
      const stale = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'four', IfMatch: etag })));

      expect(wrong).toEqual({ name: 'PreconditionFailed', status: 412 });
      expect(right.status).toBe(200);
      expect(stale).toEqual({ name: 'PreconditionFailed', status: 412 });
      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe('three');
    },
  },
  {
    title: 'of many concurrent writes with the same If-Match exactly one succeeds',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}swap-race` };
      const etag = await put(context, bucket, at.Key, 'start');

      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          refusal(client.send(new PutObjectCommand({ ...at, Body: `writer ${index}`, IfMatch: etag }))),
        ),
      );

      expect(results.filter(({ status }) => status === 200)).toHaveLength(1);
    },
  },
  {
    title: 'If-Match on a key without an object is 404',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}none` };

      const refused = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'x', IfMatch: OTHER })));

      expect(refused).toEqual({ name: 'NoSuchKey', status: 404 });
    },
  },
  {
    title: 'on a versioned bucket a delete marker counts as no object for conditions',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const at = { Bucket: versioned, Key: `${prefix}again` };
      const etag = await put(context, versioned, at.Key, 'one');
      await client.send(new DeleteObjectCommand(at));

      const match = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'two', IfMatch: etag })));
      const create = await refusal(client.send(new PutObjectCommand({ ...at, Body: 'three', IfNoneMatch: '*' })));

      expect(match.status).toBe(404);
      expect(create.status).toBe(200);
    },
  },
  {
    title:
      'CompleteMultipartUpload with If-None-Match: * publishes only where no object is, and the upload survives a 412',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}published` };
      const { UploadId, complete } = await upload(context, bucket, at.Key, 'from parts');
      await put(context, bucket, at.Key, 'already here');

      const refused = await refusal(complete({ IfNoneMatch: '*' }));
      const parts = await client.send(new ListPartsCommand({ ...at, UploadId }));
      const kept = await textOf(await client.send(new GetObjectCommand(at)));
      await client.send(new DeleteObjectCommand(at));
      const accepted = await refusal(complete({ IfNoneMatch: '*' }));

      expect(refused).toEqual({ name: 'PreconditionFailed', status: 412 });
      expect(parts.Parts).toHaveLength(1);
      expect(kept).toBe('already here');
      expect(accepted.status).toBe(200);
      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe('from parts');
    },
  },
  {
    title: 'CompleteMultipartUpload with If-Match publishes only over the ETag that it names',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}replaced` };
      const etag = await put(context, bucket, at.Key, 'before');
      const { complete } = await upload(context, bucket, at.Key, 'after');

      const wrong = await refusal(complete({ IfMatch: OTHER }));
      const right = await refusal(complete({ IfMatch: etag }));

      expect(wrong).toEqual({ name: 'PreconditionFailed', status: 412 });
      expect(right.status).toBe(200);
      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe('after');
    },
  },
  {
    title: 'GET and HEAD with If-Match of another ETag are 412, with If-None-Match of the same ETag 304',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}read` };
      const etag = await put(context, bucket, at.Key, 'x');

      for (const Command of [GetObjectCommand, HeadObjectCommand]) {
        const send = (condition: object) =>
          refusal(client.send(new Command({ ...at, ...condition }) as GetObjectCommand));
        expect((await send({ IfMatch: etag })).status).toBe(200);
        expect((await send({ IfMatch: OTHER })).status).toBe(412);
        expect((await send({ IfNoneMatch: OTHER })).status).toBe(200);
        expect((await send({ IfNoneMatch: etag })).status).toBe(304);
      }
    },
  },
  {
    title: 'GET honours If-Modified-Since and If-Unmodified-Since',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}dated` };
      await put(context, bucket, at.Key, 'x');
      const past = new Date(Date.now() - 3_600_000);
      const send = (condition: object) => refusal(client.send(new GetObjectCommand({ ...at, ...condition })));

      expect((await send({ IfModifiedSince: past })).status).toBe(200);
      expect((await send({ IfUnmodifiedSince: past })).status).toBe(412);
    },
  },
  {
    title: 'DELETE with If-Match deletes only the ETag that it names',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      const at = { Bucket: bucket, Key: `${prefix}deleted` };
      const etag = await put(context, bucket, at.Key, 'x');

      const wrong = await refusal(client.send(new DeleteObjectCommand({ ...at, IfMatch: OTHER })));
      const kept = await refusal(client.send(new HeadObjectCommand(at)));
      const right = await refusal(client.send(new DeleteObjectCommand({ ...at, IfMatch: etag })));

      expect(wrong).toEqual({ name: 'PreconditionFailed', status: 412 });
      expect(kept.status).toBe(200);
      expect(right.status).toBe(200);
      expect((await refusal(client.send(new HeadObjectCommand(at)))).status).toBe(404);
    },
  },
];
