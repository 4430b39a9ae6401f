/** AWS's own linter of CloudFormation templates, with the schemas of every Region: https://pypi.org/project/cfn-lint/ (read 2026-11-23). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Install } from './run.ts';

const VERSION = '1.58.0';

export function linterPath(folder: string): string {
  return join(folder, VERSION, process.platform === 'win32' ? 'Scripts' : 'bin', 'cfn-lint');
}

export const install: Install = async (folder) => {
  const program = linterPath(folder);
  if (existsSync(program)) return;
  const succeeds = (command: string, ...args: string[]): boolean =>
    spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  const isInstalled =
    succeeds('python3', '-m', 'venv', join(folder, VERSION)) &&
    succeeds(join(program, '..', 'pip'), 'install', '--quiet', `cfn-lint==${VERSION}`);
  if (!isInstalled) throw new Error('expected Python 3 to install cfn-lint with; the installation failed; see above');
};
