/**
 * MLflow Models scoring server, 1.x to 3.x, bare, behind the container's nginx, or backed by MLServer.
 * https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/ and mlflow/pyfunc/scoring_server/__init__.py (read 2026-11).
 * It reports no usage and no identity of the model (`/version` is the server's own, and missing behind nginx, so it is not asked).
 */
import type { Clock } from '../clock.ts';
import type { MlflowConfig } from '../config/types.ts';
import type { Feature } from '../csv/types.ts';
import { type AnswerFields, hasRoundedLabel, isRecord, readAnswer } from './answer.ts';
import { resolveCredentials } from './auth.ts';
import type { HttpClient, HttpResponse } from './http.ts';
import { parseJson, parseJsonExactly } from './json.ts';
import { failureFrom, kindOfStatus, outcomeOfNetworkFailure } from './outcome.ts';
import { columnsAsJson, joinCsvRows, namesAsCsv, namesAsJson } from './rows.ts';
import type { Secrets } from './secrets.ts';
import { statedModel } from './stated-model.ts';
import type { BatchDefaults, CallOptions, Endpoint, OnTraffic, Outcome, RawAnswer } from './types.ts';

export interface MlflowDeps {
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly answer: AnswerFields;
  readonly maxInFlight: number;
  readonly onTraffic?: OnTraffic | undefined;
}

type Format = Exclude<MlflowConfig['format'], 'auto'>;

/** The container's nginx takes 5 MiB a request; gunicorn and uvicorn give up after 60 s. */
export const mlflowDefaults: BatchDefaults = {
  maxRows: 500,
  maxBytes: 4_000_000,
  maxInFlight: 16,
  timeoutMs: 65_000,
};

const contentTypes: Record<Format, string> = {
  dataframe_split: 'application/json',
  inputs: 'application/json',
  csv: 'text/csv',
  legacy: 'application/json; format=pandas-split',
};

export function makeMlflowEndpoint(config: MlflowConfig, deps: MlflowDeps): Endpoint<'json'> | Endpoint<'csv'> {
  const url = new URL(config.url);
  let settled: Format | undefined = config.format === 'auto' ? undefined : config.format;
  let negotiation: Promise<void> | undefined;
  let prepared: Promise<{ client: HttpClient; headers: Readonly<Record<string, string>> }> | undefined;

  async function prepare() {
    const { headers, tls } = await resolveCredentials(config.auth, config.tls?.ca, deps.secrets);
    // Node's HTTP takes a fifth of a cold start; a bucket's client, too, loads it with its first request.
    const { makeHttpClient } = await import('./http.ts');
    return { client: makeHttpClient({ maxSockets: deps.maxInFlight, onTraffic: deps.onTraffic, ...tls }), headers };
  }

  function ready() {
    prepared ??= prepare();
    // A secret that was missing may be there at the next try.
    prepared.catch(() => {
      prepared = undefined;
    });
    return prepared;
  }

  async function call(
    format: Format,
    features: readonly Feature[],
    rows: readonly (string | Buffer)[],
    options: CallOptions,
  ) {
    const { client, headers } = await ready();
    const result = await client.exchange({
      method: 'POST',
      url,
      headers: { ...headers, accept: 'application/json', 'content-type': contentTypes[format] },
      body: bodyOf(format, features, rows),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    });
    if ('failure' in result) return { outcome: outcomeOfNetworkFailure(result) };
    const outcome =
      result.status >= 200 && result.status < 300
        ? readSuccess(result, deps.answer)
        : failureFrom(kindOf(result, format), result, deps.clock.now());
    return { outcome, response: result };
  }

  /**
   * The first answers tell which dialect is spoken: a 1.x server takes the 2.x body for a table without columns and refuses it,
   * which looks like any refused row. So the rows it refused are put to it once in the old dialect; whoever else is refused meanwhile waits for that.
   */
  async function callUnsettled(
    features: readonly Feature[],
    rows: readonly string[],
    options: CallOptions,
  ): Promise<Outcome> {
    const first = await call('dataframe_split', features, rows, options);
    if (first.outcome.kind === 'ok') settled ??= 'dataframe_split';
    if (first.response?.status !== 400 || settled === 'dataframe_split') return first.outcome;

    let outcome: Outcome | undefined;
    if (settled === undefined && negotiation === undefined) {
      negotiation = call('legacy', features, rows, options).then((second) => {
        if (second.outcome.kind === 'ok') {
          settled = 'legacy';
          outcome = second.outcome;
        } else if (second.outcome.kind === 'config') {
          settled = 'dataframe_split';
        }
        negotiation = undefined;
      });
    }
    await negotiation;
    if (outcome !== undefined) return outcome;
    return settled === 'legacy' ? (await call('legacy', features, rows, options)).outcome : first.outcome;
  }

  const endpoint: Endpoint<'json'> | Endpoint<'csv'> = {
    kind: 'mlflow' as const,
    rowFormat: config.format === 'csv' ? 'csv' : 'json',
    defaults: { ...mlflowDefaults, timeoutMs: config.timeoutMs ?? mlflowDefaults.timeoutMs },
    async describe() {
      await ready();
      return statedModel(config);
    },
    async classify(features: readonly Feature[], rows: readonly string[] | readonly Buffer[], options: CallOptions) {
      if (settled !== undefined) return (await call(settled, features, rows, options)).outcome;
      return callUnsettled(features, rows as readonly string[], options);
    },
    async close() {
      const opened = await prepared?.catch(() => undefined);
      opened?.client.close();
    },
  } as Endpoint<'json'> | Endpoint<'csv'>;
  return endpoint;
}

function bodyOf(format: Format, features: readonly Feature[], rows: readonly (string | Buffer)[]): string | Buffer {
  switch (format) {
    case 'dataframe_split':
      return `{"dataframe_split":{"columns":${namesAsJson(features)},"data":[${rows.join(',')}]}}`;
    case 'legacy':
      return `{"columns":${namesAsJson(features)},"data":[${rows.join(',')}]}`;
    case 'inputs':
      // A list of lists is one tensor, of one type; texts beside numbers need their columns apart.
      return features.some(({ type }) => type === 'text')
        ? `{"inputs":${columnsAsJson(features, rows as readonly string[])}}`
        : `{"inputs":[${rows.join(',')}]}`;
    case 'csv':
      return joinCsvRows(rows as readonly Buffer[], namesAsCsv(features));
  }
}

function kindOf(response: HttpResponse, format: Format) {
  // Every exception inside the model is a 400, and so is the wrong dialect, which no row is guilty of.
  if (response.status === 400 && response.body.includes('scoring protocol has changed')) return 'config';
  if (response.status === 500 && format === 'inputs') return 'bad-rows';
  // Of a server that is too busy; from a proxy without either sign it is a server that is down.
  if (
    response.status === 503 &&
    (response.headers['retry-after'] !== undefined || response.body.includes('"error_code"'))
  ) {
    return 'throttled';
  }
  return kindOfStatus(response.status);
}

function readSuccess(response: HttpResponse, fields: AnswerFields): Outcome {
  const text = response.body.toString('utf8');
  let answers = readPredictions(parseJson(text), fields);
  if (answers !== undefined && hasRoundedLabel(answers)) answers = readPredictions(parseJsonExactly(text), fields);
  return answers === undefined ? { kind: 'protocol', status: response.status } : { kind: 'ok', answers };
}

/** `{"predictions": …}` since 2.0, the bare list before. A table of columns, as models that return named tensors give, is turned into rows. */
function readPredictions(body: unknown, fields: AnswerFields): readonly RawAnswer[] | undefined {
  const predictions = isRecord(body) ? body.predictions : body;
  if (Array.isArray(predictions)) return predictions.map((item) => readAnswer(item, fields));
  if (!isRecord(predictions)) return undefined;
  const columns = Object.entries(predictions);
  const count = Array.isArray(columns[0]?.[1]) ? columns[0][1].length : 0;
  if (columns.length === 0 || !columns.every(([, column]) => Array.isArray(column) && column.length === count))
    return undefined;
  return Array.from({ length: count }, (_, row) =>
    readAnswer(Object.fromEntries(columns.map(([name, column]) => [name, (column as unknown[])[row]])), fields),
  );
}
