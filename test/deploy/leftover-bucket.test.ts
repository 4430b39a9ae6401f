import type { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { removeEmptyBuckets } from '../../deploy/leftover-bucket.ts';

/** An S3 with these buckets, some of which hold objects. */
function makeAccount(buckets: readonly string[], full: readonly string[], failure = 'BucketNotEmpty') {
  const deleted: string[] = [];
  const send = async (command: {
    readonly constructor: { readonly name: string };
    readonly input: { Bucket?: string };
  }) => {
    if (command.constructor.name === 'ListBucketsCommand') return { Buckets: buckets.map((Name) => ({ Name })) };
    const { Bucket = '' } = command.input;
    if (full.includes(Bucket)) throw Object.assign(new Error(failure), { name: failure });
    deleted.push(Bucket);
    return {};
  };
  return { client: { send } as unknown as Pick<S3Client, 'send'>, deleted };
}

const stack = { stage: 'dev', region: 'eu-west-3' };

describe('removeEmptyBuckets', () => {
  it('removes an empty bucket and keeps one that holds objects', async () => {
    const [empty, full] = ['tamis-dev-123456789012-eu-west-3', 'tamis-dev-111122223333-eu-west-3'];
    const account = makeAccount([empty, full], [full]);

    const leftovers = await removeEmptyBuckets(account.client, stack);

    expect(leftovers).toEqual([
      { name: empty, removed: true },
      { name: full, removed: false },
    ]);
    expect(account.deleted).toEqual([empty]);
  });

  it('touches no bucket of another stage, Region or owner', async () => {
    const account = makeAccount(
      [
        'tamis-dev-123456789012-eu-west-1',
        'tamis-dev-two-123456789012-eu-west-3',
        'tamis-dev-archive-eu-west-3',
        'tamis-prod-123456789012-eu-west-3',
        'something-else',
      ],
      [],
    );

    expect(await removeEmptyBuckets(account.client, stack)).toEqual([]);
    expect(account.deleted).toEqual([]);
  });

  it('reports any other failure of S3', async () => {
    const name = 'tamis-dev-123456789012-eu-west-3';
    const account = makeAccount([name], [name], 'AccessDenied');

    await expect(removeEmptyBuckets(account.client, stack)).rejects.toThrow('AccessDenied');
  });
});
