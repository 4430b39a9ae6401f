import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/** What a function of offline-service/handlers.mjs wrote down. */
interface Seen {
  readonly event: { readonly Records: ReadonlyArray<{ readonly s3: { readonly object: { readonly key: string } } }> };
  readonly awsRequestId: string;
  readonly hasClientContext: boolean;
}

const serviceFolder = fileURLToPath(new URL('offline-service', import.meta.url));
const framework = fileURLToPath(new URL('../../node_modules/serverless/bin/serverless.js', import.meta.url));
const waitMs = 60_000;
let folder: string;
let offline: ChildProcess;
let s3Url: string;
let output = '';

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return await Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      server.close();
      await once(server, 'close');
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}

/** Another process shows what it did in the folder only: looks there until enough is found. */
async function seenBy(name: string, count: number): Promise<readonly Seen[]> {
  const path = join(folder, 'tamis-local', 'seen', name);
  for (let triesLeft = waitMs / 100; triesLeft > 0; triesLeft -= 1) {
    const files = (await readdir(path).catch(() => [])).sort();
    if (files.length >= count) {
      return await Promise.all(files.map(async (file) => JSON.parse(await readFile(join(path, file), 'utf8')) as Seen));
    }
    await sleep(100);
  }
  throw new Error(`${name} was not invoked ${count} times; the framework said:\n${output}`);
}

async function put(key: string): Promise<void> {
  const { status } = await fetch(`${s3Url}/tamis-local/${key}`, { method: 'PUT', body: 'a,b\n1,2\n' });
  expect(status).toBe(200);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-offline-'));
  const [s3Port = 0, lambdaPort = 0] = await freePorts(2);
  s3Url = `http://127.0.0.1:${s3Port}`;
  offline = spawn(process.execPath, [framework, 'offline', 'start', '--lambdaPort', String(lambdaPort)], {
    cwd: serviceFolder,
    env: {
      ...process.env,
      TAMIS_S3_PORT: String(s3Port),
      TAMIS_S3_FOLDER: folder,
      TAMIS_RETRY_DELAYS_MS: '50,100',
      SLS_TELEMETRY_DISABLED: '1',
    },
  });
  for (const stream of [offline.stdout, offline.stderr])
    stream?.on('data', (data: Buffer) => (output += data.toString()));
  const lambdaUrl = `http://127.0.0.1:${lambdaPort}`;
  const answers = () =>
    fetch(lambdaUrl).then(
      () => true,
      () => false,
    );
  while (offline.exitCode === null && !(await answers())) await sleep(100);
  if (offline.exitCode !== null) throw new Error(output);
}, waitMs);

afterAll(async () => {
  if (offline.exitCode === null) {
    offline.kill('SIGINT');
    await once(offline, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
}, waitMs);

describe('the offline plugin', () => {
  it(
    'invokes the function that listens to the prefix with the event of the upload, once',
    async () => {
      await put('input/a%20b.csv');
      await put('elsewhere/a.csv');

      const seen = await seenBy('classify', 1);

      expect(seen.map(({ event }) => event.Records[0]?.s3.object.key)).toEqual(['input/a+b.csv']);
      expect(seen[0]?.hasClientContext).toBe(false);
    },
    waitMs,
  );

  it(
    'tries a failing function three times with one request id, then hands the record to the destination function',
    async () => {
      await put('input/fail.csv');

      const [settled] = await seenBy('settle-failed', 1);
      const tries = (await seenBy('classify', 3)).filter(({ event }) =>
        event.Records[0]?.s3.object.key.includes('fail'),
      );

      expect(tries).toHaveLength(3);
      expect(new Set(tries.map(({ awsRequestId }) => awsRequestId)).size).toBe(1);
      expect(settled?.event).toMatchObject({
        requestContext: {
          requestId: tries[0]?.awsRequestId,
          condition: 'RetriesExhausted',
          approximateInvokeCount: 3,
        },
        requestPayload: tries[0]?.event,
        responsePayload: { errorMessage: 'job.claimed: expected a free job' },
      });
    },
    waitMs,
  );

  it(
    'hands the record to the consumer of a queue that is the destination',
    async () => {
      await put('elsewhere/fail.tsv');

      const [polled] = await seenBy('poll-failed', 1);

      expect(polled?.event.Records).toMatchObject([
        { eventSource: 'aws:sqs', body: expect.stringContaining('fail.tsv') },
      ]);
      expect(await seenBy('by-suffix', 3)).toHaveLength(3);
    },
    waitMs,
  );
});
