import { afterEach, describe, expect, it } from '@jest/globals';
import type { MlflowConfig } from '../../lib/config/types.ts';
import type { Feature } from '../../lib/csv/types.ts';
import { makeMlflowEndpoint } from '../../lib/endpoints/mlflow.ts';
import { makeSecrets } from '../../lib/endpoints/secrets.ts';
import type { Endpoint, Outcome } from '../../lib/endpoints/types.ts';
import {
  type MlflowDialect,
  type MlflowFault,
  type MlflowStandIn,
  type MlflowStandInOptions,
  startMlflowStandIn,
} from '../stand-ins/mlflow.ts';

const clock = { now: () => 0, monotonicMs: () => 0, sleep: async () => {}, random: () => 0 };
const secrets = makeSecrets({ environment: { TOKEN: 'secret-token', LOGIN: 'anne:mot de passe é' } });
const features: Feature[] = [
  { index: 0, column: 'Nom', name: 'name', type: 'text' },
  { index: 1, column: 'Âge', name: 'age', type: 'number' },
];
/** The class of a row hangs on its first cell: `a` is odd, `b` even. */
const cells = [
  ['a-secret', 1],
  ['b-secret', null],
  ['b-secret', 3.5],
  ['a-secret', 4],
] as const;
const jsonRows = cells.map((row) => JSON.stringify(row));
const csvRows = cells.map((row) => Buffer.from(row.map((cell) => cell ?? '').join(',')));
const classOfFirst = [...'a-secret'].reduce((sum, character) => sum + character.charCodeAt(0), 0) % 2;
const expectedIndices = [classOfFirst, 1 - classOfFirst, 1 - classOfFirst, classOfFirst];
const expectedLabels = expectedIndices.map((index) => ['no', 'yes'][index]);

const toClose: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const thing of toClose.splice(0).reverse()) await thing.close();
});

async function open(standInOptions: MlflowStandInOptions, config: Partial<MlflowConfig> = {}) {
  const standIn: MlflowStandIn = await startMlflowStandIn(standInOptions);
  const traffic: { readonly sentBytes: number; readonly receivedBytes: number }[] = [];
  const endpoint = makeMlflowEndpoint(
    { kind: 'mlflow', url: standIn.url, format: 'auto', auth: { scheme: 'none' }, ...config },
    {
      clock,
      secrets,
      answer: { prediction: null, score: null },
      maxInFlight: 4,
      onTraffic: (bytes) => traffic.push(bytes),
    },
  ) as Endpoint;
  toClose.push(standIn, endpoint);
  return { standIn, endpoint, traffic };
}

function classify(endpoint: Endpoint, timeoutMs = 10_000, signal = new AbortController().signal): Promise<Outcome> {
  return endpoint.classify(features, endpoint.rowFormat === 'csv' ? csvRows : jsonRows, { signal, timeoutMs });
}

function labelsOf(outcome: Outcome) {
  return outcome.kind === 'ok' ? outcome.answers.map(({ label }) => label) : outcome;
}

const dialects: MlflowDialect[] = ['1.30', '2.x', '3.x', 'container-nginx', 'mlserver'];

describe('makeMlflowEndpoint', () => {
  it.each(dialects)('finds the dialect by itself and keeps the row order with %s', async (dialect) => {
    const { endpoint } = await open({ dialect });

    await endpoint.describe({ signal: new AbortController().signal, timeoutMs: 1000 });

    expect(labelsOf(await classify(endpoint))).toEqual(expectedLabels);
    expect(labelsOf(await classify(endpoint))).toEqual(expectedLabels);
  });

  it('reports the traffic of each call, that of a refused dialect too', async () => {
    const { endpoint, traffic } = await open({ dialect: '1.30' });

    await classify(endpoint);
    await classify(endpoint);

    const [refused, first, second] = traffic;
    expect(traffic).toHaveLength(3);
    expect(refused!.sentBytes).toBeGreaterThan(first!.sentBytes);
    expect(first!.sentBytes).toBeGreaterThan(jsonRows.join().length);
    expect(second).toEqual(first);
    expect(first!.receivedBytes).toBeGreaterThan(expectedLabels.length);
  });

  it('settles the old dialect once, also with several calls in flight', async () => {
    const { endpoint, standIn } = await open({ dialect: '1.30' });

    const first = await Promise.all([classify(endpoint), classify(endpoint), classify(endpoint)]);
    const countOfFirst = standIn.requests.length;
    const second = await classify(endpoint);

    expect([...first, second].map(labelsOf)).toEqual(Array(4).fill(expectedLabels));
    expect(countOfFirst).toBe(6);
    expect(standIn.requests).toHaveLength(countOfFirst + 1);
  });

  it('puts refused rows to a new server in the old dialect once and not again', async () => {
    const { endpoint, standIn } = await open({ dialect: '3.x', refuses: () => true });

    const outcomes = [await classify(endpoint), await classify(endpoint), await classify(endpoint)];

    expect(outcomes).toEqual(Array(3).fill({ kind: 'bad-rows', status: 400 }));
    expect(standIn.requests).toHaveLength(4);
  });

  it.each<[MlflowConfig['format'], MlflowDialect]>([
    ['dataframe_split', '2.x'],
    ['inputs', '3.x'],
    ['csv', '2.x'],
    ['csv', '1.30'],
    ['legacy', '1.30'],
  ])('speaks %s to %s', async (format, dialect) => {
    const { endpoint, standIn } = await open({ dialect }, { format });

    expect(endpoint.rowFormat).toBe(format === 'csv' ? 'csv' : 'json');
    expect(labelsOf(await classify(endpoint))).toEqual(expectedLabels);
    if (format === 'legacy') expect(standIn.requests[0]?.headers['content-type']).toContain('format=pandas-split');
    if (format === 'csv') expect(standIn.requests[0]?.body.toString().split('\n')[0]).toBe('name,age');
  });

  it('calls a format that the server does not speak a mistake of the configuration', async () => {
    const { endpoint } = await open({ dialect: '2.x' }, { format: 'legacy' });

    expect(await classify(endpoint)).toMatchObject({ kind: 'config' });
  });

  it('reads class indices, probabilities and objects', async () => {
    const indices = await classify((await open({ answers: 'indices' })).endpoint);
    const probabilities = await classify((await open({ answers: 'probabilities' })).endpoint);
    const objects = await classify((await open({ answers: 'objects' })).endpoint);

    expect(labelsOf(indices)).toEqual(expectedIndices);
    expect(
      probabilities.kind === 'ok' && probabilities.answers.map((answer) => answer.probabilities?.indexOf(0.75)),
    ).toEqual(expectedIndices);
    expect(objects.kind === 'ok' && objects.answers).toEqual(expectedLabels.map((label) => ({ label, score: 0.75 })));
  });

  it.each<[MlflowFault, MlflowDialect, object]>([
    ['bad-row', '1.30', { kind: 'bad-rows', status: 400 }],
    ['bad-row', '2.x', { kind: 'bad-rows', status: 400 }],
    ['bad-row', 'mlserver', { kind: 'bad-rows', status: 400 }],
    ['504-not-json', '3.x', { kind: 'transient', status: 504 }],
    ['502-html', 'container-nginx', { kind: 'transient', status: 502 }],
    ['500', '2.x', { kind: 'transient', status: 500 }],
    ['503-busy', '3.x', { kind: 'throttled', status: 503 }],
    ['throttle', '3.x', { kind: 'throttled', status: 429, retryAfterMs: 2000 }],
    ['401-html', '2.x', { kind: 'config', status: 401 }],
    ['redirect', '2.x', { kind: 'config', status: 307 }],
    ['reset', '2.x', { kind: 'transient', status: 0 }],
    ['slow', '3.x', { kind: 'transient', status: 0 }],
    ['not-json', '3.x', { kind: 'protocol', status: 200 }],
    ['error-in-200', '3.x', { kind: 'protocol', status: 200 }],
  ])('names %s of %s, and nothing of a row is in the outcome', async (fault, dialect, expected) => {
    const { endpoint } = await open({ dialect, fault });

    const outcome = await classify(endpoint, fault === 'slow' ? 200 : 10_000);

    expect(outcome).toEqual(expected);
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  it('takes a 500 on tensors for refused rows', async () => {
    const { endpoint } = await open({ fault: '500' }, { format: 'inputs' });

    expect(await classify(endpoint)).toEqual({ kind: 'bad-rows', status: 500 });
  });

  it('leaves the count to the caller when an answer is missing', async () => {
    const { endpoint } = await open({ fault: 'wrong-count' });

    expect(labelsOf(await classify(endpoint))).toEqual(expectedLabels.slice(0, 3));
  });

  it('reads a bare NaN as no answer for its row alone', async () => {
    const { endpoint } = await open({ fault: 'nan', answers: 'probabilities' });

    const outcome = await classify(endpoint);

    expect(outcome.kind === 'ok' && outcome.answers[0]).toEqual({});
    expect(outcome.kind === 'ok' && outcome.answers[1]?.probabilities).toHaveLength(2);
  });

  it('calls a body beyond the cap of nginx too large', async () => {
    const { endpoint } = await open({ dialect: 'container-nginx' });
    const rows = [JSON.stringify(['x'.repeat(5 * 1024 * 1024), 1])];

    const outcome = await endpoint.classify(features, rows, {
      signal: new AbortController().signal,
      timeoutMs: 10_000,
    });

    expect(outcome).toEqual({ kind: 'too-large', status: 413 });
  });

  it('is transient when nothing listens, and when the job is aborted', async () => {
    const { endpoint, standIn } = await open({});
    const aborted = await classify(endpoint, 10_000, AbortSignal.abort());
    await standIn.close();

    expect(aborted).toEqual({ kind: 'transient', status: 0 });
    expect(await classify(endpoint)).toEqual({ kind: 'transient', status: 0 });
  });

  it.each<[MlflowConfig['auth'], string]>([
    [{ scheme: 'bearer', secret: 'env:TOKEN' }, 'Bearer secret-token'],
    [{ scheme: 'basic', secret: 'env:LOGIN' }, `Basic ${Buffer.from('anne:mot de passe é').toString('base64')}`],
    [{ scheme: 'header', name: 'Authorization', secret: 'env:TOKEN' }, 'secret-token'],
  ])('sends the credentials of %j', async (auth, authorization) => {
    const { endpoint } = await open({ authorization }, { auth });

    expect(labelsOf(await classify(endpoint))).toEqual(expectedLabels);
  });

  it('refuses to start without its secret, and names the reference only', async () => {
    const { endpoint, standIn } = await open({}, { auth: { scheme: 'bearer', secret: 'env:NOT_THERE' } });

    const described = endpoint.describe({ signal: new AbortController().signal, timeoutMs: 1000 });

    await expect(described).rejects.toMatchObject({
      code: 'config.secret-missing',
      details: { reference: 'env:NOT_THERE' },
    });
    expect(standIn.requests).toHaveLength(0);
  });

  it('keeps a row whose only cell is empty in CSV', async () => {
    const { endpoint } = await open({}, { format: 'csv' });
    const rows = [Buffer.from('a'), Buffer.from(''), Buffer.from('b\n')];

    const outcome = await endpoint.classify([features[0]!], rows, {
      signal: new AbortController().signal,
      timeoutMs: 10_000,
    });

    expect(outcome.kind === 'ok' && outcome.answers).toHaveLength(3);
  });

  it('states the model that the route states, as not reported', async () => {
    const { endpoint } = await open({}, { model: 'wine', version: '7' });

    const { model } = await endpoint.describe({ signal: new AbortController().signal, timeoutMs: 1000 });

    expect(model).toEqual({ name: 'wine', version: '7', reported: false });
  });
});
