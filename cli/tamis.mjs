#!/usr/bin/env -S node --max-semi-space-size=8
// Starts the command line on the Node that the project pins: older ones do not run TypeScript. Node lets the young generation grow with
// the machine's memory, whatever lives in it; 8 MB hold a run of any size as fast, in 50 MB less (npm run bench -- --only memory).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major] = process.versions.node.split('.').map(Number);
const pinned = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
if (major >= 24) {
  const { guardProcess, main } = await import('./main.ts');
  guardProcess();
  process.exitCode = await main(process.argv.slice(2));
} else if (existsSync(pinned)) {
  const child = spawn(pinned, ['--max-semi-space-size=8', fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // The run decides how it ends; what only this process is told is passed on.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
  child.on('exit', (status, signal) => {
    process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 1);
  });
} else {
  process.stderr.write('local.toolchain: expected Node 24; found an older one; run npm ci\n');
  process.exitCode = 2;
}
