/** Lists of objects, and deleting many at once. */
import {
  DeleteObjectsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect } from '@jest/globals';
import { type Check, type CheckContext, refusal } from './target.ts';

async function fill({ client, bucket, prefix }: CheckContext, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: prefix + name, Body: name }));
  }
}

/** All pages: keys and common prefixes, without the check's prefix. */
async function walk(
  { client, bucket, prefix }: CheckContext,
  options: Partial<ListObjectsV2CommandInput>,
): Promise<{ keys: string[]; prefixes: string[]; pageSizes: number[] }> {
  const found = { keys: [] as string[], prefixes: [] as string[], pageSizes: [] as number[] };
  let ContinuationToken: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        ...options,
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      }),
    );
    for (const { Key } of page.Contents ?? []) found.keys.push((Key ?? '').slice(prefix.length));
    for (const { Prefix } of page.CommonPrefixes ?? []) found.prefixes.push((Prefix ?? '').slice(prefix.length));
    found.pageSizes.push(page.KeyCount ?? -1);
    ContinuationToken = page.NextContinuationToken;
    expect(page.IsTruncated).toBe(ContinuationToken !== undefined);
  } while (ContinuationToken !== undefined);
  return found;
}

export const listingChecks: readonly Check[] = [
  {
    title: 'keys are listed in the order of their UTF-8 bytes',
    run: async (context) => {
      const inOrder = ['B', 'a', 'a b', 'a-b', 'ab', 'é', '\uffee', '🍷'];
      await fill(context, [...inOrder].reverse());

      const { keys } = await walk(context, {});

      expect(keys).toEqual(inOrder);
    },
  },
  {
    title: 'pages hold at most MaxKeys, and together every key once',
    run: async (context) => {
      const names = ['a', 'b b', 'c+', 'd%', 'e'];
      await fill(context, names);

      const { keys, pageSizes } = await walk(context, { MaxKeys: 2 });

      expect(keys).toEqual(names);
      expect(pageSizes).toEqual([2, 2, 1]);
    },
  },
  {
    title: 'a delimiter rolls keys up into common prefixes, which count as keys of a page',
    run: async (context) => {
      await fill(context, ['a.csv', 'b/1', 'b/2', 'b/c/3', 'd.csv', 'e/4']);

      const whole = await walk(context, { Delimiter: '/' });
      const paged = await walk(context, { Delimiter: '/', MaxKeys: 1 });

      expect(whole).toEqual({ keys: ['a.csv', 'd.csv'], prefixes: ['b/', 'e/'], pageSizes: [4] });
      expect(paged).toEqual({ keys: ['a.csv', 'd.csv'], prefixes: ['b/', 'e/'], pageSizes: [1, 1, 1, 1] });
    },
  },
  {
    title: 'StartAfter begins behind the key that it names, whether it exists or not',
    run: async (context) => {
      await fill(context, ['a', 'b', 'c']);

      expect((await walk(context, { StartAfter: `${context.prefix}a` })).keys).toEqual(['b', 'c']);
      expect((await walk(context, { StartAfter: `${context.prefix}bb` })).keys).toEqual(['c']);
    },
  },
  {
    title: 'a prefix without keys gives an empty list',
    run: async (context) => {
      expect(await walk(context, {})).toEqual({ keys: [], prefixes: [], pageSizes: [0] });
    },
  },
  {
    title: 'with EncodingType url keys are listed form-encoded, slashes kept',
    run: async ({ client, bucket, prefix }) => {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}a b+é/c`, Body: 'x' }));

      const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, EncodingType: 'url' }));

      expect(page.EncodingType).toBe('url');
      expect(page.Contents?.[0]?.Key).toBe(`${prefix}a+b%2B%C3%A9/c`);
    },
  },
  {
    title: 'every listed object has its size, ETag and time',
    run: async ({ client, bucket, prefix }) => {
      const put = await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}a`, Body: 'hello' }));

      const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));

      expect(page.Contents?.[0]).toMatchObject({ Size: 5, ETag: put.ETag, StorageClass: 'STANDARD' });
      expect(page.Contents?.[0]?.LastModified?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    },
  },
  {
    title: 'the first version of the list goes on behind its marker',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      await fill(context, ['a', 'b', 'c']);

      const first = await client.send(new ListObjectsCommand({ Bucket: bucket, Prefix: prefix, MaxKeys: 2 }));
      const second = await client.send(
        new ListObjectsCommand({ Bucket: bucket, Prefix: prefix, Marker: first.Contents?.at(-1)?.Key }),
      );

      expect(first.IsTruncated).toBe(true);
      expect(first.Contents?.map(({ Key }) => Key)).toEqual([`${prefix}a`, `${prefix}b`]);
      expect(second.Contents?.map(({ Key }) => Key)).toEqual([`${prefix}c`]);
    },
  },
  {
    title: 'many objects are deleted at once, those that are not there included',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      await fill(context, ['a b', 'c&d', 'kept']);
      const Objects = ['a b', 'c&d', 'none'].map((name) => ({ Key: prefix + name }));

      const output = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));

      expect(output.Errors).toBeUndefined();
      expect(output.Deleted?.map(({ Key }) => Key)).toEqual(Objects.map(({ Key }) => Key));
      expect((await walk(context, {})).keys).toEqual(['kept']);
    },
  },
  {
    title: 'a quiet deletion of many names only errors',
    run: async (context) => {
      const { client, bucket, prefix } = context;
      await fill(context, ['a']);

      const output = await client.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Quiet: true, Objects: [{ Key: `${prefix}a` }] } }),
      );

      expect(output.Deleted).toBeUndefined();
      expect((await walk(context, {})).keys).toEqual([]);
    },
  },
  {
    title: 'a deletion of many without a checksum is refused',
    run: async ({ raw, bucket, prefix }) => {
      const body = Buffer.from(`<Delete><Object><Key>${prefix}a</Key></Object></Delete>`);

      const reply = await raw({ method: 'POST', path: `/${bucket}`, query: { delete: '' }, body });

      expect(reply.status).toBe(400);
      expect(reply.body).toContain('<Code>InvalidRequest</Code>');
    },
  },
  {
    title: 'a deletion of none is refused',
    run: async ({ bucket, client }) => {
      const refused = await refusal(client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [] } })));

      expect(refused).toEqual({ name: 'MalformedXML', status: 400 });
    },
  },
];
