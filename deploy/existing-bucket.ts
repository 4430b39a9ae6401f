/**
 * A bucket that was there before the stack: what it lacks is said, never changed, because it has other users. That
 * includes its notification, which S3 replaces as a whole.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html (read 2026-11-23)
 */
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  type LambdaFunctionConfiguration,
  type LifecycleRule,
  type NotificationConfiguration,
  type PublicAccessBlockConfiguration,
  type S3Client,
} from '@aws-sdk/client-s3';

export interface BucketState {
  readonly region: string;
  readonly encryption: string | undefined;
  readonly publicAccess: PublicAccessBlockConfiguration | undefined;
  readonly ownership: string | undefined;
  readonly versioning: string | undefined;
  readonly policy: string | undefined;
  readonly lifecycle: readonly LifecycleRule[];
  readonly notification: NotificationConfiguration;
}

/** S3 answers 404 for a setting that was never made. */
async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404) return undefined;
    throw error;
  }
}

export async function readBucket(client: S3Client, bucket: string): Promise<BucketState> {
  const target = { Bucket: bucket };
  const { $metadata: _, ...notification } = await client.send(new GetBucketNotificationConfigurationCommand(target));
  const encryption = await orNone(client.send(new GetBucketEncryptionCommand(target)));
  const ownership = await orNone(client.send(new GetBucketOwnershipControlsCommand(target)));
  return {
    // The oldest Region has no name here.
    region: (await client.send(new GetBucketLocationCommand(target))).LocationConstraint ?? 'us-east-1',
    encryption:
      encryption?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
    publicAccess: (await orNone(client.send(new GetPublicAccessBlockCommand(target))))?.PublicAccessBlockConfiguration,
    ownership: ownership?.OwnershipControls?.Rules?.[0]?.ObjectOwnership,
    versioning: (await client.send(new GetBucketVersioningCommand(target))).Status,
    policy: (await orNone(client.send(new GetBucketPolicyCommand(target))))?.Policy,
    lifecycle: (await orNone(client.send(new GetBucketLifecycleConfigurationCommand(target))))?.Rules ?? [],
    notification,
  };
}

export interface Wanted {
  readonly region: string;
  readonly stage: string;
}

const prefixOf = (configuration: LambdaFunctionConfiguration): string =>
  configuration.Filter?.Key?.FilterRules?.find(({ Name }) => Name?.toLowerCase() === 'prefix')?.Value ?? '';

function notificationLack({ notification }: BucketState, { region, stage }: Wanted): readonly string[] {
  const name = `tamis-${stage}-classify`;
  const lambdas = notification.LambdaFunctionConfigurations ?? [];
  const isOurs = (configuration: LambdaFunctionConfiguration) =>
    configuration.LambdaFunctionArn?.endsWith(`:function:${name}`) === true &&
    configuration.Events?.includes('s3:ObjectCreated:*') === true &&
    'input/'.startsWith(prefixOf(configuration));
  if (lambdas.some(isOurs)) return [];
  const partition = region.startsWith('eusc-') ? 'aws-eusc' : 'aws';
  const ours: LambdaFunctionConfiguration = {
    Id: name,
    LambdaFunctionArn: `arn:${partition}:lambda:${region}:ACCOUNT:function:${name}`,
    Events: ['s3:ObjectCreated:*'],
    Filter: { Key: { FilterRules: [{ Name: 'prefix', Value: 'input/' }] } },
  };
  const whole = { ...notification, LambdaFunctionConfigurations: [...lambdas, ours] };
  return [
    `a notification to ${name}. The bucket's notifications with it (put your account number for ACCOUNT), for aws s3api put-bucket-notification-configuration: ${JSON.stringify(whole)}`,
  ];
}

const isTlsOnly = (policy: string | undefined): boolean =>
  policy !== undefined && /"Deny"/.test(policy) && /"aws:SecureTransport"\s*:\s*\[?\s*"?false/i.test(policy);

const isBlocked = (settings: PublicAccessBlockConfiguration | undefined): boolean =>
  settings !== undefined &&
  [
    settings.BlockPublicAcls,
    settings.BlockPublicPolicy,
    settings.IgnorePublicAcls,
    settings.RestrictPublicBuckets,
  ].every((set) => set === true);

const coversTamis = (rule: LifecycleRule): boolean =>
  '.tamis/'.startsWith(rule.Filter?.Prefix ?? (rule as { Prefix?: string }).Prefix ?? '');

/** What a new bucket of ours has and this one has not, and what has to be granted by hand; one sentence part each. */
export function findLacks(state: BucketState, wanted: Wanted): readonly string[] {
  const rules = state.lifecycle.filter(({ Status }) => Status === 'Enabled');
  const lacks: readonly (readonly [boolean, string])[] = [
    [
      state.region !== wanted.region,
      `the Region ${wanted.region}: it lies in ${state.region}, and S3 only notifies functions of its own Region`,
    ],
    [state.encryption === undefined, 'default encryption'],
    [
      state.encryption?.startsWith('aws:kms') === true,
      `kms:Decrypt and kms:GenerateDataKey for the roles of tamis-${wanted.stage}-classify and tamis-${wanted.stage}-settle-failed in the policy of its key`,
    ],
    [!isBlocked(state.publicAccess), 'a block on all public access'],
    [state.ownership !== 'BucketOwnerEnforced', 'object ownership BucketOwnerEnforced'],
    [
      state.versioning !== 'Enabled',
      'versioning: without it, an input that is overwritten while it is read fails its job',
    ],
    [!isTlsOnly(state.policy), 'a policy that denies requests without TLS'],
    [
      !rules.some((rule) => rule.AbortIncompleteMultipartUpload !== undefined && coversTamis(rule)),
      'a lifecycle rule that aborts unfinished uploads',
    ],
    [
      !rules.some((rule) => rule.Expiration?.Days !== undefined && coversTamis(rule)),
      'a lifecycle rule that deletes .tamis/ after 30 days',
    ],
  ];
  return [...lacks.filter(([isLacking]) => isLacking).map(([, text]) => text), ...notificationLack(state, wanted)];
}
