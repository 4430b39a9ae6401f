/** The MLflow that `npm run test:interop -- mlflow` installs into `.interop/`; benchmarks beside it are skipped where it is not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The release that the demo's model is trained with; models/requirements.txt. */
export const version = '3.17.2';
const installed = fileURLToPath(new URL('../.interop/mlflow', import.meta.url));
export const program = join(installed, version, 'bin', 'mlflow');

/** How the model was saved: what it answers for each row. */
export const modelOf = (answer: 'labels' | 'probabilities'): string => join(installed, `wine-${version}`, answer);

export const environment = {
  ...process.env,
  // The server starts others by name.
  PATH: `${dirname(program)}${delimiter}${process.env.PATH}`,
  MLFLOW_TRACKING_URI: join(installed, 'mlruns'),
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: 'true',
  PYTHONWARNINGS: 'ignore',
};

export function whyNotInstalled(): string | undefined {
  return existsSync(program) && existsSync(modelOf('labels'))
    ? undefined
    : `MLflow ${version} is not installed here; npm run test:interop -- mlflow installs it`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** `mlflow models serve` with one worker, on loopback; resolves when it answers. */
export async function serve(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(
    program,
    [
      ...['models', 'serve', '--env-manager', 'local', '--model-uri', modelOf('labels')],
      ...['--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
    ],
    // A group of its own, so that the server which it starts can be stopped with it.
    { cwd: installed, env: environment, stdio: 'ignore', detached: true },
  );
  const gone = once(child, 'exit');
  async function stop(): Promise<void> {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid);
    await gone;
  }
  const origin = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 600 && child.exitCode === null; attempt += 1) {
    const isReady = await fetch(`${origin}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return { url: `${origin}/invocations`, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`expected MLflow ${version} to answer within a minute; it did not`);
}
