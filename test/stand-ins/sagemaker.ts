/**
 * A stand-in for SageMaker's runtime, written after its API model (botocore, sagemaker-runtime 2017-05-13) and the containers' sources
 * (read 2026-11). It does not check signatures, only that there is one.
 */
import { parse } from 'csv-parse/sync';
import {
  classOf,
  probabilitiesFor,
  type ReceivedRequest,
  type Reply,
  type StandInServer,
  startServer,
} from './server.ts';

export type SagemakerContainer =
  | 'jumpstart'
  | 'jumpstart-text'
  | 'xgboost'
  | 'xgboost-selected'
  | 'xgboost-old'
  | 'softprob'
  | 'linear-learner';

export type SagemakerMode =
  | 'ok'
  | 'throttle-400'
  | 'nocapacity-400'
  | 'unknown-endpoint-400'
  | 'too-large-400'
  | 'denied-403'
  | 'notready-429'
  | 'modelerror-424-400'
  | 'modelerror-424-500'
  | 'modelerror-424-timeout'
  | 'modelerror-424-memory'
  | 'internal-500'
  | 'unavailable-503'
  | 'dependency-530'
  | 'empty-204'
  | 'not-json'
  | 'wrong-count'
  | 'reset'
  | 'slow';

export interface SagemakerStandInOptions {
  readonly container?: SagemakerContainer;
  /** Of each request by its number (0-based). */
  readonly mode?: SagemakerMode | ((number: number) => SagemakerMode);
  /** Rows that the container refuses. */
  readonly refuses?: (cells: readonly string[]) => boolean;
  readonly latencyMs?: number;
  readonly port?: number;
}

export function startSagemakerStandIn(options: SagemakerStandInOptions = {}): Promise<StandInServer> {
  return startServer((request, number) => answer(request, number, options), {
    ...(options.port === undefined ? {} : { port: options.port }),
  });
}

function answer(request: ReceivedRequest, number: number, options: SagemakerStandInOptions): Reply {
  if (!request.headers.authorization?.startsWith('AWS4-HMAC-SHA256 ')) {
    return fail(403, 'MissingAuthenticationTokenException', { Message: 'Missing Authentication Token' });
  }
  if (!/^\/endpoints\/[^/]+\/invocations$/.test(request.path)) return fail(404, 'UnknownOperationException', {});
  const mode = typeof options.mode === 'function' ? options.mode(number) : (options.mode ?? 'ok');
  const failure = failWith(mode, request);
  if (failure !== undefined) return failure;

  const rows = readRows(request);
  if (rows.some((cells) => options.refuses?.(cells)))
    return modelError(400, `Unable to evaluate payload provided: ${request.body}`);
  const answered = mode === 'wrong-count' ? rows.slice(1) : rows;
  const reply = containers[options.container ?? 'jumpstart'](answered, String(request.headers.accept ?? ''));
  const delayMs = mode === 'slow' ? 60_000 : options.latencyMs;
  return {
    ...reply,
    headers: { ...reply.headers, 'x-amzn-invoked-production-variant': 'AllTraffic' },
    ...(delayMs === undefined ? {} : { delayMs }),
  };
}

function fail(status: number, name: string, body: object): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': name },
    body: JSON.stringify(body),
  };
}

function modelError(originalStatus: number, message: string): Reply {
  return fail(424, 'ModelError', {
    OriginalStatusCode: originalStatus,
    OriginalMessage: message,
    LogStreamArn: 'arn:aws:logs:eu-west-3:123456789012:log-group:/aws/sagemaker/Endpoints/test',
    Message: `Received client error (${originalStatus}) from primary with message "${message}".`,
  });
}

function failWith(mode: SagemakerMode, request: ReceivedRequest): Reply | undefined {
  const data = request.body.toString();
  switch (mode) {
    case 'throttle-400':
      return fail(400, 'ThrottlingException', { message: null });
    case 'nocapacity-400':
      return fail(400, 'ValidationError', {
        Message:
          'Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API.',
      });
    case 'unknown-endpoint-400':
      return fail(400, 'ValidationError', { Message: 'Endpoint wine of account 123456789012 not found.' });
    case 'too-large-400':
      return fail(400, 'ValidationError', {
        Message: `1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than or equal to 6291456: ${data}`,
      });
    case 'denied-403':
      return fail(403, 'AccessDeniedException', { Message: 'not authorized to perform sagemaker:InvokeEndpoint' });
    case 'notready-429':
      return fail(429, 'ModelNotReadyException', { Message: 'Model is not ready for inference yet.' });
    case 'modelerror-424-400':
      return modelError(400, `Unable to evaluate payload provided: ${data}`);
    case 'modelerror-424-500':
      return modelError(500, `could not convert: ${data}`);
    case 'modelerror-424-timeout':
      return modelError(0, 'Your invocation timed out while waiting for a response from container primary.');
    case 'modelerror-424-memory':
      return modelError(507, 'out of memory');
    case 'internal-500':
      return fail(500, 'InternalFailure', { Message: 'failure' });
    case 'unavailable-503':
      return fail(503, 'ServiceUnavailable', { Message: 'unavailable' });
    case 'dependency-530':
      return fail(530, 'InternalDependencyException', { Message: 'dependency' });
    case 'empty-204':
      return { status: 204 };
    case 'not-json':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"probabilities": [[' };
    case 'reset':
      return { status: 0, isReset: true };
    default:
      return undefined;
  }
}

function readRows(request: ReceivedRequest): string[][] {
  const type = request.headers['content-type'] ?? '';
  if (type === 'application/x-text') return [[request.body.toString()]];
  if (type === 'application/json') {
    const { instances } = JSON.parse(request.body.toString()) as { instances: { features: unknown[] }[] };
    return instances.map(({ features }) => features.map(String));
  }
  if (type === 'application/jsonlines') {
    const lines = request.body.toString().trimEnd().split('\n');
    return lines.map((line) => (JSON.parse(line) as { features: unknown[] }).features.map(String));
  }
  return parse(request.body, { skip_empty_lines: true, relax_column_count: true }) as string[][];
}

const classCount = 2;
const json = (body: unknown): Reply => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const classesOf = (rows: readonly (readonly string[])[]): number[] => rows.map((cells) => classOf(cells, classCount));
const shareOfOne = (index: number): number => probabilitiesFor(index, classCount)[1]!;

/** `pandas` reads the accept header; XGBoost refuses what it does not know. */
const containers: Record<SagemakerContainer, (rows: readonly (readonly string[])[], accept: string) => Reply> = {
  jumpstart(rows, accept) {
    const classes = classesOf(rows);
    return json({
      probabilities: classes.map((index) => probabilitiesFor(index, classCount)),
      ...(accept.endsWith(';verbose') ? { predicted_label: classes } : {}),
    });
  },
  'jumpstart-text'(rows, accept) {
    const index = classesOf(rows)[0]!;
    const verbose = { labels: ['LABEL_0', 'LABEL_1'], predicted_label: `LABEL_${index}` };
    return json({
      probabilities: probabilitiesFor(index, classCount),
      ...(accept.endsWith(';verbose') ? verbose : {}),
    });
  },
  xgboost(rows, accept) {
    if (!['application/json', 'application/jsonlines', 'text/csv', '*/*', ''].includes(accept))
      return modelError(406, 'Accept type not supported');
    const scores = classesOf(rows).map(shareOfOne);
    if (accept !== 'application/json')
      return { status: 200, headers: { 'content-type': 'text/csv' }, body: scores.join('\n') };
    return json({ predictions: scores.map((score) => ({ score })) });
  },
  'xgboost-selected': (rows) =>
    json({
      predictions: classesOf(rows).map((index) => ({
        predicted_label: index,
        probabilities: probabilitiesFor(index, classCount),
      })),
    }),
  'xgboost-old': (rows) => ({
    status: 200,
    headers: { 'content-type': 'text/csv; charset=utf-8' },
    body: classesOf(rows).map(shareOfOne).join(','),
  }),
  softprob: (rows) => ({
    status: 200,
    headers: { 'content-type': 'text/csv' },
    body: classesOf(rows)
      .map((index) => probabilitiesFor(index, classCount).join(','))
      .join('\n'),
  }),
  'linear-learner'(rows, accept) {
    const predictions = classesOf(rows).map((index) => ({ score: shareOfOne(index), predicted_label: index }));
    if (accept !== 'application/jsonlines') return json({ predictions });
    const body = predictions.map((prediction) => JSON.stringify(prediction)).join('\n');
    return { status: 200, headers: { 'content-type': 'application/jsonlines' }, body };
  },
};
