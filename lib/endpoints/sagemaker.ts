/**
 * Amazon SageMaker real-time endpoints: JumpStart tabular and text, built-in XGBoost and Linear Learner, and containers that answer alike.
 * https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html (read 2026-11).
 * No usage comes with an answer: instance time is what is billed.
 */
import type { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { Clock } from '../clock.ts';
import type { SagemakerConfig } from '../config/types.ts';
import type { Feature, RowFormat, RowOf } from '../csv/types.ts';
import { TamisError } from '../errors.ts';
import { type AnswerFields, hasRoundedLabel } from './answer.ts';
import { parseJson, parseJsonExactly } from './json.ts';
import { joinCsvRows } from './rows.ts';
import { readSagemakerAnswers } from './sagemaker-answers.ts';
import { readSagemakerFailure } from './sagemaker-failures.ts';
import { statedModel } from './stated-model.ts';
import type { BatchDefaults, CallOptions, Endpoint, OnTraffic, Outcome } from './types.ts';

export interface SagemakerDeps {
  readonly clock: Clock;
  readonly answer: AnswerFields;
  readonly maxInFlight: number;
  /** The Region of the function, where the route states none. */
  readonly region?: string;
  readonly onTraffic?: OnTraffic | undefined;
}

/** A serverless endpoint takes 4 MB, a real-time one 6 MB; the container has 60 s. */
export const sagemakerDefaults: BatchDefaults = {
  maxRows: 500,
  maxBytes: 3_500_000,
  maxInFlight: 16,
  timeoutMs: 70_000,
};

interface Encoding<F extends RowFormat> {
  readonly rowFormat: F;
  readonly accept: string;
  readonly maxRows: number;
  encode(rows: readonly RowOf<F>[]): string | Buffer;
}

/** Features by position, no header: the order of the route's features is the order of the training. */
const csvEncoding: Encoding<'csv'> = {
  rowFormat: 'csv',
  accept: 'application/json',
  maxRows: sagemakerDefaults.maxRows,
  encode: (rows) => joinCsvRows(rows),
};

const jsonEncoding: Encoding<'json'> = {
  rowFormat: 'json',
  accept: 'application/json',
  maxRows: sagemakerDefaults.maxRows,
  encode: (rows) => `{"instances":[${rows.map((row) => `{"features":${row}}`).join(',')}]}`,
};

const jsonLinesEncoding: Encoding<'json'> = {
  ...jsonEncoding,
  accept: 'application/jsonlines',
  encode: (rows) => rows.map((row) => `{"features":${row}}\n`).join(''),
};

/** One text a call; the names of the classes come only with the verbose answer. */
const textEncoding: Encoding<'cells'> = {
  rowFormat: 'cells',
  accept: 'application/json;verbose',
  maxRows: 1,
  encode: (rows) => rows.map((cells) => cells.join(' ')).join('\n'),
};

const encodings: Readonly<Record<string, Encoding<'csv'> | Encoding<'json'> | Encoding<'cells'>>> = {
  'text/csv': csvEncoding,
  'application/json': jsonEncoding,
  'application/jsonlines': jsonLinesEncoding,
  'application/x-text': textEncoding,
};

/** Throws `config.unsupported` for a content type that no encoding is known for. */
export function makeSagemakerEndpoint(config: SagemakerConfig, deps: SagemakerDeps): Endpoint {
  const contentType = config.contentType ?? 'text/csv';
  const encoding = encodings[contentType.split(';')[0]!.trim().toLowerCase()] as Encoding<RowFormat> | undefined;
  if (encoding === undefined) {
    throw new TamisError('config.unsupported', { file: '', paths: [`endpoint.contentType (${contentType})`] });
  }
  const { rowFormat, encode, maxRows } = encoding;
  const constantInput = {
    EndpointName: config.name,
    ContentType: contentType,
    Accept: config.accept ?? encoding.accept,
    ...(config.inferenceComponent === undefined ? {} : { InferenceComponentName: config.inferenceComponent }),
    ...(config.targetModel === undefined ? {} : { TargetModel: config.targetModel }),
    ...(config.variant === undefined ? {} : { TargetVariant: config.variant }),
  };
  let loaded: ReturnType<typeof load> | undefined;

  async function load() {
    const { SageMakerRuntimeClient, InvokeEndpointCommand } = await import('@aws-sdk/client-sagemaker-runtime');
    const region = config.region ?? deps.region;
    const pool = { keepAlive: true, maxSockets: deps.maxInFlight };
    const client: SageMakerRuntimeClient = new SageMakerRuntimeClient({
      ...(region === undefined ? {} : { region }),
      ...(config.url === undefined ? {} : { endpoint: config.url }),
      // The pipeline owns every repetition: two layers of retries would multiply.
      maxAttempts: 1,
      requestHandler: { httpAgent: pool, httpsAgent: pool, connectionTimeout: 5_000 },
    });
    return { client, InvokeEndpointCommand };
  }

  async function invoke(rows: readonly RowOf<RowFormat>[], options: CallOptions): Promise<Outcome> {
    loaded ??= load();
    const { client, InvokeEndpointCommand } = await loaded;
    const abort = new AbortController();
    const onAbort = (): void => abort.abort();
    const timer = setTimeout(onAbort, options.timeoutMs);
    options.signal.addEventListener('abort', onAbort);
    if (options.signal.aborted) onAbort();
    const rowBytes = encode(rows);
    const body = typeof rowBytes === 'string' ? Buffer.from(rowBytes) : rowBytes;
    const traffic = { sentBytes: body.length, receivedBytes: 0 };
    try {
      const answer = await client.send(new InvokeEndpointCommand({ ...constantInput, Body: body }), {
        abortSignal: abort.signal,
      });
      traffic.receivedBytes = answer.Body?.length ?? 0;
      const outcome = readSuccess(answer.Body, answer.ContentType, rows.length);
      const variant = answer.InvokedProductionVariant;
      return outcome.kind === 'ok' && variant !== undefined
        ? { ...outcome, model: { name: `${config.name}/${variant}`, reported: true } }
        : outcome;
    } catch (error) {
      const failed = readSagemakerFailure(error, deps.clock.now());
      // Without an answer nobody knows what went out; of a refusal the few bytes of its text are not counted.
      if (failed.kind !== 'ok' && failed.status === 0 && !abort.signal.aborted) traffic.sentBytes = 0;
      return failed;
    } finally {
      deps.onTraffic?.(traffic);
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
    }
  }

  function readSuccess(body: Uint8Array | undefined, contentType: string | undefined, rowCount: number): Outcome {
    const text = Buffer.from(body ?? []).toString('utf8');
    const read = (parse: (text: string) => unknown) =>
      readSagemakerAnswers({ text, contentType, rowCount, fields: deps.answer, parse });
    let answers = read(parseJson);
    if (answers !== undefined && hasRoundedLabel(answers)) answers = read(parseJsonExactly);
    return answers === undefined ? { kind: 'protocol', status: 200 } : { kind: 'ok', answers };
  }

  return {
    kind: 'sagemaker',
    rowFormat,
    defaults: { ...sagemakerDefaults, maxRows, timeoutMs: config.timeoutMs ?? sagemakerDefaults.timeoutMs },
    async describe() {
      loaded ??= load();
      await loaded;
      return statedModel(config);
    },
    classify: (_features: readonly Feature[], rows, options) => invoke(rows, options),
    async close() {
      const opened = await loaded;
      opened?.client.destroy();
    },
  };
}
