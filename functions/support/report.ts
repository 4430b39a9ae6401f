/** Tells the world how a job ended: one log line, and, where they are switched on, metrics and an event. */
import type { Config } from '../../lib/config/types.ts';
import type { JobEnd } from '../../lib/job/run.ts';
import type { ErrorDocument, Summary } from '../../lib/job/summary.ts';
import type { Logger } from '../../lib/privacy/log-lines.ts';

export type PublishEvent = (detailType: 'Job Completed' | 'Job Failed', detail: object) => Promise<void>;

export interface Reporting {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: boolean;
  /** Undefined where events are switched off. */
  readonly publishEvent: PublishEvent | undefined;
  readonly now: () => number;
}

export async function reportEnd(reporting: Reporting, end: JobEnd): Promise<void> {
  const { logger, publishEvent } = reporting;
  switch (end.kind) {
    case 'ignored':
      return logger.logIgnored(end);
    case 'duplicate':
      return logger.logDuplicate(end);
    case 'superseded':
      return logger.logSuperseded(end);
    case 'complete':
      logCompleted(reporting, end.summary);
      await publishEvent?.('Job Completed', completedDetail(end.summary));
      return;
    case 'failed':
      logFailed(reporting, end.error);
      await publishEvent?.('Job Failed', failedDetail(end.error));
  }
}

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

function logFailed({ config, logger }: Reporting, error: ErrorDocument): void {
  const route = config.routes.find(({ name }) => name === error.route);
  logger.logJob({
    job: error.job,
    route: error.route ?? '',
    outcome: 'failed',
    code: error.code,
    tags: route?.tags ?? {},
    configuration: config.hash,
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
