import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SagemakerConfig } from '../../lib/config/types.ts';
import type { Feature } from '../../lib/csv/types.ts';
import { makeSagemakerEndpoint } from '../../lib/endpoints/sagemaker.ts';
import type { Endpoint, Outcome } from '../../lib/endpoints/types.ts';
import {
  type SagemakerContainer,
  type SagemakerMode,
  type SagemakerStandInOptions,
  startSagemakerStandIn,
} from '../stand-ins/sagemaker.ts';
import { classOf } from '../stand-ins/server.ts';

const clock = { now: () => 0, monotonicMs: () => 0, sleep: async () => {}, random: () => 0 };
const features: Feature[] = ['a', 'b'].map((name, index) => ({ index, column: name, name, type: 'number' }));
const cells = [
  [1234567, 1],
  [1234568, 2.5],
  [1234569, 3],
  [1234571, 4],
];
const expectedClasses = cells.map((row) => classOf(row, 2));
const toClose: { close(): Promise<void> }[] = [];

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
});

afterEach(async () => {
  for (const thing of toClose.splice(0).reverse()) await thing.close();
});

async function open(standInOptions: SagemakerStandInOptions, config: Partial<SagemakerConfig> = {}) {
  const standIn = await startSagemakerStandIn(standInOptions);
  const traffic: { readonly sentBytes: number; readonly receivedBytes: number }[] = [];
  const endpoint = makeSagemakerEndpoint(
    { kind: 'sagemaker', name: 'wine', url: standIn.origin, ...config },
    {
      clock,
      answer: { prediction: null, score: null },
      maxInFlight: 4,
      region: 'eu-west-3',
      onTraffic: (bytes) => traffic.push(bytes),
    },
  );
  toClose.push(standIn, endpoint);
  return { standIn, endpoint, traffic };
}

function classify(endpoint: Endpoint, timeoutMs = 10_000, signal = new AbortController().signal): Promise<Outcome> {
  const rows = cells.map((row) =>
    endpoint.rowFormat === 'csv'
      ? Buffer.from(row.join(','))
      : endpoint.rowFormat === 'json'
        ? JSON.stringify(row)
        : row,
  );
  return endpoint.classify(features, rows, { signal, timeoutMs });
}

/** The class of each answer, from its label or from its probabilities. */
function classesOf(outcome: Outcome) {
  if (outcome.kind !== 'ok') return outcome;
  return outcome.answers.map(({ label, probabilities }) => {
    if (label !== undefined) return label;
    return probabilities!.length === 1
      ? Math.round(probabilities![0]!)
      : probabilities!.indexOf(Math.max(...probabilities!));
  });
}

describe('makeSagemakerEndpoint', () => {
  it('reports the traffic of each call, and none where nobody listens', async () => {
    const { endpoint, standIn, traffic } = await open({ container: 'xgboost' });
    await classify(endpoint);
    await standIn.close();
    toClose.splice(toClose.indexOf(standIn), 1);
    await classify(endpoint);

    expect(traffic).toEqual([
      { sentBytes: cells.map((row) => `${row.join(',')}\n`).join('').length, receivedBytes: expect.any(Number) },
      { sentBytes: 0, receivedBytes: 0 },
    ]);
    expect(traffic[0]!.receivedBytes).toBeGreaterThan(0);
  });

  it.each<[SagemakerContainer, Partial<SagemakerConfig>]>([
    ['jumpstart', {}],
    ['jumpstart', { accept: 'application/json;verbose' }],
    ['xgboost', {}],
    ['xgboost', { accept: 'text/csv' }],
    ['xgboost-selected', {}],
    ['xgboost-old', { accept: 'text/csv' }],
    ['softprob', { accept: 'text/csv' }],
    ['linear-learner', {}],
    ['linear-learner', { contentType: 'application/json' }],
    ['linear-learner', { contentType: 'application/jsonlines' }],
  ])('reads %s with %j in row order', async (container, config) => {
    const { endpoint } = await open({ container }, config);

    expect(classesOf(await classify(endpoint))).toEqual(expectedClasses);
  });

  it('reads one text a call with its named classes', async () => {
    const { endpoint, standIn } = await open({ container: 'jumpstart-text' }, { contentType: 'application/x-text' });

    const outcome = await endpoint.classify(features.slice(0, 1), [['Lieferung kam zu spät']], {
      signal: new AbortController().signal,
      timeoutMs: 10_000,
    });

    expect(endpoint.defaults.maxRows).toBe(1);
    expect(standIn.requests[0]?.body.toString()).toBe('Lieferung kam zu spät');
    expect(outcome.kind === 'ok' && Object.keys(outcome.answers[0]?.scores ?? {})).toEqual(['LABEL_0', 'LABEL_1']);
  });

  it('sends rows without a header, and the headers that the route asks for', async () => {
    const { endpoint, standIn } = await open(
      {},
      { inferenceComponent: 'part', targetModel: 'a.tar.gz', variant: 'blue' },
    );

    await classify(endpoint);

    const [request] = standIn.requests;
    expect(request?.path).toBe('/endpoints/wine/invocations');
    expect(request?.body.toString()).toBe('1234567,1\n1234568,2.5\n1234569,3\n1234571,4\n');
    expect(request?.headers).toMatchObject({
      'content-type': 'text/csv',
      'x-amzn-sagemaker-inference-component': 'part',
      'x-amzn-sagemaker-target-model': 'a.tar.gz',
      'x-amzn-sagemaker-target-variant': 'blue',
      authorization: expect.stringContaining('/eu-west-3/sagemaker/aws4_request'),
    });
  });

  it('reports the variant that answered', async () => {
    const { endpoint } = await open({});

    expect(await classify(endpoint)).toMatchObject({ model: { name: 'wine/AllTraffic', reported: true } });
  });

  it.each<[SagemakerMode, object]>([
    ['throttle-400', { kind: 'throttled', status: 400 }],
    ['nocapacity-400', { kind: 'cold', status: 400 }],
    ['unknown-endpoint-400', { kind: 'config', status: 400 }],
    ['too-large-400', { kind: 'too-large', status: 400 }],
    ['denied-403', { kind: 'config', status: 403 }],
    ['notready-429', { kind: 'cold', status: 429 }],
    ['modelerror-424-400', { kind: 'bad-rows', status: 424 }],
    ['modelerror-424-500', { kind: 'transient', status: 424 }],
    ['modelerror-424-timeout', { kind: 'too-large', status: 424 }],
    ['modelerror-424-memory', { kind: 'too-large', status: 424 }],
    ['internal-500', { kind: 'transient', status: 500 }],
    ['unavailable-503', { kind: 'transient', status: 503 }],
    ['dependency-530', { kind: 'transient', status: 530 }],
    ['empty-204', { kind: 'protocol', status: 200 }],
    ['not-json', { kind: 'protocol', status: 200 }],
    ['reset', { kind: 'transient', status: 0 }],
    ['slow', { kind: 'transient', status: 0 }],
  ])('names %s after one request, and nothing of a row is in the outcome', async (mode, expected) => {
    const { endpoint, standIn } = await open({ mode });

    const outcome = await classify(endpoint, mode === 'slow' ? 300 : 10_000);

    expect(outcome).toEqual(expected);
    expect(JSON.stringify(outcome)).not.toContain('123456');
    expect(standIn.requests).toHaveLength(1);
  });

  it('calls an accept type that the container does not know a mistake of the configuration', async () => {
    const { endpoint } = await open({ container: 'xgboost' }, { accept: 'application/json;verbose' });

    expect(await classify(endpoint)).toEqual({ kind: 'config', status: 424 });
  });

  it('leaves the count to the caller when an answer is missing', async () => {
    const { endpoint } = await open({ mode: 'wrong-count' });

    expect(classesOf(await classify(endpoint))).toEqual(expectedClasses.slice(1));
  });

  it('is transient when the job is aborted, before and during a call', async () => {
    const { endpoint } = await open({ latencyMs: 5_000 });
    const abort = new AbortController();

    const during = classify(endpoint, 10_000, abort.signal);
    abort.abort();

    expect(await during).toEqual({ kind: 'transient', status: 0 });
    expect(await classify(endpoint, 10_000, AbortSignal.abort())).toEqual({ kind: 'transient', status: 0 });
  });

  it('refuses a content type that it has no encoding for', () => {
    const make = () =>
      makeSagemakerEndpoint(
        { kind: 'sagemaker', name: 'wine', contentType: 'application/x-recordio-protobuf' },
        { clock, answer: { prediction: null, score: null }, maxInFlight: 1 },
      );

    expect(make).toThrow(expect.objectContaining({ code: 'config.unsupported' }));
  });
});
