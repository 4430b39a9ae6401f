import { DeleteBucketCommand, ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3';

export interface Leftover {
  readonly name: string;
  readonly removed: boolean;
}

/**
 * The stack keeps its bucket when it is removed. Here an empty one goes too; that it is empty is for S3 to judge, which
 * refuses to delete a bucket that holds an object, a version or a delete marker.
 */
export async function removeEmptyBuckets(
  client: Pick<S3Client, 'send'>,
  { stage, region }: { readonly stage: string; readonly region: string },
): Promise<readonly Leftover[]> {
  const prefix = `tamis-${stage}-`;
  const { Buckets = [] } = await client.send(new ListBucketsCommand({ Prefix: prefix }));
  const own = Buckets.flatMap(({ Name = '' }) => Name).filter(
    (name) =>
      name.startsWith(prefix) &&
      name.endsWith(`-${region}`) &&
      /^\d{12}$/.test(name.slice(prefix.length, -region.length - 1)),
  );
  const leftovers: Leftover[] = [];
  for (const name of own) {
    try {
      await client.send(new DeleteBucketCommand({ Bucket: name }));
      leftovers.push({ name, removed: true });
    } catch (error) {
      if ((error as Error).name !== 'BucketNotEmpty') throw error;
      leftovers.push({ name, removed: false });
    }
  }
  return leftovers;
}
