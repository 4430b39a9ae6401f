/** Who is called: read from what serverless.yml says, in the framework's own shape. */
import { createHash, randomUUID } from 'node:crypto';
import type { AsyncTarget, DestinationRecord, EventPump } from './events.ts';
import type { ObjectCreated } from './s3/notification.ts';

/** What is used of a service that the framework has read. */
export interface ServiceFacts {
  readonly region: string;
  readonly functions: Readonly<Record<string, FunctionFacts>>;
  /** `resources.Resources`. */
  readonly resources: Readonly<Record<string, unknown>>;
  /** The CloudFormation name that the framework gives to a function. */
  readonly logicalId: (functionKey: string) => string;
}

export interface FunctionFacts {
  readonly name?: string;
  readonly events?: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly maximumRetryAttempts?: number;
  /** Seconds. */
  readonly maximumEventAge?: number;
  readonly destinations?: { readonly onFailure?: unknown };
}

/** One rule: which objects go to which function. */
export interface Trigger {
  readonly functionKey: string;
  /** Undefined: any bucket. */
  readonly bucket: string | undefined;
  /** As in `s3:ObjectCreated:*`. */
  readonly eventName: string;
  readonly prefix: string;
  readonly suffix: string;
}

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function itemsOf(value: unknown): readonly Tree[] {
  return Array.isArray(value) ? value.filter(isTree) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * The rules of the functions' `s3` events and of the bucket notifications among the resources. A bucket that is not one of
 * `localBuckets` (its name is only known in the cloud) stands for all of them.
 */
export function readTriggers(service: ServiceFacts, localBuckets: readonly string[]): readonly Trigger[] {
  const place = (bucket: unknown) => localBuckets.find((name) => name === bucket);
  const ofFunctions = Object.entries(service.functions).flatMap(([functionKey, { events = [] }]) =>
    events.flatMap(({ s3 }): Trigger[] => {
      if (typeof s3 === 'string') {
        return [{ functionKey, bucket: place(s3), eventName: 's3:ObjectCreated:*', prefix: '', suffix: '' }];
      }
      if (!isTree(s3)) return [];
      const eventName = textOf(s3['event']) ?? 's3:ObjectCreated:*';
      const rule = (name: string) =>
        itemsOf(s3['rules'])
          .map((item) => textOf(item[name]))
          .find((value) => value !== undefined) ?? '';
      return [{ functionKey, bucket: place(s3['bucket']), eventName, prefix: rule('prefix'), suffix: rule('suffix') }];
    }),
  );
  const ofBuckets = Object.values(service.resources).flatMap((resource) => {
    if (!isTree(resource) || resource['Type'] !== 'AWS::S3::Bucket' || !isTree(resource['Properties'])) return [];
    const { BucketName: bucket, NotificationConfiguration: notification } = resource['Properties'];
    if (!isTree(notification)) return [];
    return itemsOf(notification['LambdaConfigurations']).flatMap((configuration): Trigger[] => {
      const functionKey = findFunction(service, configuration['Function']);
      if (functionKey === undefined) return [];
      const filter = isTree(configuration['Filter']) ? configuration['Filter']['S3Key'] : undefined;
      const rules = itemsOf(isTree(filter) ? filter['Rules'] : undefined);
      const rule = (name: string) =>
        textOf(rules.find((item) => textOf(item['Name'])?.toLowerCase() === name)?.['Value']) ?? '';
      const eventName = textOf(configuration['Event']) ?? '';
      return [{ functionKey, bucket: place(bucket), eventName, prefix: rule('prefix'), suffix: rule('suffix') }];
    });
  });
  return [...ofFunctions, ...ofBuckets];
}

/** The function that a reference means: its key, its name, an ARN that ends in its name, or `Fn::GetAtt` of its CloudFormation name. */
function findFunction(service: ServiceFacts, reference: unknown): string | undefined {
  const logicalId = attributeOf(reference);
  return Object.keys(service.functions).find((key) => {
    if (logicalId !== undefined) return service.logicalId(key) === logicalId;
    const { name } = service.functions[key] ?? {};
    return reference === key || (name !== undefined && textOf(reference)?.split(':').at(-1) === name);
  });
}

/** The resource in `{ "Fn::GetAtt": [resource, "Arn"] }` or `{ "Fn::GetAtt": "resource.Arn" }`, wrapped in `arn` or not. */
function attributeOf(reference: unknown): string | undefined {
  if (!isTree(reference)) return undefined;
  if ('arn' in reference) return attributeOf(reference['arn']);
  const attribute = reference['Fn::GetAtt'];
  return Array.isArray(attribute) ? textOf(attribute[0]) : textOf(attribute)?.split('.')[0];
}

export function matches(trigger: Trigger, created: Pick<ObjectCreated, 'bucket' | 'key' | 'createdBy'>): boolean {
  const isMeant =
    trigger.eventName === 's3:ObjectCreated:*' || trigger.eventName === `s3:ObjectCreated:${created.createdBy}`;
  const isHere = trigger.bucket === undefined || trigger.bucket === created.bucket;
  return isMeant && isHere && created.key.startsWith(trigger.prefix) && created.key.endsWith(trigger.suffix);
}

/** How a function is invoked, its on-failure destination included: another function, or the consumers of a queue. */
export function makeTarget(service: ServiceFacts, functionKey: string, pump: () => EventPump): AsyncTarget {
  const {
    name = functionKey,
    maximumRetryAttempts,
    maximumEventAge,
    destinations,
  } = service.functions[functionKey] ?? {};
  const destination = destinations?.onFailure;
  const followers = findFollowers(service, destination);
  return {
    functionName: name,
    functionArn: `arn:aws:lambda:${service.region}:000000000000:function:${name}`,
    ...(maximumRetryAttempts === undefined ? {} : { maxRetries: maximumRetryAttempts }),
    ...(maximumEventAge === undefined ? {} : { maxEventAgeMs: maximumEventAge * 1000 }),
    onFailure(record) {
      for (const { key, isQueue } of followers) {
        const payload = isQueue ? makeQueueEvent(record, service.region) : record;
        pump().submit(makeTarget(service, key, pump), payload);
      }
    },
  };
}

function findFollowers(
  service: ServiceFacts,
  destination: unknown,
): ReadonlyArray<{ readonly key: string; readonly isQueue: boolean }> {
  if (destination === undefined) return [];
  const direct = findFunction(service, isTree(destination) && 'arn' in destination ? destination['arn'] : destination);
  if (direct !== undefined) return [{ key: direct, isQueue: false }];
  const queue = queueOf(destination);
  return Object.entries(service.functions)
    .filter(([, { events = [] }]) => events.some(({ sqs }) => sqs !== undefined && queueOf(sqs) === queue))
    .map(([key]) => ({ key, isQueue: true }));
}

/** Two references to one queue give the same text. */
function queueOf(reference: unknown): string {
  const arn = isTree(reference) && 'arn' in reference ? reference['arn'] : reference;
  return attributeOf(arn) ?? (typeof arn === 'string' ? arn : JSON.stringify(arn));
}

/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html (read 2026-11-23). One message: a batch is never gathered here. */
function makeQueueEvent(record: DestinationRecord, region: string): object {
  const body = JSON.stringify(record);
  const sentMs = String(Date.parse(record.timestamp));
  return {
    Records: [
      {
        messageId: randomUUID(),
        receiptHandle: randomUUID(),
        body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: sentMs,
          SenderId: 'LOCAL',
          ApproximateFirstReceiveTimestamp: sentMs,
        },
        messageAttributes: {},
        md5OfBody: createHash('md5').update(body).digest('hex'),
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:${region}:000000000000:local`,
        awsRegion: region,
      },
    ],
  };
}
