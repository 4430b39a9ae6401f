/** Tells the world how a job ended: one log line, and, where they are switched on, metrics and an event. */
import type { Config } from '../../lib/config/types.ts';
import type { ReportSize, Spent } from '../../lib/job/account.ts';
import type { GivenBack, JobEnd, JobTools } from '../../lib/job/run.ts';
import type { ErrorDocument, Summary } from '../../lib/job/summary.ts';
import type { Logger } from '../../lib/privacy/log-lines.ts';
import { sizeLog } from '../../lib/privacy/logger.ts';

export type PublishEvent = (detailType: 'Job Completed' | 'Job Failed', detail: object) => Promise<void>;

export interface Reporting {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: boolean;
  /** Undefined where events are switched off. */
  readonly publishEvent: PublishEvent | undefined;
  readonly now: () => number;
}

/** Runs a job and tells how it ended. What it throws is thrown on, once it is told what the try had cost. */
export async function runAndReport(
  reporting: Reporting,
  tools: JobTools,
  run: (tools: JobTools) => Promise<JobEnd>,
): Promise<void> {
  let givenBack: GivenBack | undefined;
  const onGivenBack = (told: GivenBack): void => {
    givenBack = told;
  };
  try {
    await reportEnd(reporting, await run({ ...tools, onGivenBack }));
  } catch (error) {
    reportFailure(reporting, error, givenBack);
    throw error;
  }
}

export async function reportEnd(reporting: Reporting, end: JobEnd): Promise<void> {
  const { publishEvent } = reporting;
  logEnd(reporting, end);
  if (end.kind === 'complete') await publishEvent?.('Job Completed', completedDetail(end.summary));
  if (end.kind === 'failed') await publishEvent?.('Job Failed', failedDetail(end.error));
}

/** `run`: undefined where it had not begun. */
function reportFailure({ logger }: Reporting, error: unknown, run: GivenBack | undefined): void {
  logger.logFailure(error, run === undefined ? {} : { job: run.job, route: run.route, ...amountsOf(run.spent) });
}

/** The platform's lines of one invocation: START, END and REPORT, and INIT_START of a cold one. */
const platformBytes = 450;
/** What the size of a failure's line does not know yet: code and detail of the error, and the error as the platform logs it, with its stack. */
const thrownBytes = 1_500;

/** What reporting an end takes, before it is done. */
export function sizeReport(reporting: Reporting, end: JobEnd | GivenBack): ReportSize {
  if (end.kind === 'given-back') {
    const line = sizeLog((logger) => reportFailure({ ...reporting, logger }, undefined, end));
    return { logBytes: platformBytes + line + thrownBytes, eventCount: 0 };
  }
  const hasEvent = reporting.publishEvent !== undefined && (end.kind === 'complete' || end.kind === 'failed');
  const lines = sizeLog((logger) => logEnd({ ...reporting, logger }, end));
  return { logBytes: platformBytes + lines, eventCount: hasEvent ? 1 : 0 };
}

function logEnd(reporting: Reporting, end: JobEnd): void {
  const { logger } = reporting;
  switch (end.kind) {
    case 'ignored':
      logger.logIgnored(end);
      return;
    case 'duplicate':
      logger.logDuplicate(withdrawnLine(end));
      return;
    case 'superseded':
      logger.logSuperseded(withdrawnLine(end));
      return;
    case 'complete':
      logCompleted(reporting, end.summary);
      return;
    case 'failed':
      logFailed(reporting, end);
  }
}

const withdrawnLine = ({ job, route, spent }: Extract<JobEnd, { kind: 'duplicate' | 'superseded' }>) => ({
  job,
  route,
  ...(spent === undefined ? {} : amountsOf(spent)),
});

const amountsOf = ({ rows, batches, timing, receipt: { cost, energy, carbon } }: Spent) => ({
  rows,
  batches,
  timing,
  cost,
  energy,
  carbon,
});

function logCompleted({ config, logger, metrics, now }: Reporting, summary: Summary): void {
  const route = config.routes.find(({ name }) => name === summary.route);
  const { labels } = route ?? {};
  logger.logJob({
    ...summary,
    ...(labels === undefined ? {} : { configuredLabels: Array.isArray(labels) ? labels : Object.values(labels) }),
  });
  if (!metrics || route === undefined) return;
  const { cost, energy, carbon } = summary;
  logger.logMetrics({
    route: summary.route,
    endpointKind: route.endpoint.kind,
    rowsClassified: summary.rows.classified,
    rowsRejected: summary.rows.rejected,
    durationMs: summary.timing.durationMs,
    ...(cost.complete ? { cost: cost.total } : {}),
    ...(energy.complete ? { energyWattHours: energy.wattHours.central } : {}),
    ...(carbon.complete ? { carbonGrams: carbon.gramsCO2e.central } : {}),
    timestampMs: now(),
  });
}

function logFailed({ config, logger }: Reporting, { error, spent }: Extract<JobEnd, { kind: 'failed' }>): void {
  const route = config.routes.find(({ name }) => name === error.route);
  logger.logJob({
    job: error.job,
    route: error.route ?? '',
    outcome: 'failed',
    code: error.code,
    tags: route?.tags ?? {},
    configuration: config.hash,
    ...amountsOf(spent),
  });
}

function completedDetail(summary: Summary): object {
  const { job, route, tags, outcome, input, output, rejects, rows, cost, energy, carbon } = summary;
  return {
    job,
    route,
    tags,
    outcome,
    input: { uri: input.uri, etag: input.etag, versionId: input.versionId },
    output,
    rejects,
    rows,
    cost: { currency: cost.currency, total: cost.total, complete: cost.complete },
    energy: { wattHours: energy.wattHours, complete: energy.complete },
    carbon: { gramsCO2e: carbon.gramsCO2e, complete: carbon.complete },
  };
}

function failedDetail({ job, route, code, detail, redrive, input }: ErrorDocument): object {
  return { job, route, code, detail, redrive, input: { uri: input.uri, etag: input.etag, versionId: input.versionId } };
}
