import { describe, expect, it } from '@jest/globals';
import type { EventPump } from '../../local/events.ts';
import { type FunctionFacts, makeTarget, matches, readTriggers, type ServiceFacts } from '../../local/triggers.ts';

const logicalId = (key: string) => `${key[0]?.toUpperCase()}${key.slice(1).replaceAll('-', 'Dash')}LambdaFunction`;

function makeService(functions: Record<string, FunctionFacts>, resources: Record<string, unknown> = {}): ServiceFacts {
  return { region: 'eu-west-3', functions, resources, logicalId };
}

function bucketWith(configuration: object, name?: string): Record<string, unknown> {
  const NotificationConfiguration = { LambdaConfigurations: [configuration] };
  const Properties = { ...(name === undefined ? {} : { BucketName: name }), NotificationConfiguration };
  return { Bucket: { Type: 'AWS::S3::Bucket', Properties }, Queue: { Type: 'AWS::SQS::Queue' } };
}

describe('readTriggers', () => {
  it('reads s3 events of functions, short and long', () => {
    const service = makeService({
      short: { events: [{ s3: 'local' }] },
      long: {
        events: [
          { s3: { bucket: 'local', event: 's3:ObjectCreated:Put', rules: [{ prefix: 'a/' }, { suffix: '.csv' }] } },
        ],
      },
      neither: { events: [{ sqs: 'arn:aws:sqs:eu-west-3:1:queue' }] },
    });

    expect(readTriggers(service, ['local'])).toEqual([
      { functionKey: 'short', bucket: 'local', eventName: 's3:ObjectCreated:*', prefix: '', suffix: '' },
      { functionKey: 'long', bucket: 'local', eventName: 's3:ObjectCreated:Put', prefix: 'a/', suffix: '.csv' },
    ]);
  });

  it('reads the notifications of bucket resources', () => {
    const configuration = {
      Event: 's3:ObjectCreated:*',
      Function: { 'Fn::GetAtt': ['ClassifyLambdaFunction', 'Arn'] },
      Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'input/' }] } },
    };
    const service = makeService({ other: {}, classify: {} }, bucketWith(configuration));

    expect(readTriggers(service, ['local'])).toEqual([
      { functionKey: 'classify', bucket: undefined, eventName: 's3:ObjectCreated:*', prefix: 'input/', suffix: '' },
    ]);
  });

  it('takes a bucket whose name is only known in the cloud for any local one', () => {
    const named = makeService({ classify: { events: [{ s3: { bucket: 'company-data' } }] } });

    expect(readTriggers(named, ['local']).map(({ bucket }) => bucket)).toEqual([undefined]);
  });
});

describe('matches', () => {
  const trigger = { functionKey: 'f', bucket: 'local', eventName: 's3:ObjectCreated:*', prefix: 'in/', suffix: '.csv' };
  const created = { bucket: 'local', key: 'in/a.csv', createdBy: 'Put' as const };

  it('looks at bucket, prefix, suffix and kind of event', () => {
    expect(matches(trigger, created)).toBe(true);
    expect(matches(trigger, { ...created, bucket: 'other' })).toBe(false);
    expect(matches(trigger, { ...created, key: 'out/a.csv' })).toBe(false);
    expect(matches(trigger, { ...created, key: 'in/a.tsv' })).toBe(false);
    expect(matches({ ...trigger, eventName: 's3:ObjectCreated:Copy' }, created)).toBe(false);
    expect(matches({ ...trigger, eventName: 's3:ObjectCreated:Copy' }, { ...created, createdBy: 'Copy' })).toBe(true);
    expect(matches({ ...trigger, eventName: 's3:ObjectRemoved:*' }, created)).toBe(false);
  });
});

describe('makeTarget', () => {
  const record = {
    version: '1.0' as const,
    timestamp: '2026-11-20T10:00:00.000Z',
    requestContext: {
      requestId: 'r',
      functionArn: 'arn',
      condition: 'RetriesExhausted' as const,
      approximateInvokeCount: 3,
    },
    requestPayload: { Records: [] },
  };

  function submittedBy(service: ServiceFacts): unknown[] {
    const submitted: unknown[] = [];
    const pump: EventPump = {
      submit: (target, payload) => submitted.push([target.functionName, payload]),
      idle: async () => undefined,
      close: () => undefined,
    };
    makeTarget(service, 'classify', () => pump).onFailure?.(record);
    return submitted;
  }

  it('carries name, ARN, retries and age of the function', () => {
    const service = makeService({
      classify: { name: 'tamis-dev-classify', maximumRetryAttempts: 1, maximumEventAge: 3600 },
    });

    expect(makeTarget(service, 'classify', () => expect.anything() as never)).toMatchObject({
      functionName: 'tamis-dev-classify',
      functionArn: 'arn:aws:lambda:eu-west-3:000000000000:function:tamis-dev-classify',
      maxRetries: 1,
      maxEventAgeMs: 3_600_000,
    });
  });

  it('invokes a function that is the destination with the record, however it is named', () => {
    const references = [
      'settle-failed',
      { type: 'function', arn: { 'Fn::GetAtt': ['Settle-Dash', 'Arn'] } },
      { type: 'function', arn: { 'Fn::GetAtt': [logicalId('settle-failed'), 'Arn'] } },
      'arn:aws:lambda:eu-west-3:1:function:tamis-settle',
    ];

    const submitted = references.map((onFailure) =>
      submittedBy(
        makeService({ classify: { destinations: { onFailure } }, 'settle-failed': { name: 'tamis-settle' } }),
      ),
    );

    const once = [['tamis-settle', record]];
    expect(submitted).toEqual([once, [], once, once]);
  });

  it('invokes the consumers of a queue that is the destination with a queue event', () => {
    const arn = { 'Fn::GetAtt': ['FailedQueue', 'Arn'] };
    const service = makeService({
      classify: { destinations: { onFailure: { type: 'sqs', arn } } },
      poll: { name: 'poll', events: [{ sqs: { arn } }] },
      other: { name: 'other', events: [{ sqs: { arn: { 'Fn::GetAtt': ['OtherQueue', 'Arn'] } } }] },
    });

    const submitted = submittedBy(service);

    expect(submitted).toEqual([['poll', { Records: [expect.objectContaining({ eventSource: 'aws:sqs' })] }]]);
    const [[, event]] = submitted as [[string, { Records: [{ body: string }] }]];
    expect(JSON.parse(event.Records[0].body)).toEqual(record);
  });

  it('does nothing after a failure when there is no destination', () => {
    expect(submittedBy(makeService({ classify: {} }))).toEqual([]);
  });
});
