/**
 * The clients that people drop their files with, from PyPI: the AWS command line (https://pypi.org/project/awscli/) and boto3
 * (https://pypi.org/project/boto3/), both read 2026-11-23. Beside them ONNX Runtime for Python, which judges what comes back.
 */
import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPython } from './find-python.ts';
import type { Install } from './run.ts';

const requirementsFile = fileURLToPath(new URL('python/s3-clients.txt', import.meta.url));

/** Where the installed programs are, `aws` and `python` among them. */
export function binOf(folder: string): string {
  return join(folder, 'environment', 'bin');
}

/** About 150 MB and half a minute the first time, and when the pinned releases have changed. */
export const install: Install = async (folder) => {
  const requirements = await readFile(requirementsFile, 'utf8');
  const mark = join(folder, 'environment.done');
  if ((await readFile(mark, 'utf8').catch(() => '')) === requirements) return;
  const environment = join(folder, 'environment');
  await rm(environment, { recursive: true, force: true });
  run(findPython(), ['-m', 'venv', environment]);
  run(join(binOf(folder), 'python'), [
    ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
    ...['--requirement', requirementsFile],
  ]);
  await writeFile(mark, requirements);
};

function run(program: string, args: readonly string[]): void {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`expected "${args.slice(0, 3).join(' ')}" to end well; it did not; see above`);
}
