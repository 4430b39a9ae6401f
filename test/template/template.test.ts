// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's own
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type PackagedStack, packageStack, type Resource, withPackage } from './package-stack.ts';

const routes = `version: 1
routes:
  - name: near
    input: input/near/
    features: [a]
    endpoint: { kind: sagemaker, name: MyEndpoint }
  - name: web
    input: input/web/
    features: [a]
    endpoint:
      kind: mlflow
      url: https://models.example.eu/invocations
      auth: { scheme: bearer, secret: "ssm:/tamis/token" }
residency:
  declared: [{ host: models.example.eu, country: FR }]
`;

let plain: PackagedStack;
let keyed: PackagedStack;
let alarmed: PackagedStack;
let switched: PackagedStack;
let sovereign: PackagedStack;

beforeAll(async () => {
  [plain, keyed] = await Promise.all([
    packageStack({}),
    packageStack({ config: routes, words: ['--param', 'customerKey=on'] }),
  ]);
  [alarmed, switched] = await Promise.all([
    packageStack({
      config: routes,
      words: ['--param', 'alarms=on', '--param', 'alarmTopic=arn:aws:sns:eu-west-3:123456789012:operators'],
    }),
    packageStack({
      config: routes,
      words: ['--param', 'metrics=on', '--param', 'events=on', '--param', 'reservedConcurrency=3'],
    }),
  ]);
  const words = ['--region', 'eusc-de-east-1', '--stage', 'prod', '--param', 'bucket=ours-since-2019'];
  sovereign = await packageStack({ config: routes, words });
}, 180_000);

const resource = ({ template }: PackagedStack, name: string): Resource => {
  const found = template.Resources[name];
  if (found === undefined) throw new Error(`no resource ${name}`);
  return found;
};
const properties = (stack: PackagedStack, name: string) => resource(stack, name).Properties;
const namesOf = ({ template }: PackagedStack): string[] => Object.keys(template.Resources).sort();
const differing = (one: PackagedStack, other: PackagedStack): string[] =>
  namesOf(one).filter((name) => comparable(one, name) !== comparable(other, name));
/** Without the folder that the framework names after the time. */
const comparable = ({ template }: PackagedStack, name: string): string =>
  JSON.stringify(template.Resources[name] ?? null).replace(/serverless\/tamis\/[^"]*\//g, '');

interface Statement {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: readonly unknown[];
  readonly Condition?: unknown;
}
function statements(stack: PackagedStack, role: string): readonly Statement[] {
  const { Policies, PolicyDocument } = properties(stack, role) as unknown as {
    Policies?: { PolicyDocument: { Statement: Statement[] } }[];
    PolicyDocument?: { Statement: Statement[] };
  };
  return (PolicyDocument ?? Policies![0]!.PolicyDocument).Statement;
}
/** `Sid: actions on resources`, with short names for what CloudFormation fills in. */
function grants(stack: PackagedStack, role: string): string[] {
  const short = (value: unknown): string =>
    (typeof value === 'string'
      ? value
      : Object.values(value as object)
          .flat()
          .join('.')
    )
      .replaceAll('${AWS::Partition}', 'P')
      .replaceAll('${AWS::Region}', 'R')
      .replaceAll('${AWS::AccountId}', 'A');
  return statements(stack, role).map(
    ({ Sid, Action, Resource }) => `${Sid}: ${Action.join(' ')} on ${Resource.map(short).join(' ')}`,
  );
}

describe('the default stack', () => {
  it('is packaged without network, credentials or account', () => {
    expect(plain.artefacts).toEqual(
      expect.arrayContaining(['classify.zip', 'settle-failed.zip', 'cloudformation-template-update-stack.json']),
    );
    expect(plain.output).toContain('billed for storage only');
  });

  it('bills nothing when idle but storage: every resource, and every property of it, is known to be free of a fee', () => {
    // Prices of each service's page, read 2026-11-23. S3 and logs bill what is stored; Lambda and SQS bill requests,
    // and nothing here sends one on its own: an event source mapping would poll the queue day and night.
    const free: Readonly<Record<string, readonly string[]>> = {
      'AWS::S3::Bucket': [
        'BucketName',
        'BucketEncryption',
        'PublicAccessBlockConfiguration',
        'OwnershipControls',
        'VersioningConfiguration',
        'LifecycleConfiguration',
        'NotificationConfiguration',
      ],
      'AWS::S3::BucketPolicy': ['Bucket', 'PolicyDocument'],
      'AWS::Logs::LogGroup': ['LogGroupName', 'RetentionInDays'],
      'AWS::Lambda::Function': [
        'Architectures',
        'Code',
        'DeadLetterConfig',
        'Description',
        'Environment',
        'EphemeralStorage',
        'FunctionName',
        'Handler',
        'MemorySize',
        'Role',
        'Runtime',
        'Tags',
        'Timeout',
      ],
      'AWS::Lambda::EventInvokeConfig': [
        'DestinationConfig',
        'FunctionName',
        'MaximumEventAgeInSeconds',
        'MaximumRetryAttempts',
        'Qualifier',
      ],
      'AWS::Lambda::Permission': ['Action', 'FunctionName', 'Principal', 'SourceAccount', 'SourceArn'],
      'AWS::IAM::Role': ['AssumeRolePolicyDocument', 'Policies'],
      'AWS::IAM::ManagedPolicy': ['Description', 'PolicyDocument'],
      'AWS::SQS::Queue': ['MessageRetentionPeriod', 'QueueName', 'SqsManagedSseEnabled'],
      'AWS::SQS::QueuePolicy': ['PolicyDocument', 'Queues'],
    };

    const unknown = Object.entries(plain.template.Resources).flatMap(([name, { Type, Properties }]) =>
      Object.keys(Properties)
        .filter((property) => !free[Type]?.includes(property))
        .map((property) => `${name} (${Type}): ${property}`),
    );

    expect(namesOf(plain).length).toBeGreaterThan(12);
    expect(unknown).toEqual([]);
  });

  it('encrypts with a key that costs nothing, and sends no bucket event anywhere else', () => {
    expect(properties(plain, 'Bucket').BucketEncryption).toEqual({
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    });
    expect(Object.keys(properties(plain, 'Bucket')['NotificationConfiguration'] as object)).toEqual([
      'LambdaConfigurations',
    ]);
  });

  it('names neither a partition nor an account', () => {
    expect(plain.text).not.toMatch(/arn:aws[a-z-]*:/);
    expect(plain.text).not.toMatch(/\b\d{12}\b(?!\d)/);
    expect(plain.text.match(/[a-z0-9.-]*amazonaws\.[a-z]+/g)?.sort()).toEqual([
      'lambda.amazonaws.com',
      'lambda.amazonaws.com',
      's3.amazonaws.com',
    ]);
  });
});

describe('the bucket', () => {
  it('is private, owned by the account, and versioned', () => {
    const bucket = properties(plain, 'Bucket');

    expect(bucket.PublicAccessBlockConfiguration).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
    expect(bucket.OwnershipControls).toEqual({ Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] });
    expect(bucket.VersioningConfiguration).toEqual({ Status: 'Enabled' });
  });

  it('refuses whoever comes without TLS', () => {
    expect(properties(plain, 'BucketPolicy').PolicyDocument).toMatchObject({
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [{ 'Fn::GetAtt': ['Bucket', 'Arn'] }, { 'Fn::Sub': '${Bucket.Arn}/*' }],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    });
  });

  it('forgets: unfinished uploads, old versions, claims, inputs and results', () => {
    const { Rules } = properties(plain, 'Bucket').LifecycleConfiguration as { Rules: Record<string, unknown>[] };
    const enabled = Rules.filter(({ Status }) => Status === 'Enabled').map(({ Id, Status, ...rule }) => rule);

    expect(enabled).toEqual([
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
      { NoncurrentVersionExpiration: { NoncurrentDays: 7 } },
      { ExpiredObjectDeleteMarker: true },
      { Prefix: '.tamis/', ExpirationInDays: 30 },
      { Prefix: 'input/', ExpirationInDays: 90 },
      { Prefix: 'output/', ExpirationInDays: 90 },
    ]);
  });

  it('is kept when the stack goes, and when a change would replace it', () => {
    expect(resource(plain, 'Bucket')).toMatchObject({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it('wakes classify for whatever is created under input/, and nothing else may', () => {
    expect(properties(plain, 'Bucket').NotificationConfiguration).toEqual({
      LambdaConfigurations: [
        {
          Event: 's3:ObjectCreated:*',
          Function: { 'Fn::GetAtt': ['ClassifyLambdaFunction', 'Arn'] },
          Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'input/' }] } },
        },
      ],
    });
    expect(properties(plain, 'BucketMayInvokeClassify')).toMatchObject({
      Principal: 's3.amazonaws.com',
      SourceAccount: { Ref: 'AWS::AccountId' },
      SourceArn: { 'Fn::Sub': 'arn:${AWS::Partition}:s3:::tamis-dev-${AWS::AccountId}-${AWS::Region}' },
    });
  });
});

describe('the functions', () => {
  it.each(['ClassifyLambdaFunction', 'SettleDashfailedLambdaFunction'])('%s runs Node 24 on arm64', (name) => {
    expect(properties(plain, name)).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
  });

  it('of jobs has one vCPU, fifteen minutes and the storage that is free', () => {
    expect(properties(plain, 'ClassifyLambdaFunction')).toMatchObject({
      MemorySize: 1769,
      Timeout: 900,
      EphemeralStorage: { Size: 512 },
    });
    expect(properties(plain, 'ClassifyLambdaFunction')).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  it('are tried twice more within six hours, and then hand the event to queue and settle-failed', () => {
    expect(properties(plain, 'ClassifyLambdaEvConf')).toMatchObject({
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 21_600,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['SettleDashfailedLambdaFunction', 'Arn'] } } },
    });
    expect(properties(plain, 'ClassifyLambdaFunction').DeadLetterConfig).toEqual({
      TargetArn: { 'Fn::GetAtt': ['FailedQueue', 'Arn'] },
    });
    expect(properties(plain, 'SettleDashfailedLambdaEvConf')).toMatchObject({
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 21_600,
    });
  });

  it('keep what failed for 14 days, encrypted', () => {
    expect(properties(plain, 'FailedQueue')).toEqual({
      QueueName: 'tamis-dev-failed',
      MessageRetentionPeriod: 14 * 24 * 60 * 60,
      SqsManagedSseEnabled: true,
    });
  });

  it('keep their logs for 30 days', () => {
    expect(properties(plain, 'ClassifyLogGroup').RetentionInDays).toBe(30);
    expect(properties(plain, 'SettleDashfailedLogGroup').RetentionInDays).toBe(30);
  });
});

describe('permissions', () => {
  const bucket = 'arn:P:s3:::tamis-dev-A-R';
  const inBucket = [
    `ReadInput: s3:GetObject s3:GetObjectVersion on ${bucket}/input/*`,
    `PublishResults: s3:GetObject s3:GetObjectVersion s3:PutObject s3:DeleteObject s3:AbortMultipartUpload on ${bucket}/output/*`,
    `KeepClaims: s3:GetObject s3:GetObjectVersion s3:PutObject s3:DeleteObject s3:DeleteObjectVersion s3:AbortMultipartUpload on ${bucket}/.tamis/*`,
    `ListPrefixes: s3:ListBucket s3:ListBucketVersions on ${bucket}`,
  ];
  const log = (name: string) =>
    `WriteLog: logs:CreateLogStream logs:PutLogEvents on arn:P:logs:R:A:log-group:/aws/lambda/tamis-dev-${name}:*`;

  it('of classify with an embedded model are these and no others', () => {
    expect(grants(plain, 'ClassifyRole')).toEqual([
      ...inBucket,
      'HandOverFailures: lambda:InvokeFunction on arn:P:lambda:R:A:function:tamis-dev-settle-failed',
      'KeepFailures: sqs:SendMessage on arn:P:sqs:R:A:tamis-dev-failed',
      log('classify'),
    ]);
  });

  it('of settle-failed are these and no others', () => {
    expect(grants(plain, 'SettleFailedRole')).toEqual([...inBucket, log('settle-failed')]);
  });

  it('to list are bound to the three prefixes', () => {
    const listing = statements(plain, 'ClassifyRole').find(({ Sid }) => Sid === 'ListPrefixes');

    expect(listing?.Condition).toEqual({ StringLike: { 's3:prefix': ['input/*', 'output/*', '.tamis/*'] } });
  });

  it('reach the endpoints and secrets that the routes name, and no others', () => {
    const more = grants(keyed, 'ClassifyRole').filter((grant) => !grants(plain, 'ClassifyRole').includes(grant));

    expect(more).toEqual([
      'InvokeEndpoints: sagemaker:InvokeEndpoint on arn:P:sagemaker:R:A:endpoint/myendpoint',
      'ReadSecrets: ssm:GetParameter on arn:P:ssm:R:A:parameter/tamis/token',
      'UseCustomerKey: kms:Decrypt kms:GenerateDataKey on CustomerKey.Arn',
    ]);
  });

  it('for people are two policies: one uploads, one reads', () => {
    expect(grants(plain, 'UploaderPolicy')).toEqual([
      `Upload: s3:PutObject s3:AbortMultipartUpload s3:ListMultipartUploadParts on ${bucket}/input/*`,
    ]);
    expect(grants(plain, 'ReaderPolicy')).toEqual([
      `Read: s3:GetObject s3:GetObjectVersion on ${bucket}/output/*`,
      `ListPrefixes: s3:ListBucket on ${bucket}`,
    ]);
    expect(plain.template.Outputs).toMatchObject({
      UploaderPolicyArn: { Value: { Ref: 'UploaderPolicy' } },
      ReaderPolicyArn: { Value: { Ref: 'ReaderPolicy' } },
    });
  });

  it('are granted on no resource called *', () => {
    const roles = Object.keys(switched.template.Resources).filter((name) => /Role$|Policy$/.test(name));
    const broad = roles
      .filter((name) => resource(switched, name).Type.startsWith('AWS::IAM::'))
      .flatMap((name) => statements(switched, name))
      .filter(({ Action, Resource }) =>
        [...Action, ...Resource].some((text) => text === '*' || /:\*$/.test(`${text}`)),
      );

    expect(roles.length).toBeGreaterThan(3);
    expect(broad).toEqual([]);
  });
});

describe('a switch', () => {
  it('customerKey adds one key, and what has to use it', () => {
    expect(namesOf(keyed).filter((name) => !namesOf(plain).includes(name))).toEqual(['CustomerKey']);
    expect(differing(keyed, alarmed)).toEqual([
      'Bucket',
      'ClassifyRole',
      'CustomerKey',
      'ReaderPolicy',
      'SettleFailedRole',
      'UploaderPolicy',
    ]);
    expect(keyed.output).toContain('customerKey is on: 1 USD a month');
  });

  it('alarms adds three alarms that notify the topic, and nothing else', () => {
    const added = namesOf(alarmed).filter((name) => !namesOf(plain).includes(name));

    expect(added).toEqual(['FailedEventsAlarm', 'ThrottledAlarm', 'UnsettledAlarm']);
    for (const name of added) {
      expect(resource(alarmed, name).Type).toBe('AWS::CloudWatch::Alarm');
      expect(properties(alarmed, name).AlarmActions).toEqual(['arn:aws:sns:eu-west-3:123456789012:operators']);
    }
    expect(alarmed.output).toContain('alarms is on: 0.30 USD a month');
  });

  it('metrics and events add no resource: a variable, and leave to put events as tamis', () => {
    expect(namesOf(switched)).toEqual(namesOf(plain));
    expect(properties(plain, 'ClassifyLambdaFunction').Environment).toMatchObject({
      Variables: { TAMIS_METRICS: 'off', TAMIS_EVENTS: 'off' },
    });
    expect(properties(switched, 'ClassifyLambdaFunction').Environment).toMatchObject({
      Variables: { TAMIS_METRICS: 'on', TAMIS_EVENTS: 'on' },
    });
    expect(statements(switched, 'ClassifyRole').find(({ Sid }) => Sid === 'PutEvents')).toMatchObject({
      Action: ['events:PutEvents'],
      Resource: [{ 'Fn::Sub': 'arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default' }],
      Condition: { StringEquals: { 'events:source': 'tamis' } },
    });
  });

  it('reservedConcurrency limits classify alone', () => {
    expect(properties(switched, 'ClassifyLambdaFunction').ReservedConcurrentExecutions).toBe(3);
    expect(properties(switched, 'SettleDashfailedLambdaFunction')).not.toHaveProperty('ReservedConcurrentExecutions');
  });
});

describe('an existing bucket', () => {
  it('is neither made nor changed, and may wake classify', () => {
    expect(namesOf(plain).filter((name) => !namesOf(sovereign).includes(name))).toEqual(['Bucket', 'BucketPolicy']);
    expect(properties(sovereign, 'BucketMayInvokeClassify').SourceArn).toEqual({
      'Fn::Sub': 'arn:${AWS::Partition}:s3:::ours-since-2019',
    });
    expect(sovereign.template.Outputs).toMatchObject({ BucketName: { Value: 'ours-since-2019' } });
  });

  it('is what the roles are bound to', () => {
    expect(grants(sovereign, 'UploaderPolicy')[0]).toMatch(/ on arn:P:s3:::ours-since-2019\/input\/\*$/);
  });
});

describe('npm run package', () => {
  it('packages for the European Sovereign Cloud', () => {
    expect(properties(sovereign, 'ClassifyLambdaFunction').FunctionName).toBe('tamis-prod-classify');
    expect(sovereign.text).not.toMatch(/arn:aws[a-z-]*:/);
  });

  it.each([
    [
      'a Region outside the residency rule',
      ['--region', 'eu-west-2'],
      'residency.refused',
      'found the deployment is in eu-west-2',
    ],
    ['a parameter that does not exist', ['--param', 'alarm=on'], 'local.parameter', 'expected one of bucket,'],
    [
      'a switch that is neither on nor off',
      ['--param', 'alarms=yes'],
      'local.parameter',
      'expected on or off for alarms',
    ],
    ['an option that does not exist', ['--regoin', 'eu-west-3'], 'local.usage', '--region'],
    ['a configuration that does not exist', ['--config', 'nowhere.yml'], 'config.missing', 'nowhere.yml'],
  ])('refuses %s with status 2 and one line', async (_what, words, code, detail) => {
    const { status, output } = await withPackage({ words }, async (run) => run);

    expect(status).toBe(2);
    expect(output.trimEnd().split('\n')).toEqual([expect.stringContaining(`${code}: `)]);
    expect(output).toContain(detail);
  });

  it('refuses a stub: nobody classifies with it', async () => {
    const config = `version: 1
routes:
  - { name: a, input: input/a/, features: [x], endpoint: { kind: stub, labels: [yes, no] } }
`;
    const { status, output } = await withPackage({ config }, async (run) => run);

    expect(status).toBe(2);
    expect(output).toContain('config.invalid');
    expect(output).toContain('routes[0].endpoint.kind');
  });
});
