import { spawnSync } from 'node:child_process';

/** The first of the usual names that is a Python which all pinned packages have wheels for. Throws when there is none. */
export function findPython(): string {
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const { status } = spawnSync(name, [
      '-c',
      'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))',
    ]);
    if (status === 0) return name;
  }
  throw new Error('expected Python 3.11, 3.12 or 3.13 with venv; none is on the PATH; install one and try again');
}
