import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { errorRules, TamisError } from '../../../lib/errors.ts';
import { describeError, type JobLine, type Level, type Logger, makeLogger } from '../../../lib/privacy/log-lines.ts';

interface Line {
  readonly level: Level;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function linesOf(use: (logger: Logger) => void): Line[] {
  const lines: Line[] = [];
  use(makeLogger((level, message, fields) => lines.push({ level, message, fields })));
  return lines;
}

const band = { low: 1, central: 2, high: 3 };
const jobLine: JobLine = {
  job: 'wine-0a',
  route: 'wine',
  outcome: 'complete-with-rejects',
  tags: { costCentre: '4711' },
  configuration: 'abc',
  rows: { read: 3, classified: 2, abstained: 1, rejected: 1, blank: 0 },
  batches: { sent: 1, retried: 0, split: 0 },
  timing: { startedAt: '2026-11-23T00:00:00.000Z', durationMs: 12, endpointMs: 3, throttledMs: 0 },
  cost: { currency: 'USD', total: 0.1, totalWithIdle: null, complete: false },
  energy: { complete: true, wattHours: band },
  carbon: { complete: true, gramsCO2e: band },
};

/** The same object with a secret in it wherever an object can hold one more key. */
function contaminate(value: unknown, canary: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, key === 'tags' ? item : contaminate(item, canary)]);
  return { ...Object.fromEntries(entries), record: canary, [canary]: 1 };
}

describe('makeLogger', () => {
  it('logs one line for a job, with all that the contract names', () => {
    expect(linesOf((logger) => logger.logJob(jobLine))).toEqual([{ level: 'info', message: 'job', fields: jobLine }]);
  });

  it('logs a failed job as an error, with its code', () => {
    const [line] = linesOf((logger) => logger.logJob({ ...jobLine, outcome: 'failed', code: 'input.not-csv' }));

    expect(line).toMatchObject({
      level: 'error',
      message: 'job',
      fields: { outcome: 'failed', code: 'input.not-csv' },
    });
  });

  it('counts configured labels only', () => {
    const labels = { oui: 3, 'Jean Dupont, 3 rue des Lilas': 1 };

    const [line] = linesOf((logger) => logger.logJob({ ...jobLine, labels, configuredLabels: ['oui', 'non'] }));

    expect(line?.fields).toMatchObject({ labels: { oui: 3 } });
    expect(JSON.stringify(line)).not.toContain('Dupont');
  });

  it('counts no labels when none are configured', () => {
    const [line] = linesOf((logger) => logger.logJob({ ...jobLine, labels: { 'Jean Dupont': 1 } }));

    expect(JSON.stringify(line)).not.toContain('Dupont');
  });

  it('has a line of its own for what is ignored, duplicate or superseded', () => {
    const lines = linesOf((logger) => {
      logger.logIgnored({ key: 'input/wine/', reason: 'folder' });
      logger.logDuplicate({ job: 'a', route: 'b' });
      logger.logSuperseded({ job: 'a', route: 'b' });
    });

    expect(lines.map(({ message }) => message)).toEqual(['ignored', 'duplicate', 'superseded']);
  });

  it('drops whatever a shape does not name, however deep it sits', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^canary[a-z0-9]{8}$/), (canary) => {
        const lines = linesOf((logger) => {
          logger.logJob(contaminate(jobLine, canary) as JobLine);
          logger.logIgnored(contaminate({ key: 'k', reason: 'folder' }, canary) as Parameters<Logger['logIgnored']>[0]);
          logger.logDuplicate(contaminate({ job: 'a', route: 'b' }, canary) as JobLine);
          logger.logSuperseded(contaminate({ job: 'a', route: 'b' }, canary) as JobLine);
          logger.logFailure(
            Object.assign(new Error(canary), { record: canary, code: `${canary} ` }),
            contaminate({ job: 'a' }, canary) as JobLine,
          );
          logger.logMetrics(
            contaminate(
              { route: 'a', endpointKind: 'stub', rowsClassified: 1, rowsRejected: 0, durationMs: 1, timestampMs: 1 },
              canary,
            ) as Parameters<Logger['logMetrics']>[0],
          );
        });
        return lines.length === 6 && !JSON.stringify(lines).includes(canary);
      }),
    );
  });

  it('has no place for the text of a record', () => {
    const logger = makeLogger(() => undefined);

    // @ts-expect-error a record is in none of the shapes
    logger.logIgnored({ key: 'k', reason: 'folder', record: 'Jean;Dupont' });
    // @ts-expect-error nor a message of somebody's own
    expect(logger.log).toBeUndefined();
  });

  it('writes one metric line with a single dimension set and leaves out amounts that are not known', () => {
    const line = {
      route: 'wine',
      endpointKind: 'stub',
      rowsClassified: 2,
      rowsRejected: 1,
      durationMs: 5,
      timestampMs: 1_700_000_000_000,
    };

    const [whole, partial] = linesOf((logger) => {
      logger.logMetrics({ ...line, cost: 0, energyWattHours: 0.25, carbonGrams: 0.5 });
      logger.logMetrics(line);
    });

    expect(whole?.fields).toEqual({
      _aws: {
        Timestamp: 1_700_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: 'Tamis',
            Dimensions: [['Route', 'EndpointKind']],
            Metrics: [
              { Name: 'RowsClassified', Unit: 'Count' },
              { Name: 'RowsRejected', Unit: 'Count' },
              { Name: 'Cost', Unit: 'None' },
              { Name: 'EnergyWattHours', Unit: 'None' },
              { Name: 'CarbonGrams', Unit: 'None' },
              { Name: 'DurationMs', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
      Route: 'wine',
      EndpointKind: 'stub',
      RowsClassified: 2,
      RowsRejected: 1,
      Cost: 0,
      EnergyWattHours: 0.25,
      CarbonGrams: 0.5,
      DurationMs: 5,
    });
    expect(JSON.stringify(partial)).not.toMatch(/Cost|Energy|Carbon/);
  });
});

describe('describeError', () => {
  it('gives code and sentence of an error of our own', () => {
    const error = new TamisError(
      'job.too-many-rejects',
      { rejectedCount: 12, readCount: 40 },
      new Error('Jean Dupont'),
    );

    expect(describeError(error)).toEqual({
      code: 'job.too-many-rejects',
      detail:
        'expected fewer rejects than limits.maxRejected; found 12 of 40 rows rejected; look at the rejects file, correct the input, drop it again',
    });
  });

  it('gives name, code and status of a foreign error, never its message', () => {
    const error = Object.assign(new TypeError('cannot read "Jean Dupont"'), {
      code: 'ECONNRESET',
      $metadata: { httpStatusCode: 503 },
      record: 'Jean;Dupont',
    });

    expect(describeError(error)).toEqual({ error: 'TypeError', errorCode: 'ECONNRESET', status: 503 });
  });

  it.each([
    ['a name that is text', Object.assign(new Error('x'), { name: 'Jean Dupont' }), { error: 'Error' }],
    ['a code that is text', { name: 'Oops', code: 'Jean Dupont' }, { error: 'Oops' }],
    ['a text thrown', 'Jean Dupont', { error: 'string' }],
    ['nothing thrown', undefined, { error: 'undefined' }],
    [
      'an impostor',
      Object.assign(new Error('x'), { name: 'TamisError', code: 'Jean Dupont' }),
      { error: 'TamisError' },
    ],
  ])('does not repeat %s', (_title, error, described) => {
    expect(describeError(error)).toEqual(described);
  });

  it('knows the table of errors that it relies on', () => {
    expect(Object.keys(errorRules).length).toBeGreaterThan(40);
  });
});
