/** Versioned buckets. */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import { type Check, type CheckContext, refusal, textOf } from './target.ts';

async function put({ client, versioned, prefix }: CheckContext, name: string, Body: string): Promise<string> {
  const output = await client.send(new PutObjectCommand({ Bucket: versioned, Key: prefix + name, Body }));
  return output.VersionId ?? '';
}

export const versionChecks: readonly Check[] = [
  {
    title: 'a bucket says whether versions are on',
    run: async ({ client, bucket, versioned }) => {
      expect((await client.send(new GetBucketVersioningCommand({ Bucket: versioned }))).Status).toBe('Enabled');
      expect((await client.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status).toBeUndefined();
    },
  },
  {
    title: 'without versions no version id is given, and the one version is called null',
    run: async ({ client, bucket, prefix }) => {
      const at = { Bucket: bucket, Key: `${prefix}a` };

      const output = await client.send(new PutObjectCommand({ ...at, Body: 'x' }));
      const listed = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));

      expect(output.VersionId).toBeUndefined();
      expect(listed.Versions?.map(({ VersionId }) => VersionId)).toEqual(['null']);
    },
  },
  {
    title: 'every write gets a version of its own, and each can be read',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const at = { Bucket: versioned, Key: `${prefix}a` };
      const one = await put(context, 'a', 'one');
      const two = await put(context, 'a', 'two');

      const current = await client.send(new GetObjectCommand(at));
      const older = await client.send(new GetObjectCommand({ ...at, VersionId: one }));

      expect(one).not.toBe(two);
      expect(current.VersionId).toBe(two);
      expect(await textOf(current)).toBe('two');
      expect(older.VersionId).toBe(one);
      expect(await textOf(older)).toBe('one');
    },
  },
  {
    title: 'a version id that is not there is refused',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const gone = await put(context, 'a', 'one');
      await put(context, 'a', 'two');
      const at = { Bucket: versioned, Key: `${prefix}a`, VersionId: gone };
      await client.send(new DeleteObjectCommand(at));

      expect(await refusal(client.send(new GetObjectCommand(at)))).toEqual({ name: 'NoSuchVersion', status: 404 });
    },
  },
  {
    title: 'a deletion leaves a marker: the key is 404 and unlisted, its versions stay',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const at = { Bucket: versioned, Key: `${prefix}a` };
      const one = await put(context, 'a', 'one');

      const deleted = await client.send(new DeleteObjectCommand(at));

      expect(deleted.DeleteMarker).toBe(true);
      expect((await refusal(client.send(new GetObjectCommand(at)))).name).toBe('NoSuchKey');
      const listed = await client.send(new ListObjectsV2Command({ Bucket: versioned, Prefix: prefix }));
      expect(listed.KeyCount).toBe(0);
      const versions = await client.send(new ListObjectVersionsCommand({ Bucket: versioned, Prefix: prefix }));
      expect(versions.DeleteMarkers).toMatchObject([{ VersionId: deleted.VersionId, IsLatest: true }]);
      expect(versions.Versions).toMatchObject([{ VersionId: one, IsLatest: false, Size: 3 }]);
      expect(await textOf(await client.send(new GetObjectCommand({ ...at, VersionId: one })))).toBe('one');
    },
  },
  {
    title: 'reading a delete marker by its id is 405',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      await put(context, 'a', 'one');
      const at = { Bucket: versioned, Key: `${prefix}a` };
      const { VersionId } = await client.send(new DeleteObjectCommand(at));

      expect((await refusal(client.send(new HeadObjectCommand({ ...at, VersionId })))).status).toBe(405);
    },
  },
  {
    title: 'deleting the marker by its id brings the object back',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const at = { Bucket: versioned, Key: `${prefix}a` };
      await put(context, 'a', 'one');
      const { VersionId } = await client.send(new DeleteObjectCommand(at));

      await client.send(new DeleteObjectCommand({ ...at, VersionId }));

      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe('one');
    },
  },
  {
    title: 'deleting the newest version by its id makes the one before it current',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const at = { Bucket: versioned, Key: `${prefix}a` };
      await put(context, 'a', 'one');
      const two = await put(context, 'a', 'two');

      await client.send(new DeleteObjectCommand({ ...at, VersionId: two }));

      expect(await textOf(await client.send(new GetObjectCommand(at)))).toBe('one');
    },
  },
  {
    title: 'when every version is deleted by id nothing is left',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const Key = `${prefix}a`;
      const versions = [await put(context, 'a', 'one'), await put(context, 'a', 'two')];
      const Objects = versions.map((VersionId) => ({ Key, VersionId }));

      await client.send(new DeleteObjectsCommand({ Bucket: versioned, Delete: { Objects } }));

      const left = await client.send(new ListObjectVersionsCommand({ Bucket: versioned, Prefix: prefix }));
      expect(left.Versions ?? []).toEqual([]);
      expect(left.DeleteMarkers ?? []).toEqual([]);
    },
  },
  {
    title: 'versions are listed newest first, key by key, in pages',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const a1 = await put(context, 'a', '1');
      const b1 = await put(context, 'b', '1');
      const a2 = await put(context, 'a', '2');
      const list = { Bucket: versioned, Prefix: prefix, MaxKeys: 2 };

      const first = await client.send(new ListObjectVersionsCommand(list));
      const second = await client.send(
        new ListObjectVersionsCommand({
          ...list,
          KeyMarker: first.NextKeyMarker,
          VersionIdMarker: first.NextVersionIdMarker,
        }),
      );

      expect(first.IsTruncated).toBe(true);
      expect(first.Versions?.map(({ VersionId }) => VersionId)).toEqual([a2, a1]);
      expect(second.IsTruncated).toBe(false);
      expect(second.Versions?.map(({ VersionId }) => VersionId)).toEqual([b1]);
    },
  },
  {
    title: 'an older version is copied by its id',
    run: async (context) => {
      const { client, versioned, prefix } = context;
      const one = await put(context, 'a', 'one');
      await put(context, 'a', 'two');

      const copied = await client.send(
        new CopyObjectCommand({
          Bucket: versioned,
          Key: `${prefix}b`,
          CopySource: `${versioned}/${prefix}a?versionId=${one}`,
        }),
      );

      expect(copied.CopySourceVersionId).toBe(one);
      const output = await client.send(new GetObjectCommand({ Bucket: versioned, Key: `${prefix}b` }));
      expect(await textOf(output)).toBe('one');
    },
  },
];
