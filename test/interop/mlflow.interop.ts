import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { parseDocument, stringify } from 'yaml';
import { readConfig } from '../../lib/config/read.ts';
import type { MlflowConfig } from '../../lib/config/types.ts';
import { french, judge, plain, readVerdicts, type Sample, spreadsheet, type Verdict } from './judge.ts';
import {
  environment,
  type Form,
  forms,
  installed,
  modelOf,
  newest,
  programOf,
  releases,
  root,
} from './mlflow-install.ts';
import { type MlflowServer, startMlflow } from './mlflow-server.ts';

const demo = await readFile(join(root, 'tamis.yml'), 'utf8');
const routes = readConfig(demo, 'tamis.yml').routes;
const timeoutMs = 120_000;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(installed, 'run-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The plain file with one measurement missing in each row, another one in each. */
async function writeGaps(): Promise<Sample> {
  const [header, ...lines] = (await readFile(plain.file, 'utf8')).trimEnd().split('\n');
  const gaps = lines.map((line, row) =>
    line
      .split(',')
      .map((cell, column) => (column === 1 + (row % 13) ? '' : cell))
      .join(','),
  );
  const sample = { ...plain, name: 'gaps.csv', file: join(folder, 'gaps.csv') };
  await writeFile(sample.file, [header, ...gaps, ''].join('\n'));
  return sample;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function start(program: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(program, args, { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

interface Summary {
  readonly outcome: string;
  readonly rows: { readonly read: number; readonly classified: number; readonly rejected: number };
  readonly rejectCodes: Readonly<Record<string, number>>;
}

/** Runs `tamis run` with the demo's routes, at another endpoint when one is given; resolves with the folder of the results. */
async function tamis(
  name: string,
  sample: Sample,
  endpoint?: Partial<MlflowConfig>,
): Promise<{ out: string; summary: Summary }> {
  const out = join(folder, name.replaceAll(/[^\w.]+/g, '-'));
  await mkdir(out, { recursive: true });
  let configFile = join(root, 'tamis.yml');
  if (endpoint !== undefined) {
    const document = parseDocument(demo);
    routes.forEach((_, index) => {
      document.setIn(['routes', index, 'endpoint'], document.createNode({ kind: 'mlflow', ...endpoint }));
    });
    configFile = join(out, 'tamis.yml');
    await writeFile(configFile, stringify(document));
  }
  const ended = await start(process.execPath, [
    ...[join(root, 'cli', 'tamis.mjs'), 'run', sample.file],
    ...['--config', configFile, '--route', sample.route, '--out', out, '--json'],
  ]);
  if (ended.status !== 0) throw new Error(`tamis ended with ${ended.status}: ${ended.stderr}`);
  return { out, summary: JSON.parse(ended.stdout) as Summary };
}

const routeOf = ({ route }: Sample) => routes.find(({ name }) => name === route)!;

const judged = new Map<string, ReadonlyMap<string, Verdict>>();

function judgeSample(sample: Sample): ReadonlyMap<string, Verdict> {
  const { features } = routeOf(sample);
  if (features === '*') throw new Error('the demo names its features');
  const verdicts =
    judged.get(sample.file) ??
    judge(
      sample,
      features.map(({ column }) => column),
    );
  judged.set(sample.file, verdicts);
  return verdicts;
}

function read(out: string, sample: Sample): Promise<Map<string, Verdict>> {
  const { prediction, score } = routeOf(sample).output;
  return readVerdicts(out, sample, { prediction, score: score! });
}

/** Every bottle in the same order, every label equal, every score within 1e-6 (or absent, for a form that has none). */
function expectSame(found: Map<string, Verdict>, expected: ReadonlyMap<string, Verdict>, withScores = true): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  expect([...found.values()].map(({ label }) => label)).toEqual([...expected.values()].map(({ label }) => label));
  const furthest = Math.max(
    ...[...found].map(([bottle, { score }]) => Math.abs((score ?? Number.NaN) - expected.get(bottle)!.score!)),
  );
  if (withScores) expect(furthest).toBeLessThanOrEqual(1e-6);
  else expect([...found.values()].every(({ score }) => score === undefined)).toBe(true);
}

/** A nameless array travels as `inputs` in every generation; named columns as `legacy` before 2.0, as `dataframe_split` since. */
const formats: readonly { format: MlflowConfig['format']; form: Form; generations: readonly number[] }[] = [
  { format: 'legacy', form: 'probabilities', generations: [1] },
  { format: 'csv', form: 'probabilities', generations: [1, 2] },
  { format: 'inputs', form: 'tensor', generations: [1, 2] },
  { format: 'dataframe_split', form: 'probabilities', generations: [2] },
  { format: 'dataframe_split', form: 'tensor', generations: [2] },
];

describe('the embedded model', () => {
  it.each([plain, french, spreadsheet])(
    'gives every row of $name the label and score that Python gives it',
    async (sample) => {
      const { out, summary } = await tamis(`embedded ${basename(sample.file)}`, sample);

      expect(summary.rows).toMatchObject({ read: 80, classified: 80, rejected: 0 });
      expectSame(await read(out, sample), judgeSample(sample));
    },
    timeoutMs,
  );

  it(
    'gives rows with a missing cell the label and score that Python gives them',
    async () => {
      const gaps = await writeGaps();
      const { out, summary } = await tamis('embedded gaps', gaps);

      expect(summary.rows).toMatchObject({ read: 80, classified: 80 });
      expectSame(await read(out, gaps), judgeSample(gaps));
    },
    timeoutMs,
  );

  it(
    'gives the compressed file the same output as the plain one',
    async () => {
      const compressed = { ...plain, file: `${plain.file}.gz` };
      const first = await tamis('embedded plain', plain);
      const second = await tamis('embedded gzip', compressed);

      const unpacked = gunzipSync(await readFile(join(second.out, 'wine.csv.gz')));
      expect(unpacked.equals(await readFile(join(first.out, 'wine.csv')))).toBe(true);
    },
    2 * timeoutMs,
  );

  it(
    'is the forest that the training script grows today',
    async () => {
      const ended = await start(programOf(newest, 'python'), [join(root, 'models', 'train.py')]);

      expect(ended).toMatchObject({ status: 0 });
      expect(JSON.parse(ended.stdout)).toMatchObject({
        accuracy: 0.9625,
        heldOut: { rows: 80, labelsThatDiffer: 0 },
        noisy: { rows: 100_000, labelsThatDiffer: 0 },
        withMissing: { rows: 100_000, labelsThatDiffer: 0 },
      });
    },
    timeoutMs,
  );
});

describe('a file with a few bad rows', () => {
  it(
    'loses those and gives the others the label and score that Python gives them',
    async () => {
      const sample = { ...plain, name: 'a few bad rows.csv', file: join(root, 'samples', 'a few bad rows.csv') };
      const { out, summary } = await tamis('bad rows', sample);

      expect(summary.rows).toMatchObject({ read: 30, classified: 25, rejected: 5 });
      expect(summary.rejectCodes).toEqual({ 'row.field-count': 2, 'row.type': 1, 'row.quote': 2 });
      const spoilt = ['F-0004', 'F-0009', 'F-0015', 'F-0021', 'F-0027'];
      const sound = [...judgeSample(plain)].slice(0, 30).filter(([bottle]) => !spoilt.includes(bottle));
      expectSame(await read(out, sample), new Map(sound));
    },
    timeoutMs,
  );
});

describe('the samples', () => {
  it(
    'are what the script writes from the rows held out',
    async () => {
      const again = join(folder, 'samples');
      await mkdir(again);
      const ended = await start(programOf(newest, 'python'), [join(root, 'samples', 'make.py'), again]);

      expect(ended).toMatchObject({ status: 0 });
      const unpack = (name: string, bytes: Buffer) => (name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
      for (const name of ['wine.csv', "vins d'été.csv", 'spreadsheet.csv', 'wine.csv.gz', 'a few bad rows.csv']) {
        const [made, kept] = [join(again, name), join(root, 'samples', name)];
        expect(unpack(name, await readFile(made)).equals(unpack(name, await readFile(kept)))).toBe(true);
      }
    },
    timeoutMs,
  );
});

describe.each(releases)('MLflow $version', (release) => {
  const servers = new Map<Form, MlflowServer>();
  beforeAll(async () => {
    const started = await Promise.allSettled(
      forms.map(async (form) => servers.set(form, await startMlflow(release, form))),
    );
    for (const { reason } of started.filter((one) => one.status === 'rejected')) throw reason;
  }, timeoutMs);
  afterAll(() => Promise.all([...servers.values()].map((server) => server.stop())), timeoutMs);

  it.each([
    { sample: plain, form: 'probabilities' as const },
    { sample: french, form: 'probabilities' as const },
    { sample: spreadsheet, form: 'frame' as const },
    { sample: french, form: 'frame' as const },
    { sample: plain, form: 'labels' as const },
  ])(
    'gives $sample.name the labels and scores of Python when it answers $form',
    async ({ sample, form }) => {
      const { url } = servers.get(form)!;
      const { out, summary } = await tamis(`${release.version} ${form} ${sample.route}`, sample, { url });

      expect(summary.rows).toMatchObject({ read: 80, classified: 80, rejected: 0 });
      expectSame(await read(out, sample), judgeSample(sample), form !== 'labels');
    },
    timeoutMs,
  );

  const generation = release.isLegacy ? 1 : 2;
  it.each(formats.filter(({ generations }) => generations.includes(generation)))(
    'takes rows as $format for a model saved as $form',
    async ({ format, form }) => {
      const { url } = servers.get(form)!;
      const { out } = await tamis(`${release.version} ${format} ${form}`, french, { url, format });

      expectSame(await read(out, french), judgeSample(french));
    },
    timeoutMs,
  );

  it.each(['auto', 'csv'] as const)(
    'gives rows with a missing cell, sent as %s, the label and score that Python gives them',
    async (format) => {
      const gaps = await writeGaps();
      const { url } = servers.get('probabilities')!;
      const { out, summary } = await tamis(`${release.version} gaps ${format}`, gaps, { url, format });

      expect(summary.rows).toMatchObject({ read: 80, classified: 80 });
      expectSame(await read(out, gaps), judgeSample(gaps));
    },
    timeoutMs,
  );

  it(
    'rejects the one row that the model refuses and classifies the others',
    async () => {
      const { url } = servers.get('probabilities')!;
      const lines = (await readFile(plain.file, 'utf8')).split('\n');
      // More than the float32 that scikit-learn computes with can hold.
      lines[17] = lines[17]!.replace(/,[^,]*,/, `,${'9'.repeat(40)},`);
      const sample = { ...plain, file: join(folder, `too large ${release.version}.csv`) };
      await writeFile(sample.file, lines.join('\n'));

      const { out, summary } = await tamis(`${release.version} too large`, sample, { url });

      expect(summary.rejectCodes).toEqual({ 'row.refused': 1 });
      const expected = new Map(judgeSample(plain));
      expected.delete('F-0017');
      expectSame(await read(out, sample), expected);
    },
    timeoutMs,
  );
});

describe('mlflow models predict', () => {
  it(
    'gives the plain file the probabilities that Tamis prints',
    async () => {
      const answers = join(folder, 'answers.json');
      const rows = join(folder, 'rows.json');
      const [header, ...records] = parse(await readFile(plain.file)) as string[][];
      const data = records.map((record) => record.slice(1).map(Number));
      await writeFile(rows, JSON.stringify({ dataframe_split: { columns: header!.slice(1), data } }));
      const ended = await start(programOf(newest, 'mlflow'), [
        ...['models', 'predict', '--model-uri', modelOf(newest, 'probabilities'), '--env-manager', 'local'],
        ...['--input-path', rows, '--content-type', 'json', '--output-path', answers],
      ]);
      expect(ended).toMatchObject({ status: 0 });
      const { predictions } = JSON.parse(await readFile(answers, 'utf8')) as { readonly predictions: number[][] };

      const { out } = await tamis('against predict', plain);

      const labels = routeOf(plain).labels as readonly string[];
      const bottles = [...judgeSample(plain).keys()];
      const verdicts = predictions.map((scores) => {
        const score = Math.max(...scores);
        return { label: labels[scores.indexOf(score)]!, score };
      });
      expectSame(await read(out, plain), new Map(bottles.map((bottle, index) => [bottle, verdicts[index]!])));
    },
    timeoutMs,
  );
});
