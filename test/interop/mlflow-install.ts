/** Four generations of the MLflow scoring server, and the demo's model in each, from PyPI (https://pypi.org/project/mlflow-skinny/, read 2026-11-23). */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from './find-python.ts';
import type { Install } from './run.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A release of MLflow and the file that pins it and all it needs. The newest is what the model is trained with. */
export interface MlflowRelease {
  readonly version: string;
  readonly requirements: string;
  /** Whether it answers `{ predictions }` and takes `dataframe_split`, as all do since 2.0. */
  readonly isLegacy: boolean;
}

export const releases: readonly MlflowRelease[] = [
  { version: '1.30.1', requirements: 'test/interop/python/mlflow-1.30.txt', isLegacy: true },
  { version: '2.14.3', requirements: 'test/interop/python/mlflow-2.14.txt', isLegacy: false },
  { version: '2.22.5', requirements: 'test/interop/python/mlflow-2.22.txt', isLegacy: false },
  { version: '3.17.2', requirements: 'models/requirements.txt', isLegacy: false },
];
export const newest = releases.at(-1)!;

/** How the model was saved: `labels` answers class indexes, `probabilities` lists, `frame` objects; `tensor` knows no names of columns. */
export const forms = ['labels', 'probabilities', 'frame', 'tensor'] as const;
export type Form = (typeof forms)[number];

/** Where `install` keeps everything. */
export const installed = join(root, '.interop', 'mlflow');

export function programOf({ version }: MlflowRelease, name: string): string {
  return join(installed, version, 'bin', name);
}

export function modelOf({ version }: MlflowRelease, form: Form): string {
  return join(installed, `wine-${version}`, form);
}

/** MLflow writes where it stands and reports its use unless told not to. */
export const environment = {
  ...process.env,
  MLFLOW_TRACKING_URI: join(installed, 'mlruns'),
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: 'true',
  PYTHONWARNINGS: 'ignore',
};

function run(program: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, args, {
    cwd: installed,
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (error !== undefined || status !== 0) {
    throw new Error(`expected "${args.slice(0, 3).join(' ')}" to end well; it did not:\n${stderr ?? error?.message}`);
  }
}

/** Runs `make` after removing `folder`, unless the mark beside it says that the same was done before. */
async function once(folder: string, inputs: readonly string[], make: () => void): Promise<void> {
  const contents = await Promise.all(inputs.map((input) => readFile(join(root, input))));
  const hash = createHash('sha256');
  for (const content of contents) hash.update(content);
  const mark = hash.digest('hex');
  if ((await readFile(`${folder}.done`, 'utf8').catch(() => '')) === mark) return;
  await rm(folder, { recursive: true, force: true });
  make();
  await writeFile(`${folder}.done`, mark);
}

/** About 2 GB and two minutes the first time; each release has packages of its own. */
export const install: Install = async () => {
  for (const release of releases) {
    const folder = join(installed, release.version);
    await once(folder, [release.requirements], () => {
      console.error(`mlflow ${release.version}`);
      run(findPython(), ['-m', 'venv', folder]);
      run(programOf(release, 'python'), [
        ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'],
        ...['--requirement', join(root, release.requirements)],
      ]);
    });
    const models = join(installed, `wine-${release.version}`);
    await once(models, [release.requirements, 'models/train.py'], () =>
      run(programOf(release, 'python'), [join(root, 'models', 'train.py'), '--mlflow', models, '--rows', '0']),
    );
  }
};
