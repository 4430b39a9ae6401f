/** The local stack as a person starts it, with ports and a folder of its own, and the patience that the contract asks of whoever uploads. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bucket = 'tamis-local';

/** What the tests look at in a summary. */
export interface Summary {
  readonly outcome: string;
  readonly input: { readonly uri: string; readonly etag: string };
  readonly output: { readonly etag: string; readonly bytes: number };
  readonly rows: { readonly read: number; readonly classified: number; readonly rejected: number };
}

export interface Failure {
  readonly code: string;
  readonly input: { readonly etag: string };
}

export interface LocalStack {
  readonly port: number;
  readonly lambdaPort: number;
  readonly endpoint: string;
  /** All that it has printed. */
  said(): string;
  /** The summary of `input/<key>` that answers the upload with this ETag. Throws when the job failed, and after a minute. */
  summaryOf(key: string, etag: string): Promise<Summary>;
  /** The same for the error file. */
  failureOf(key: string, etag: string): Promise<Failure>;
  /** As Ctrl-C does; resolves with the exit status. */
  interrupt(): Promise<number | null>;
  /** Ends what is left of it and removes its folder. */
  clear(): Promise<void>;
}

/** Resolves when it invites uploads. Throws what it printed when it does not do so within a minute. */
export async function startLocalStack(): Promise<LocalStack> {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-s3-clients-'));
  const [port, lambdaPort] = [await freePort(), await freePort()];
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(
    join(root, 'node_modules/node/bin/node'),
    [join(root, 'local/start.ts'), '--port', String(port), '--lambda-port', String(lambdaPort)],
    { cwd: root, env: { ...process.env, TAMIS_S3_FOLDER: folder, NODE_OPTIONS: '' } },
  );
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (said += chunk));

  async function interrupt(): Promise<number | null> {
    child.kill('SIGINT');
    return (await exited)[0];
  }

  async function clear(): Promise<void> {
    // Interrupted rather than killed: it is the one that ends the framework behind it, by force if need be.
    await interrupt();
    await rm(folder, { recursive: true, force: true });
  }

  async function until<T>(find: () => Promise<T | undefined> | T | undefined): Promise<T> {
    const deadline = performance.now() + 60_000;
    while (performance.now() < deadline && child.exitCode === null) {
      const found = await find();
      if (found !== undefined) return found;
      await sleep(50);
    }
    throw new Error(`waited in vain; the stack said:\n${said.slice(-2000)}`);
  }

  async function findAnswer<T extends Failure | Summary>(key: string, etag: string): Promise<T | undefined> {
    const path = `/${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
    // Not by fetch, to which `..` is a step up and not a part of a key.
    const [response] = (await once(get({ host: '127.0.0.1', port, path }), 'response')) as [IncomingMessage];
    const body = await text(response);
    if (response.statusCode !== 200) return undefined;
    const answer = JSON.parse(body) as T;
    return answer.input.etag === etag ? answer : undefined;
  }

  async function summaryOf(key: string, etag: string): Promise<Summary> {
    const found = await until(
      async () =>
        (await findAnswer<Summary>(`output/${key}.summary.json`, etag)) ??
        (await findAnswer<Failure>(`output/${key}.error.json`, etag)),
    );
    if ('code' in found) throw new Error(`the job failed: ${JSON.stringify(found)}`);
    return found;
  }

  try {
    await until(() => (said.includes('Ctrl-C stops') ? true : undefined));
  } catch (error) {
    await clear();
    throw error;
  }
  return {
    port,
    lambdaPort,
    endpoint,
    said: () => said,
    summaryOf,
    failureOf: (key, etag) => until(() => findAnswer<Failure>(`output/${key}.error.json`, etag)),
    interrupt,
    clear,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
