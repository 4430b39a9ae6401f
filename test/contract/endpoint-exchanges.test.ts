/** Recorded shapes of requests and responses, replayed to the adapters. Services whose adapters do not exist yet wait in the same file. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MlflowConfig, SagemakerConfig } from '../../lib/config/types.ts';
import type { Feature, FeatureType } from '../../lib/csv/types.ts';
import { makeEndpoint } from '../../lib/endpoints/registry.ts';
import { makeSecrets } from '../../lib/endpoints/secrets.ts';
import type { Endpoint, Outcome, RawAnswer } from '../../lib/endpoints/types.ts';
import { type StandInServer, startServer } from '../stand-ins/server.ts';

interface Exchange {
  readonly service: string;
  readonly case: string;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyText?: string;
    readonly bodyJson?: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly bodyText?: string;
    readonly bodyJson?: unknown;
  };
  readonly expect: {
    readonly kind: string;
    readonly rows?: readonly { readonly label: string; readonly scores?: Readonly<Record<string, number>> }[];
  };
}

const exchanges = JSON.parse(readFileSync(new URL('./endpoint-exchanges.json', import.meta.url), 'utf8')) as Exchange[];
const services = /^(mlflow-|sagemaker-(jumpstart|inference))/;
const cases = exchanges.filter(({ service }) => services.test(service));
const realTime = { now: () => 0, monotonicMs: () => 0, sleep: async () => {}, random: () => 0 };

/** The names that the notes beside the cases give to the classes. */
const classNames: Readonly<Record<string, readonly string[] | Readonly<Record<string, string>>>> = {
  'probabilities, three classes': ['a', 'b', 'c'],
  'one text, verbose': { LABEL_0: 'complaint', LABEL_1: 'praise' },
};

let server: StandInServer | undefined;
let endpoint: Endpoint | undefined;

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
});

afterEach(async () => {
  await endpoint?.close();
  await server?.close();
});

function configFor(exchange: Exchange, origin: string): MlflowConfig | SagemakerConfig {
  const { service, request } = exchange;
  if (service.startsWith('sagemaker-')) {
    const {
      accept,
      'content-type': contentType,
      'x-amzn-sagemaker-inference-component': inferenceComponent,
    } = request.headers;
    return {
      kind: 'sagemaker',
      url: origin,
      region: 'eu-central-1',
      name: new URL(request.url).pathname.split('/')[2]!,
      ...(contentType === undefined ? {} : { contentType }),
      ...(accept === undefined ? {} : { accept }),
      ...(inferenceComponent === undefined ? {} : { inferenceComponent }),
    };
  }
  const body = (request.bodyJson ?? {}) as object;
  const format = 'columns' in body ? 'legacy' : 'inputs' in body ? 'inputs' : 'dataframe_split';
  return { kind: 'mlflow', url: `${origin}/invocations`, format, auth: { scheme: 'none' } };
}

function tableOf({ request }: Exchange): { columns: string[]; data: unknown[][] } {
  const body = request.bodyJson as Record<string, unknown> | undefined;
  if (body === undefined) {
    const lines = (request.bodyText ?? '').trimEnd().split('\n');
    const data =
      request.headers['content-type'] === 'text/csv'
        ? lines.map((line) => line.split(','))
        : lines.map((line) => [line]);
    return { columns: data[0]!.map((_, index) => `f${index}`), data };
  }
  const table = (body.dataframe_split ?? body) as { columns: string[]; data: unknown[][] };
  if (table.data !== undefined) return table;
  const data = body.inputs as unknown[][];
  return { columns: data[0]!.map((_, index) => `f${index}`), data };
}

function featuresOf({ columns, data }: { columns: string[]; data: unknown[][] }): Feature[] {
  const typeOf = (cell: unknown): FeatureType => (typeof cell === 'number' ? 'number' : 'text');
  return columns.map((name, index) => ({ index, column: name, name, type: typeOf(data[0]?.[index]) }));
}

function encode(format: Endpoint['rowFormat'], cells: unknown[]) {
  if (format === 'csv') return Buffer.from(cells.join(','));
  return format === 'json' ? JSON.stringify(cells) : (cells as string[]);
}

async function replay(exchange: Exchange): Promise<Outcome> {
  const { response } = exchange;
  const opened = await startServer(() => ({
    status: response.status,
    headers: response.headers,
    body: response.bodyText ?? JSON.stringify(response.bodyJson),
  }));
  server = opened;
  endpoint = await makeEndpoint(configFor(exchange, opened.origin), {
    clock: realTime,
    secrets: makeSecrets({ environment: {} }),
    answer: { prediction: null, score: null },
  });
  const table = tableOf(exchange);
  const rows = table.data.map((cells) => encode(endpoint!.rowFormat, cells));
  return endpoint.classify(featuresOf(table), rows, { signal: new AbortController().signal, timeoutMs: 10_000 });
}

/** The answer in the names that the configuration would give: the labels of a route, applied as plainly as possible. */
function named(answer: RawAnswer, names: readonly string[] | Readonly<Record<string, string>>) {
  const nameOf = (label: unknown): string => (names as Record<string, string>)[String(label)] ?? String(label);
  const { probabilities } = answer;
  const scores = probabilities
    ? Object.fromEntries(probabilities.map((share, index) => [nameOf(index), share]))
    : answer.scores && Object.fromEntries(Object.entries(answer.scores).map(([name, share]) => [nameOf(name), share]));
  const label = answer.label ?? probabilities?.indexOf(Math.max(...probabilities));
  return { label: nameOf(label), ...(scores === undefined ? {} : { scores }) };
}

/** Without parameters: who sends the old dialect by mistake may or may not say `format=pandas-split`. */
function mediaTypeOf(headers: Readonly<Record<string, string | string[] | undefined>> = {}): string | undefined {
  return String(headers['content-type']).split(';')[0];
}

describe('recorded exchanges', () => {
  it('cover the services that have adapters', () => {
    expect(cases.length).toBeGreaterThanOrEqual(10);
  });

  it.each(cases.map((exchange) => [`${exchange.service}: ${exchange.case}`, exchange] as const))(
    'gives the recorded outcome and sends the recorded request for %s',
    async (_, exchange) => {
      const outcome = await replay(exchange);

      const expectedKind = exchange.expect.kind.replace('_', '-');
      const names = classNames[exchange.case] ?? ['no', 'yes'];
      if (expectedKind === 'protocol' && outcome.kind === 'ok') {
        // A bare NaN is read as no answer for its row, and only for its row.
        expect(outcome.answers[0]).toEqual({});
        expect(outcome.answers[1]).toEqual({ probabilities: [0.4, 0.6] });
      } else {
        expect(outcome.kind).toBe(expectedKind);
      }
      if (exchange.expect.rows !== undefined) {
        expect(outcome.kind === 'ok' && outcome.answers.map((answer) => named(answer, names))).toEqual(
          exchange.expect.rows,
        );
      }

      const [received] = server!.requests;
      expect(received?.method).toBe(exchange.request.method);
      expect(received?.path).toBe(new URL(exchange.request.url).pathname);
      expect(mediaTypeOf(received?.headers)).toBe(mediaTypeOf(exchange.request.headers));
      const { bodyJson, bodyText } = exchange.request;
      if (bodyJson !== undefined) expect(JSON.parse(received!.body.toString())).toEqual(bodyJson);
      else if (bodyText?.startsWith('(') === false)
        expect(received?.body.toString().trimEnd()).toBe(bodyText.trimEnd());
    },
  );
});
