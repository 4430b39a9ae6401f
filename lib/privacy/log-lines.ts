/**
 * Everything that may be logged, as closed shapes. No shape has a place for a cell, a record or a secret, and a field that the
 * shape does not name is dropped at run time too: an object with more in it than its type says loses the rest here.
 */
import { errorRules, explain, isTamisError } from '../errors.ts';

interface Band {
  readonly low: number;
  readonly central: number;
  readonly high: number;
}

/** What a run used, in short. */
interface Amounts {
  readonly cost?: {
    readonly currency: string;
    readonly total: number;
    readonly totalWithIdle: number | null;
    readonly complete: boolean;
  };
  readonly energy?: { readonly complete: boolean; readonly wattHours: Band };
  readonly carbon?: { readonly complete: boolean; readonly gramsCO2e: Band };
}

/** How far a run got, as far as that is known. */
interface Work {
  readonly rows?:
    | {
        readonly read: number;
        readonly classified: number;
        readonly abstained: number;
        readonly rejected: number;
        readonly blank: number;
      }
    | undefined;
  readonly batches?: { readonly sent: number; readonly retried: number; readonly split: number } | undefined;
  readonly timing?: {
    readonly startedAt: string;
    readonly durationMs: number;
    readonly endpointMs: number;
    readonly throttledMs: number;
  };
}

export interface JobLine extends Work, Amounts {
  readonly job: string;
  readonly route: string;
  readonly outcome: 'complete' | 'complete-with-rejects' | 'failed';
  /** Why a job failed. */
  readonly code?: string;
  /** Of the configuration. */
  readonly tags: Readonly<Record<string, string>>;
  readonly configuration: string;
  /** Rows by label. Only those among `configuredLabels` are logged: a label that the model made up may be text of a row. */
  readonly labels?: Readonly<Record<string, number>>;
  readonly configuredLabels?: readonly string[];
}

/** Why an object is no job. */
export interface IgnoredLine {
  readonly key: string;
  readonly reason: 'outside' | 'folder' | 'hidden' | 'no-match';
}

/** Which job left without a trace, and what the run had cost by then, where it had begun. */
export interface WithdrawnLine extends Work, Amounts {
  readonly job: string;
  readonly route: string | undefined;
}

/** What the metrics of a job are made of. An amount that is not complete is left out by the caller. */
export interface MetricsLine {
  readonly route: string;
  readonly endpointKind: string;
  readonly rowsClassified: number;
  readonly rowsRejected: number;
  readonly durationMs: number;
  readonly cost?: number;
  readonly energyWattHours?: number;
  readonly carbonGrams?: number;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

/** The one logger, as the job sees it. */
export interface Logger {
  logJob(line: JobLine): void;
  logIgnored(line: IgnoredLine): void;
  logDuplicate(line: WithdrawnLine): void;
  logSuperseded(line: WithdrawnLine): void;
  /** `error` may be anything that was caught: of a foreign error only its name and code are logged. `about` what the try had cost. */
  logFailure(error: unknown, about?: Partial<WithdrawnLine>): void;
  /** One line in CloudWatch's embedded metric format. */
  logMetrics(line: MetricsLine): void;
}

export type Level = 'info' | 'warn' | 'error';
/** Takes a finished line; `fields` hold nothing but what the shapes above name. */
export type LogSink = (level: Level, message: string, fields: Readonly<Record<string, unknown>>) => void;

/** A logger that hands closed lines to `sink`. */
export function makeLogger(sink: LogSink): Logger {
  return {
    logJob: (line) => sink(line.outcome === 'failed' ? 'error' : 'info', 'job', closeJobLine(line)),
    logIgnored: ({ key, reason }) => sink('info', 'ignored', { key, reason }),
    logDuplicate: (line) => sink('info', 'duplicate', closeWithdrawnLine(line)),
    logSuperseded: (line) => sink('info', 'superseded', closeWithdrawnLine(line)),
    logFailure: (error, about = {}) =>
      sink('error', 'failure', { ...closeWithdrawnLine(about), ...describeError(error) }),
    logMetrics: (line) => sink('info', 'metrics', embedMetrics(line)),
  };
}

function closeJobLine(line: JobLine): Record<string, unknown> {
  const { job, route, outcome, code, tags, configuration } = line;
  return defined({
    job,
    route,
    outcome,
    code: code !== undefined && Object.hasOwn(errorRules, code) ? code : undefined,
    tags,
    configuration,
    ...closeWork(line),
    labels: configuredCounts(line),
  });
}

const closeWithdrawnLine = (line: Partial<WithdrawnLine>): Record<string, unknown> =>
  defined({ job: line.job, route: line.route, ...closeWork(line) });

function closeWork({ rows, batches, timing, cost, energy, carbon }: Work & Amounts): Record<string, unknown> {
  return {
    rows: rows && pick(rows, ['read', 'classified', 'abstained', 'rejected', 'blank']),
    batches: batches && pick(batches, ['sent', 'retried', 'split']),
    timing: timing && pick(timing, ['startedAt', 'durationMs', 'endpointMs', 'throttledMs']),
    cost: cost && pick(cost, ['currency', 'total', 'totalWithIdle', 'complete']),
    energy: energy && { complete: energy.complete, wattHours: pickBand(energy.wattHours) },
    carbon: carbon && { complete: carbon.complete, gramsCO2e: pickBand(carbon.gramsCO2e) },
  };
}

function configuredCounts({ labels, configuredLabels }: JobLine): Record<string, number> | undefined {
  if (labels === undefined || configuredLabels === undefined) return undefined;
  const counted = configuredLabels.filter((label) => Object.hasOwn(labels, label));
  return Object.fromEntries(counted.map((label) => [label, labels[label] ?? 0]));
}

const pickBand = (band: Band): Band => pick(band, ['low', 'central', 'high']);

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}

const defined = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/**
 * What may be said of anything caught: the code and sentence of an error of our own; name, code and HTTP status of a foreign one.
 * Foreign messages are never repeated: parsers and services quote what they were given.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (isTamisError(error) && Object.hasOwn(errorRules, error.code)) {
    return { code: error.code, detail: explain(error.code, error.details) };
  }
  if (typeof error !== 'object' || error === null) return { error: typeof error };
  const { name, code, $metadata } = error as {
    readonly name?: unknown;
    readonly code?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: unknown };
  };
  const status = $metadata?.httpStatusCode;
  return defined({
    error: asIdentifier(name) ?? 'Error',
    errorCode: asIdentifier(code),
    status: typeof status === 'number' ? status : undefined,
  });
}

/** Names and codes are identifiers; anything else in their place is somebody's text. */
function asIdentifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(value) ? value : undefined;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html (2026-11-23) */
function embedMetrics(line: MetricsLine): Record<string, unknown> {
  const metrics = [
    { name: 'RowsClassified', unit: 'Count', value: line.rowsClassified },
    { name: 'RowsRejected', unit: 'Count', value: line.rowsRejected },
    { name: 'Cost', unit: 'None', value: line.cost },
    { name: 'EnergyWattHours', unit: 'None', value: line.energyWattHours },
    { name: 'CarbonGrams', unit: 'None', value: line.carbonGrams },
    { name: 'DurationMs', unit: 'Milliseconds', value: line.durationMs },
  ].filter(({ value }) => value !== undefined);
  return {
    _aws: {
      Timestamp: line.timestampMs,
      CloudWatchMetrics: [
        {
          Namespace: 'Tamis',
          Dimensions: [['Route', 'EndpointKind']],
          Metrics: metrics.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    Route: line.route,
    EndpointKind: line.endpointKind,
    ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
  };
}
