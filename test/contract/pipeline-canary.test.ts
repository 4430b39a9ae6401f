import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { reportEnd } from '../../functions/support/report.ts';
import { closeError } from '../../lib/privacy/close-error.ts';
import { makeLogger } from '../../lib/privacy/log-lines.ts';
import { configText, type Folder, makeFolder, tamis } from '../cli/command.ts';
import { type MlflowStandIn, startMlflowStandIn } from '../stand-ins/mlflow.ts';
import { answering, configOf, type PipelineEnd, type PipelineRun, runPipeline } from './pipeline.ts';

/** Stands in every cell, in any case and any spelling of its own, and must not be seen anywhere but in output and rejects. */
const canary = /c4n[aä]ry/i;
const row = (index: number) => `${index},C4NARY-${index},"C4NÄRY ""${index}"""\n`;
const rows = (count: number, change: (index: number) => string = row) =>
  `x,y,z\n${Array.from({ length: count }, (_, index) => change(index)).join('')}`;
/** Only `y` leaves, and it is all canaries. */
const text = { features: ['y'] };
const strict = { maxRejected: { rows: 0, share: 0 } };

interface Flight extends PipelineRun {
  readonly title: string;
  /** A code that must occur, as proof that the case is what it says. */
  readonly code?: string;
}

const flights: readonly Flight[] = [
  { title: 'a plain run', input: rows(30), route: text },
  { title: 'fields too few', code: 'row.field-count', input: `${rows(3)}C4NARY\n` },
  { title: 'a stray quote', code: 'row.quote', input: `${rows(3)}4,C4NARY"C4NARY,"C4NARY\n` },
  {
    title: 'a record that is too long',
    code: 'row.too-long',
    input: `${rows(3)}5,${'C4NARY'.repeat(50)},a\n`,
    route: { csv: { maxRecordBytes: 200 } },
  },
  {
    title: 'invalid bytes',
    code: 'row.encoding',
    input: Buffer.concat([Buffer.from(`${rows(3)}6,C4NARY`), Buffer.from([0xff]), Buffer.from(',a\n')]),
  },
  {
    title: 'cells that are no numbers',
    code: 'row.type',
    input: rows(3),
    route: { features: [{ column: 'y', as: 'C', type: 'number' }] },
  },
  {
    title: 'refused rows',
    code: 'row.refused',
    input: rows(9),
    route: text,
    script: answering(([y]) => (y === 'C4NARY-3' ? undefined : { label: 'a' })),
  },
  {
    title: 'answers that are no labels',
    code: 'row.label-unknown',
    input: rows(3),
    route: { ...text, labels: ['a'] },
    script: answering(([y]) => ({ label: y as string })),
  },
  { title: 'too many rejects', code: 'job.too-many-rejects', input: `${rows(9)}C4NARY\n`, route: { limits: strict } },
  {
    title: 'no classifier',
    code: 'endpoint.not-a-classifier',
    input: rows(1_200),
    route: text,
    script: answering(([y]) => ({ label: y as string })),
  },
  {
    title: 'no scores',
    code: 'endpoint.no-scores',
    input: rows(9),
    route: { ...text, labels: ['a', 'b'], output: { scores: true } },
    script: answering(() => ({ label: 'a' })),
  },
  {
    title: 'a model that refuses all',
    code: 'endpoint.refuses-all',
    input: rows(100),
    route: text,
    script: () => ({ kind: 'bad-rows', status: 400 }),
  },
  {
    title: 'nonsense only',
    code: 'endpoint.protocol',
    input: rows(100),
    route: text,
    script: () => ({ kind: 'protocol', status: 200 }),
  },
  { title: 'a missing column', code: 'input.column-missing', input: 'C4NARY,C4NARY2\nC4NARY,a\n' },
  {
    title: 'two equal columns',
    code: 'input.header-duplicate',
    input: 'C4NARY,C4NARY\n1,2\n',
    route: { features: '*' },
  },
  { title: 'a column that exists', code: 'input.column-exists', input: 'x,C4NARY,score\n1,C4NARY,2\n' },
  { title: 'a broken header', code: 'input.header-invalid', input: 'x,"C4NARY"C4NARY\n1,2\n' },
  { title: 'two decimal marks', code: 'input.decimal-ambiguous', input: 'x;C4NARY\n1,5;C4NARY\n1.5;C4NARY\n' },
  { title: 'no CSV', code: 'input.not-csv', input: '{"C4NARY": "C4NARY"}' },
  {
    title: 'a broken gzip',
    code: 'input.compression',
    key: 'input/r/d.csv.gz',
    input: gzipSync(rows(5_000)).subarray(0, 9_000),
  },
  { title: 'no time', code: 'job.out-of-time', input: rows(9), remainingMs: () => 0 },
  {
    title: 'a service that is away',
    code: 'endpoint.unreachable',
    input: rows(9),
    route: text,
    script: () => ({ kind: 'transient', status: 503 }),
  },
  {
    title: 'a mistake of ours',
    code: 'TypeError',
    input: rows(9),
    route: text,
    script: ({ rows: sent }) => {
      throw new TypeError(`cannot read ${sent[0]}`);
    },
  },
];

/** Everything that a function says of a run: log lines, metrics, event, error file, summary, the error that it throws. */
async function saidOf(run: PipelineRun): Promise<{ said: string; end: PipelineEnd | undefined }> {
  const said: unknown[] = [];
  const logger = makeLogger((...line) => said.push(line));
  let end: PipelineEnd | undefined;
  try {
    end = await runPipeline({ ...run, isLambda: true });
    said.push(end.end, end.error, end.summary);
    for (const [key, body] of end.objects) if (key.startsWith('.tamis/')) said.push(body.toString());
    await reportEnd(
      {
        config: configOf(run.route),
        logger,
        metrics: true,
        publishEvent: async (...event) => void said.push(event),
        now: () => 0,
      },
      end.end,
    );
  } catch (error) {
    logger.logFailure(error);
    const closed = closeError(error) as Error;
    said.push(closed.message, closed.stack, inspect(closed, { depth: 9 }));
  }
  return { said: said.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))).join('\n'), end };
}

describe('what a function says of a run', () => {
  it.each(flights)('holds nothing of any row: $title', async ({ code, ...run }) => {
    const { said, end } = await saidOf(run);

    const publishedCodes = `${said}\n${end?.rejects ?? ''}`;
    if (code !== undefined) expect(publishedCodes).toContain(code);
    expect(said.length).toBeGreaterThan(100);
    expect(canary.exec(said)?.input.slice(0, 300)).toBeUndefined();
  });

  it('would be caught if it did', async () => {
    const { end } = await saidOf(flights[0]!);

    expect(end!.output!.toString()).toMatch(canary);
  });

  it('does not hold labels that the model made up, beyond the summary', async () => {
    const lines: string[] = [];
    const end = await runPipeline({
      input: rows(9),
      route: text,
      script: answering(([y]) => ({ label: y as string })),
    });

    await reportEnd(
      {
        config: configOf(text),
        logger: makeLogger((...line) => lines.push(JSON.stringify(line))),
        metrics: true,
        publishEvent: async (...event) => void lines.push(JSON.stringify(event)),
        now: () => 0,
      },
      end.end,
    );

    expect(lines).toHaveLength(3);
    expect(lines.join('\n')).not.toMatch(canary);
    expect(Object.keys(end.summary!.labels)).toHaveLength(9);
  });
});

describe('what a service says', () => {
  it.each(['bad-row', '500', 'not-json', 'error-in-200'] as const)('is not repeated: %s', async (fault) => {
    const server = await startMlflowStandIn({ fault });
    const { said } = await saidOf({
      input: rows(30),
      real: true,
      route: { ...text, endpoint: { kind: 'mlflow', url: server.url, format: 'dataframe_split', timeoutMs: 500 } },
      change: (tools) => ({
        ...tools,
        clock: {
          ...tools.clock,
          sleep: (ms, signal) => tools.clock.sleep(Math.min(ms, 20_000) / (ms === 15_000 ? 1 : 1_000), signal),
        },
      }),
    });
    await server.close();

    expect(server.requests.some(({ body }) => canary.test(body.toString()))).toBe(true);
    expect(said).not.toMatch(canary);
  });
});

describe('what the command says', () => {
  let folder: Folder;
  let server: MlflowStandIn;
  beforeAll(async () => {
    folder = await makeFolder();
    server = await startMlflowStandIn({ fault: 'bad-row' });
    const endpoint = { kind: 'mlflow', url: server.url, format: 'dataframe_split' };
    await folder.write(
      'tamis.yml',
      configText({}, { endpoint, features: ['y'] }, { features: [{ column: 'y', type: 'integer' }] }),
    );
    await folder.write('sound.csv', rows(9));
    await folder.write('rejects.csv', `${rows(9)}C4NARY\n"C4NARY"C4NARY\n`);
    await folder.write('header.csv', 'C4NARY,C4NARY\n1,2\n');
    await folder.write('binary.csv', 'C4NARY\0\0\0');
  });
  afterAll(async () => {
    await server.close();
    await folder.remove();
  });

  it.each([
    ['sound.csv', 'r0'],
    ['rejects.csv', 'r0'],
    ['header.csv', 'r0'],
    ['binary.csv', 'r0'],
    ['sound.csv', 'r1'],
    ['sound.csv', 'r2'],
  ])('holds nothing of any row: %s on %s', async (file, route) => {
    const { stdout, stderr } = await tamis(['run', file, '--route', route, '--json', '--out', `out-${route}`], {
      folder: folder.path,
    });

    expect(stdout).toMatch(/"job": "r\d-/);
    expect(stdout + stderr).not.toMatch(canary);
  });
});
