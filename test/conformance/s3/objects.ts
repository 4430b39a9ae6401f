/** Reading and writing whole objects: content, ranges, metadata, tags, names. */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import { type Check, refusal, textOf } from './target.ts';

const names: Readonly<Record<string, string>> = {
  'a space': 'a b.csv',
  'a plus': 'a+b.csv',
  'a percent sign': '100%25 of 50%.csv',
  accents: 'dégustation été.csv',
  'characters outside the basic plane': 'vin-🍷.csv',
  'two slashes in a row': 'a//b.csv',
  'a slash at the end': 'folder/',
  'characters of XML': `a&b<c>"d'.csv`,
  'characters of URLs': 'a?b=c#d;e:f@g,h!i*j(k)$.csv',
  'the longest length': 'x'.repeat(200).concat('/').repeat(4).concat('y'.repeat(180)),
};

const nameChecks = Object.entries(names).map(
  ([what, name]): Check => ({
    title: `a key with ${what} is written, read and listed as it is`,
    run: async ({ client, bucket, prefix }) => {
      const Key = prefix + name;

      await client.send(
        new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.from(name.endsWith('/') ? '' : what) }),
      );

      const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
      expect(listed.Contents?.map((object) => object.Key)).toEqual([Key]);
      expect(await textOf(await client.send(new GetObjectCommand({ Bucket: bucket, Key })))).toBe(
        name.endsWith('/') ? '' : what,
      );
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
      expect((await refusal(client.send(new GetObjectCommand({ Bucket: bucket, Key })))).name).toBe('NoSuchKey');
    },
  }),
);

interface RangeCase {
  readonly range: string;
  readonly text: string;
  readonly contentRange: string;
}

const ranges: readonly RangeCase[] = [
  { range: 'bytes=2-4', text: '234', contentRange: 'bytes 2-4/10' },
  { range: 'bytes=7-', text: '789', contentRange: 'bytes 7-9/10' },
  { range: 'bytes=-3', text: '789', contentRange: 'bytes 7-9/10' },
  { range: 'bytes=-30', text: '0123456789', contentRange: 'bytes 0-9/10' },
  { range: 'bytes=8-99', text: '89', contentRange: 'bytes 8-9/10' },
];

const rangeChecks = ranges.map(
  ({ range, text, contentRange }): Check => ({
    title: `the range ${range} of ten bytes gives ${contentRange}`,
    run: async ({ client, bucket, prefix }) => {
      const Key = `${prefix}digits`;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: '0123456789' }));

      const output = await client.send(new GetObjectCommand({ Bucket: bucket, Key, Range: range }));

      expect(output.$metadata.httpStatusCode).toBe(206);
      expect(output.ContentRange).toBe(contentRange);
      expect(output.ContentLength).toBe(text.length);
      expect(await textOf(output)).toBe(text);
    },
  }),
);

export const objectChecks: readonly Check[] = [
  ...nameChecks,
  ...rangeChecks,
  {
    title: 'a range beyond the end is refused with 416',
    run: async ({ client, bucket, prefix }) => {
      const Key = `${prefix}digits`;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: '0123456789' }));

      const refused = await refusal(client.send(new GetObjectCommand({ Bucket: bucket, Key, Range: 'bytes=10-' })));

      expect(refused).toEqual({ name: 'InvalidRange', status: 416 });
    },
  },
  {
    title: 'an object of no bytes is read as no bytes',
    run: async ({ client, bucket, prefix }) => {
      const Key = `${prefix}empty`;
      const put = await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.alloc(0) }));

      const output = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));

      expect(put.ETag).toBe('"d41d8cd98f00b204e9800998ecf8427e"');
      expect(output.ContentLength).toBe(0);
      expect(await textOf(output)).toBe('');
    },
  },
  {
    title: 'the ETag of a simple upload is the MD5 of its bytes',
    run: async ({ client, bucket, prefix }) => {
      const Key = `${prefix}hello`;

      const put = await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'hello' }));
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key }));

      expect(put.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
      expect(head.ETag).toBe(put.ETag);
    },
  },
  {
    title: 'content type, encoding, disposition, cache control and metadata come back as they were given',
    run: async ({ client, bucket, prefix }) => {
      const Key = `${prefix}described`;
      const given = {
        ContentType: 'text/csv; charset=utf-8',
        ContentEncoding: 'gzip',
        ContentDisposition: 'attachment; filename="a.csv"',
        ContentLanguage: 'fr',
        CacheControl: 'no-store',
        Metadata: { job: '42', route: 'wine' },
      };
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x', ...given }));

      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key }));

      expect(head).toMatchObject(given);
    },
  },
  {
    title: 'an object without a content type is binary/octet-stream',
    run: async ({ raw, bucket, prefix, client }) => {
      await raw({ method: 'PUT', path: `/${bucket}/${prefix}untyped`, body: Buffer.from('x') });

      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}untyped` }));

      expect(head.ContentType).toBe('binary/octet-stream');
    },
  },
  {
    title:
      'Last-Modified is the time of the write in whole seconds, and every reply has a Date at most a second before it',
    run: async ({ raw, client, bucket, prefix }) => {
      const before = Date.now();
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}timed`, Body: 'x' }));
      const after = Date.now();

      const reply = await raw({ method: 'HEAD', path: `/${bucket}/${prefix}timed` });

      const modified = Date.parse(reply.headers['last-modified'] ?? '');
      expect(modified % 1000).toBe(0);
      expect(modified).toBeGreaterThan(before - 2000);
      expect(modified).toBeLessThanOrEqual(after);
      // Some servers make the text of the Date once a second, and may be that late.
      expect(Date.parse(reply.headers.date ?? '')).toBeGreaterThanOrEqual(modified - 1000);
    },
  },
  {
    title: 'tags are set with an upload, read, replaced and removed, and the object stays as it is',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}tagged` };
      const read = async () => (await client.send(new GetObjectTaggingCommand(at))).TagSet;
      await client.send(new PutObjectCommand({ ...at, Body: 'content', Tagging: 'team=a&state=to%20do' }));

      const first = await read();
      await client.send(
        new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [{ Key: 'state', Value: 'done: 1+1 @ é' }] } }),
      );
      const second = await read();
      const output = await client.send(new GetObjectCommand(at));
      await client.send(new DeleteObjectTaggingCommand(at));

      expect(first).toEqual(
        expect.arrayContaining([
          { Key: 'team', Value: 'a' },
          { Key: 'state', Value: 'to do' },
        ]),
      );
      expect(second).toEqual([{ Key: 'state', Value: 'done: 1+1 @ é' }]);
      expect(output.TagCount).toBe(1);
      expect(await textOf(output)).toBe('content');
      expect(await read()).toEqual([]);
    },
  },
  {
    title: 'a tag with characters that S3 does not take is refused',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}tagged` };
      await client.send(new PutObjectCommand({ ...at, Body: 'content' }));
      const TagSet = [{ Key: 'state', Value: '<done>' }];

      const refused = await refusal(client.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet } })));

      expect(refused).toEqual({ name: 'InvalidTag', status: 400 });
    },
  },
  {
    title: 'a copy has the content, the metadata and an ETag of its own; REPLACE gives it new metadata',
    run: async ({ client, bucket, prefix }) => {
      const source = `${prefix}source é+.csv`;
      await client.send(
        new PutObjectCommand({ Bucket: bucket, Key: source, Body: 'hello', Metadata: { from: 'here' } }),
      );
      const CopySource = `${bucket}/${encodeURIComponent(source)}`;

      const copied = await client.send(new CopyObjectCommand({ Bucket: bucket, Key: `${prefix}one`, CopySource }));
      await client.send(
        new CopyObjectCommand({
          Bucket: bucket,
          Key: `${prefix}two`,
          CopySource,
          MetadataDirective: 'REPLACE',
          Metadata: { from: 'there' },
        }),
      );

      const one = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}one` }));
      const two = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}two` }));
      expect(copied.CopyObjectResult?.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
      expect(await textOf(one)).toBe('hello');
      expect(one.Metadata).toEqual({ from: 'here' });
      expect(two.Metadata).toEqual({ from: 'there' });
    },
  },
  {
    title: 'a copy of an object onto itself without a change is refused',
    run: async ({ client, bucket, prefix }) => {
      const Key = `${prefix}same`;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' }));

      const refused = await refusal(
        client.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/${Key}` })),
      );

      expect(refused).toEqual({ name: 'InvalidRequest', status: 400 });
    },
  },
  {
    title: 'a missing key, and a missing bucket, are 404 with their own codes',
    run: async ({ client, bucket, prefix }) => {
      const missingKey = await refusal(client.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}none` })));
      const missingHead = await refusal(client.send(new HeadObjectCommand({ Bucket: bucket, Key: `${prefix}none` })));
      const missingBucket = await refusal(
        client.send(new GetObjectCommand({ Bucket: 'there-is-no-such-bucket', Key: 'x' })),
      );

      expect(missingKey).toEqual({ name: 'NoSuchKey', status: 404 });
      expect(missingHead).toEqual({ name: 'NotFound', status: 404 });
      expect(missingBucket).toEqual({ name: 'NoSuchBucket', status: 404 });
    },
  },
  {
    title: 'deleting what is not there is no error',
    run: async ({ client, bucket, prefix }) => {
      const output = await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${prefix}none` }));

      expect(output.$metadata.httpStatusCode).toBe(204);
    },
  },
  {
    title: 'a key of more than 1,024 bytes is refused',
    run: async ({ client, bucket, prefix }) => {
      const Key = prefix + 'é'.repeat(520);

      expect((await refusal(client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x' })))).name).toBe(
        'KeyTooLongError',
      );
    },
  },
  {
    title: 'buckets are listed, located and headed',
    run: async ({ client, bucket, versioned, target }) => {
      const listed = await client.send(new ListBucketsCommand({}));
      const location = await client.send(new GetBucketLocationCommand({ Bucket: bucket }));
      const head = await client.send(new HeadBucketCommand({ Bucket: bucket }));
      const missing = await refusal(client.send(new HeadBucketCommand({ Bucket: 'there-is-no-such-bucket' })));

      expect(listed.Buckets?.map(({ Name }) => Name)).toEqual(expect.arrayContaining([bucket, versioned]));
      expect(location.LocationConstraint).toBe(target.region);
      expect(head.$metadata.httpStatusCode).toBe(200);
      expect(missing.status).toBe(404);
    },
  },
  {
    title: 'a presigned URL writes and reads without headers of its own',
    run: async ({ raw, bucket, prefix }) => {
      const path = `/${bucket}/${prefix}presigned`;

      const put = await raw({ method: 'PUT', path, body: Buffer.from('signed'), signing: 'presigned' });
      const get = await raw({ method: 'GET', path, signing: 'presigned' });

      expect(put.status).toBe(200);
      expect(get.body).toBe('signed');
    },
  },
];
