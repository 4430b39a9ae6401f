/**
 * A stand-in for MLflow's scoring server in its dialects, written after mlflow/pyfunc/scoring_server/__init__.py (1.30, 2.x, 3.x),
 * mlflow/models/container/scoring_server/nginx.conf and SeldonIO/MLServer (read 2026-11).
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

export type MlflowDialect = '1.30' | '2.x' | '3.x' | 'container-nginx' | 'mlserver';

/** `bad-row`: what the model raises for a row; its message quotes the data, as MLflow's do. */
export type MlflowFault =
  | 'bad-row'
  | 'nan'
  | '504-not-json'
  | '502-html'
  | 'wrong-count'
  | 'not-json'
  | 'error-in-200'
  | 'slow'
  | 'reset'
  | 'throttle'
  | '503-busy'
  | '500'
  | '401-html'
  | 'redirect';

export interface MlflowStandInOptions {
  readonly dialect?: MlflowDialect;
  readonly labels?: readonly string[];
  readonly answers?: 'labels' | 'indices' | 'probabilities' | 'objects';
  /** Required in `Authorization`, word for word. */
  readonly authorization?: string;
  /** Rows that the model refuses. */
  readonly refuses?: (cells: readonly unknown[]) => boolean;
  /** What goes wrong with request `number` (0-based), if anything does. */
  readonly fault?: MlflowFault | ((number: number) => MlflowFault | undefined);
  readonly latencyMs?: number;
  readonly perRowMs?: number;
  readonly port?: number;
}

export interface MlflowStandIn extends StandInServer {
  /** `…/invocations` */
  readonly url: string;
}

const protocolHasChanged =
  'IMPORTANT: The MLflow Model scoring protocol has changed in MLflow version 2.0. If you are seeing this error, you are likely using an outdated scoring request format.';
const json = { 'content-type': 'application/json' };
const bodyLimitBytes = 5 * 1024 * 1024;

export async function startMlflowStandIn(options: MlflowStandInOptions = {}): Promise<MlflowStandIn> {
  const server = await startServer((request, number) => answer(request, number, options), {
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  return { ...server, url: `${server.origin}/invocations` };
}

function answer(request: ReceivedRequest, number: number, options: MlflowStandInOptions): Reply {
  const dialect = options.dialect ?? '3.x';
  if (request.path === '/ping') return { status: 200, headers: json, body: '\n' };
  if (request.path !== '/invocations') return { status: 404, headers: json, body: '{}' };
  if (dialect === 'container-nginx' && request.body.length > bodyLimitBytes) {
    return html(413, '413 Request Entity Too Large');
  }
  if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
    return html(401, '401 Authorization Required');
  }
  const fault = typeof options.fault === 'function' ? options.fault(number) : options.fault;
  const failure = fault === undefined ? undefined : failWith(fault, request, dialect);
  if (failure !== undefined) return failure;

  const table = readTable(request, dialect);
  if (!Array.isArray(table)) return table;
  if (table.some((cells) => options.refuses?.(cells))) return refusal(request, dialect);

  const predictions = table.map((cells) => predict(cells, options));
  if (fault === 'nan') predictions[0] = [Number.NaN, Number.NaN];
  if (fault === 'wrong-count') predictions.pop();
  const delayMs = fault === 'slow' ? 60_000 : (options.latencyMs ?? 0) + (options.perRowMs ?? 0) * table.length;
  const text = JSON.stringify(dialect === '1.30' ? predictions : { predictions });
  return {
    status: 200,
    headers: json,
    // JSON.stringify turns NaN into null, Python's json.dump does not.
    body: fault === 'nan' ? text.replace('[null,null]', '[NaN, NaN]') : text,
    ...(delayMs === 0 ? {} : { delayMs }),
  };
}

function predict(
  cells: readonly unknown[],
  { answers = 'labels', labels = ['no', 'yes'] }: MlflowStandInOptions,
): unknown {
  const index = classOf(cells, labels.length);
  switch (answers) {
    case 'labels':
      return labels[index];
    case 'indices':
      return index;
    case 'probabilities':
      return probabilitiesFor(index, labels.length);
    case 'objects':
      return { prediction: labels[index], score: 0.75, rank: 1 };
  }
}

function failWith(fault: MlflowFault, request: ReceivedRequest, dialect: MlflowDialect): Reply | undefined {
  switch (fault) {
    case 'bad-row':
      return refusal(request, dialect);
    case '504-not-json':
      return { status: 504, headers: json, body: 'Request processing time exceeded limit' };
    case '502-html':
      return html(502, '502 Bad Gateway');
    case 'not-json':
      return { status: 200, headers: json, body: `{"predictions": [${request.body.toString('utf8', 0, 40)}` };
    case 'error-in-200':
      return { status: 200, headers: json, body: '{"error_code":"INTERNAL_ERROR","message":"no"}' };
    case 'reset':
      return { status: 0, isReset: true };
    case 'throttle':
      return {
        status: 429,
        headers: { ...json, 'retry-after': '2' },
        body: '{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow down"}',
      };
    case '503-busy':
      return { status: 503, headers: json, body: '{"error_code":"TEMPORARILY_UNAVAILABLE","message":"busy"}' };
    case '500':
      return {
        status: 500,
        headers: json,
        body: `{"error_code":"INTERNAL_ERROR","message":${JSON.stringify(request.body.toString())}}`,
      };
    case '401-html':
      return html(401, '401 Authorization Required');
    case 'redirect':
      return { status: 307, headers: { location: 'http://elsewhere.invalid/invocations' } };
    default:
      return undefined;
  }
}

function html(status: number, title: string): Reply {
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: `<html><head><title>${title}</title></head></html>`,
  };
}

function badRequest(dialect: MlflowDialect, code: string, message: string): Reply {
  const body = dialect === 'mlserver' ? { error: message } : { error_code: code, message, stack_trace: message };
  return { status: 400, headers: json, body: JSON.stringify(body) };
}

function refusal(request: ReceivedRequest, dialect: MlflowDialect): Reply {
  const message = `Encountered an unexpected error while evaluating the model. Error 'cannot convert': ${request.body}`;
  return badRequest(dialect, 'BAD_REQUEST', message);
}

type Table = (readonly unknown[])[];

function readTable(request: ReceivedRequest, dialect: MlflowDialect): Table | Reply {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim());
  if (type === 'text/csv') {
    const [, ...rows] = parse(request.body, { skip_empty_lines: true }) as string[][];
    return rows;
  }
  const isOld = dialect === '1.30';
  const unknown = parameters.find(
    (parameter) => parameter.toLowerCase() !== 'charset=utf-8' && !(isOld && parameter === 'format=pandas-split'),
  );
  if (type !== 'application/json' || unknown !== undefined) {
    if (dialect === 'mlserver') return badRequest(dialect, '', 'Unrecognized content type parameters');
    const headers = { 'content-type': 'text/plain' };
    return {
      status: 415,
      headers,
      body: `Unrecognized content type parameters: format. ${isOld ? '' : protocolHasChanged}`,
    };
  }
  const body = JSON.parse(request.body.toString()) as Record<string, unknown>;
  return isOld ? readOldTable(body) : readNewTable(body, dialect);
}

function readOldTable(body: Record<string, unknown>): Table | Reply {
  if (Array.isArray(body.columns) && Array.isArray(body.data)) return body.data as Table;
  return badRequest(
    '1.30',
    'MALFORMED_REQUEST',
    "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid JSON-formatted Pandas DataFrame with the `split` orient produced using the `pandas.DataFrame.to_json(..., orient='split')` method.",
  );
}

function readNewTable(body: Record<string, unknown>, dialect: MlflowDialect): Table | Reply {
  const keys = Object.keys(body).filter((key) => key !== 'params');
  const { dataframe_split: split, inputs } = body as {
    dataframe_split?: { data: Table };
    inputs?: Table | Record<string, unknown[]>;
  };
  if (keys.length !== 1 || (split === undefined && inputs === undefined)) {
    const message = `The input must be a JSON dictionary with exactly one of the input fields {'inputs', 'instances', 'dataframe_split', 'dataframe_records'}. ${protocolHasChanged}`;
    return badRequest(dialect, 'BAD_REQUEST', message);
  }
  if (split !== undefined) return split.data;
  if (Array.isArray(inputs)) return inputs;
  const columns = Object.values(inputs!);
  return (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]));
}
