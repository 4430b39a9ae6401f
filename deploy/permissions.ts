/**
 * Who may do what, as CloudFormation: one role for each function, one managed policy each for uploaders and readers.
 * Buckets, queues and functions are named here by their names, not by reference, because a bucket that notifies a
 * function whose role refers to the bucket would be a circle.
 */

import type { Config, EndpointConfig } from '../lib/config/types.ts';
import { secretReferences } from './secret-references.ts';

/** A value that CloudFormation fills in, or a plain text. */
export type Text = string | { readonly 'Fn::Sub': string } | { readonly 'Fn::GetAtt': readonly [string, string] };

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly Text[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface PermissionRequest {
  readonly config: Config;
  /** The bucket's name, in which `${AWS::…}` may occur. */
  readonly bucket: string;
  /** Service and stage, `tamis-dev`: every name of the stack begins with it. */
  readonly prefix: string;
  readonly customerKey: boolean;
  readonly events: boolean;
}

const sub = (text: string): Text => ({ 'Fn::Sub': text });
const arn = (rest: string): Text => sub(`arn:\${AWS::Partition}:${rest}`);
const ownArn = (service: string, rest: string): Text => arn(`${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`);
const keyArn: Text = { 'Fn::GetAtt': ['CustomerKey', 'Arn'] };

const allow = (Sid: string, Action: readonly string[], ...Resource: readonly Text[]): Statement => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
});

/**
 * Without `s3:ListBucket` S3 answers 403 for a missing object. For a read, S3 takes the object's key as `s3:prefix`
 * (https://github.com/ceph/ceph/pull/68577, read 2026-11-23), so a condition on prefixes is enough.
 */
function listing(bucket: string, actions: readonly string[], ...prefixes: readonly string[]): Statement {
  return {
    ...allow('ListPrefixes', actions, arn(`s3:::${bucket}`)),
    Condition: { StringLike: { 's3:prefix': prefixes.map((prefix) => `${prefix}*`) } },
  };
}

/** What both functions do in the bucket: read inputs, publish and withdraw results, keep claims. */
function bucketStatements(bucket: string): readonly Statement[] {
  const objects = (prefix: string): Text => arn(`s3:::${bucket}/${prefix}*`);
  return [
    allow('ReadInput', ['s3:GetObject', 's3:GetObjectVersion'], objects('input/')),
    allow(
      'PublishResults',
      ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      objects('output/'),
    ),
    allow(
      'KeepClaims',
      [
        's3:GetObject',
        's3:GetObjectVersion',
        's3:PutObject',
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:AbortMultipartUpload',
      ],
      objects('.tamis/'),
    ),
    listing(bucket, ['s3:ListBucket', 's3:ListBucketVersions'], 'input/', 'output/', '.tamis/'),
  ];
}

/** What both functions need besides the bucket. */
function commonStatements(request: PermissionRequest, functionName: string): readonly Statement[] {
  return [
    allow(
      'WriteLog',
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
      ownArn('logs', `log-group:/aws/lambda/${functionName}:*`),
    ),
    ...(request.customerKey ? [allow('UseCustomerKey', ['kms:Decrypt', 'kms:GenerateDataKey'], keyArn)] : []),
    ...(request.events
      ? [
          {
            ...allow('PutEvents', ['events:PutEvents'], ownArn('events', 'event-bus/default')),
            Condition: { StringEquals: { 'events:source': 'tamis' } },
          },
        ]
      : []),
  ];
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)].sort();

/** SageMaker's ARNs hold the endpoint's name in lower case, whatever the name's own case. */
function endpointArns(endpoint: EndpointConfig): readonly string[] {
  if (endpoint.kind !== 'sagemaker') return [];
  const region = endpoint.region ?? `\${AWS::Region}`;
  const start = `arn:\${AWS::Partition}:sagemaker:${region}:\${AWS::AccountId}`;
  return [
    `${start}:endpoint/${endpoint.name.toLowerCase()}`,
    ...(endpoint.inferenceComponent === undefined
      ? []
      : [`${start}:inference-component/${endpoint.inferenceComponent.toLowerCase()}`]),
  ];
}

/** Only what the routes name: their endpoints, their secrets, their models. */
function routeStatements(config: Config): readonly Statement[] {
  const endpoints = config.routes.map((route) => route.endpoint);
  const invoked = unique(endpoints.flatMap(endpointArns));
  const parameters = unique(
    endpoints
      .flatMap(secretReferences)
      .filter((secret) => secret.startsWith('ssm:'))
      .map((secret) => secret.slice('ssm:'.length).replace(/^\/?/, '/')),
  );
  const models = unique(
    endpoints.flatMap((endpoint) =>
      endpoint.kind === 'onnx' && endpoint.model.startsWith('s3://') ? [endpoint.model.slice('s3://'.length)] : [],
    ),
  );
  return [
    ...(invoked.length > 0 ? [allow('InvokeEndpoints', ['sagemaker:InvokeEndpoint'], ...invoked.map(sub))] : []),
    ...(parameters.length > 0
      ? [allow('ReadSecrets', ['ssm:GetParameter'], ...parameters.map((name) => ownArn('ssm', `parameter${name}`)))]
      : []),
    ...(models.length > 0
      ? [allow('ReadModels', ['s3:GetObject', 's3:GetObjectVersion'], ...models.map((model) => arn(`s3:::${model}`)))]
      : []),
  ];
}

function role(statements: readonly Statement[]): object {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [{ PolicyName: 'least', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
    },
  };
}

function managedPolicy(Description: string, statements: readonly Statement[]): object {
  return {
    Type: 'AWS::IAM::ManagedPolicy',
    Properties: { Description, PolicyDocument: { Version: '2012-10-17', Statement: statements } },
  };
}

/** The CloudFormation resources `ClassifyRole`, `SettleFailedRole`, `UploaderPolicy` and `ReaderPolicy`. */
export function permissionResources(request: PermissionRequest): Readonly<Record<string, object>> {
  const { bucket, prefix, config } = request;
  return {
    ClassifyRole: role([
      ...bucketStatements(bucket),
      ...routeStatements(config),
      allow('HandOverFailures', ['lambda:InvokeFunction'], ownArn('lambda', `function:${prefix}-settle-failed`)),
      allow('KeepFailures', ['sqs:SendMessage'], ownArn('sqs', `${prefix}-failed`)),
      ...commonStatements(request, `${prefix}-classify`),
    ]),
    SettleFailedRole: role([...bucketStatements(bucket), ...commonStatements(request, `${prefix}-settle-failed`)]),
    UploaderPolicy: managedPolicy('Uploads files to be classified, and nothing else', [
      allow(
        'Upload',
        ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        arn(`s3:::${bucket}/input/*`),
      ),
      ...(request.customerKey ? [allow('UseCustomerKey', ['kms:Decrypt', 'kms:GenerateDataKey'], keyArn)] : []),
    ]),
    ReaderPolicy: managedPolicy('Reads results, and nothing else', [
      allow('Read', ['s3:GetObject', 's3:GetObjectVersion'], arn(`s3:::${bucket}/output/*`)),
      listing(bucket, ['s3:ListBucket'], 'output/'),
      ...(request.customerKey ? [allow('UseCustomerKey', ['kms:Decrypt'], keyArn)] : []),
    ]),
  };
}
