import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { delimiter, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, type Form, installed, type MlflowRelease, modelOf, programOf } from './mlflow-install.ts';

export interface MlflowServer {
  /** The address for rows. */
  readonly url: string;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** `mlflow models serve` on loopback, as its documentation says; resolves when it answers. */
export async function startMlflow(release: MlflowRelease, form: Form): Promise<MlflowServer> {
  const port = await freePort();
  const program = programOf(release, 'mlflow');
  const served = spawn(
    program,
    [
      ...['models', 'serve', '--model-uri', modelOf(release, form), '--env-manager', 'local'],
      ...['--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
    ],
    {
      cwd: installed,
      // It starts uvicorn or gunicorn by name.
      env: { ...environment, PATH: `${dirname(program)}${delimiter}${process.env.PATH}` },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, so that the server which it starts can be stopped with it.
      detached: true,
    },
  );
  let complaints = '';
  served.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-2000);
  });
  const gone = once(served, 'exit');

  async function stop(): Promise<void> {
    if (served.pid !== undefined && served.exitCode === null && served.signalCode === null) {
      process.kill(-served.pid, 'SIGTERM');
    }
    await gone;
  }

  const origin = `http://127.0.0.1:${port}`;
  // Another process gives no other sign of being ready than an answer.
  for (let attempt = 0; attempt < 600 && served.exitCode === null; attempt += 1) {
    const isReady = await fetch(`${origin}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return { url: `${origin}/invocations`, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`expected MLflow ${release.version} to answer; it did not:\n${complaints}`);
}
