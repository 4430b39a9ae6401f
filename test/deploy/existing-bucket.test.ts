import type { LambdaFunctionConfiguration } from '@aws-sdk/client-s3';
import { describe, expect, it } from '@jest/globals';
import { type BucketState, findLacks } from '../../deploy/existing-bucket.ts';

const wanted = { region: 'eu-west-3', stage: 'dev' };
const arn = 'arn:aws:lambda:eu-west-3:123456789012:function:tamis-dev-classify';
const ours: LambdaFunctionConfiguration = {
  Id: 'ours',
  LambdaFunctionArn: arn,
  Events: ['s3:ObjectCreated:*'],
  Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'input/' }] } },
};
const block = { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true };
const tlsOnly = JSON.stringify({
  Statement: [
    { Effect: 'Deny', Principal: '*', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
  ],
});

/** A bucket that lacks nothing. */
const sound: BucketState = {
  region: 'eu-west-3',
  encryption: 'AES256',
  publicAccess: block,
  ownership: 'BucketOwnerEnforced',
  versioning: 'Enabled',
  policy: tlsOnly,
  lifecycle: [
    { Status: 'Enabled', Filter: { Prefix: '' }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
    { Status: 'Enabled', Filter: { Prefix: '.tamis/' }, Expiration: { Days: 30 } },
  ],
  notification: { LambdaFunctionConfigurations: [ours] },
};

describe('findLacks', () => {
  it('finds nothing where a bucket has all that a new one has', () => {
    expect(findLacks(sound, wanted)).toEqual([]);
  });

  it.each<[string, Partial<BucketState>, RegExp]>([
    ['another Region', { region: 'eu-west-1' }, /the Region eu-west-3: it lies in eu-west-1/],
    ['no encryption', { encryption: undefined }, /^default encryption$/],
    [
      'a key of its own',
      { encryption: 'aws:kms' },
      /kms:Decrypt and kms:GenerateDataKey for the roles of tamis-dev-classify/,
    ],
    ['an open door', { publicAccess: { ...block, BlockPublicPolicy: false } }, /public access/],
    ['no block on public access', { publicAccess: undefined }, /public access/],
    ['access control lists', { ownership: 'ObjectWriter' }, /BucketOwnerEnforced/],
    ['no versions', { versioning: 'Suspended' }, /^versioning/],
    ['no policy', { policy: undefined }, /TLS/],
    ['a policy about something else', { policy: '{"Statement":[{"Effect":"Allow"}]}' }, /TLS/],
    [
      'a switched-off rule for uploads',
      { lifecycle: [{ ...sound.lifecycle[0]!, Status: 'Disabled' }, sound.lifecycle[1]!] },
      /unfinished uploads/,
    ],
    [
      'a rule that expires other keys',
      { lifecycle: [sound.lifecycle[0]!, { Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 1 } }] },
      /\.tamis\//,
    ],
  ])('names what is missing with %s', (_what, change, expected) => {
    expect(findLacks({ ...sound, ...change }, wanted)).toEqual([expect.stringMatching(expected)]);
  });

  it('prints all notifications of the bucket with ours added, because S3 replaces them as a whole', () => {
    const theirs = {
      Id: 'theirs',
      LambdaFunctionArn: 'arn:aws:lambda:eu-west-3:123456789012:function:thumbnails',
      Events: ['s3:ObjectCreated:Put' as const],
    };
    const queue = { QueueArn: 'arn:aws:sqs:eu-west-3:123456789012:audit', Events: ['s3:ObjectRemoved:*' as const] };
    const notification = { LambdaFunctionConfigurations: [theirs], QueueConfigurations: [queue] };

    const [lack = ''] = findLacks({ ...sound, notification }, wanted);

    expect(JSON.parse(lack.slice(lack.indexOf('{')))).toEqual({
      QueueConfigurations: [queue],
      LambdaFunctionConfigurations: [
        theirs,
        {
          Id: 'tamis-dev-classify',
          LambdaFunctionArn: 'arn:aws:lambda:eu-west-3:ACCOUNT:function:tamis-dev-classify',
          Events: ['s3:ObjectCreated:*'],
          Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'input/' }] } },
        },
      ],
    });
  });

  it.each<[string, LambdaFunctionConfiguration]>([
    ['another prefix', { ...ours, Filter: { Key: { FilterRules: [{ Name: 'prefix' as const, Value: 'inbox/' }] } } }],
    ['another stage', { ...ours, LambdaFunctionArn: `${arn}-two` }],
    ['puts only', { ...ours, Events: ['s3:ObjectCreated:Put' as const] }],
  ])('takes a notification for %s for none', (_what, configuration) => {
    const notification = { LambdaFunctionConfigurations: [configuration] };

    expect(findLacks({ ...sound, notification }, wanted)).toEqual([expect.stringMatching(/^a notification to/)]);
  });
});
