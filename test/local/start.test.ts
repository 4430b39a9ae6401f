import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));
const node = join(root, 'node_modules/node/bin/node');
const folder = mkdtempSync(join(tmpdir(), 'tamis-start-'));
let port = 0;
let lambdaPort = 0;
let said = '';
let stack: ReturnType<typeof spawn>;

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return free;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  throw new Error(`waited in vain; the stack said:\n${said}`);
}

const bucket = (key: string): string => `http://127.0.0.1:${port}/tamis-local/${key}`;
const isThere = async (key: string): Promise<boolean> => (await fetch(bucket(key))).ok;

beforeAll(async () => {
  [port, lambdaPort] = [await freePort(), await freePort()];
  stack = spawn(node, [join(root, 'local/start.ts'), '--port', String(port), '--lambda-port', String(lambdaPort)], {
    cwd: root,
    env: { ...process.env, TAMIS_S3_FOLDER: folder, NODE_OPTIONS: '' },
  });
  stack.stdout?.on('data', (text) => (said += text));
  stack.stderr?.on('data', (text) => (said += text));
  await until(() => said.includes('Ctrl-C stops'));
}, 60_000);

afterAll(async () => {
  if (stack.exitCode === null) stack.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('npm start', () => {
  it('classifies a file that curl uploads without any credentials', async () => {
    const upload = spawnSync('curl', [
      '--silent',
      '--fail',
      '--upload-file',
      join(root, 'samples/wine.csv'),
      bucket('input/wine/wine.csv'),
    ]);
    expect(upload.status).toBe(0);

    await until(() => isThere('output/wine/wine.csv.summary.json'));

    expect(readFileSync(join(folder, 'tamis-local/output/wine/wine.csv'), 'utf8')).toContain(',prediction,score\n');
  }, 60_000);

  it('leads a function that is invoked by hand to its bucket', async () => {
    await until(() => isThere('input/wine/wine.csv'));

    const { stdout, status } = spawnSync(
      node,
      [
        join(root, 'node_modules/serverless/bin/serverless.js'),
        'invoke',
        'local',
        '-f',
        'classify',
        '-p',
        'events/classify.s3-put-local.json',
      ],
      { cwd: root, encoding: 'utf8', env: { ...process.env, TAMIS_S3_PORT: String(port), NODE_OPTIONS: '' } },
    );

    // Shown when it fails: what the person would have seen.
    expect(status === 0 ? '' : stdout).toBe('');
    expect(stdout).toContain('"outcome":"complete"');
  }, 60_000);

  it('says which port is busy, with status 2', () => {
    const second = spawnSync(node, [join(root, 'local/start.ts'), '--port', String(port)], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });

    expect(second.status).toBe(2);
    expect(second.stderr).toMatch(/^local\.port-busy: expected port \d+ to be free;/);
  });

  it.each([
    ['the configuration is not there', ['--config', 'nowhere.yml'], {}, 'config.missing'],
    ['the bucket has no place', [], { TAMIS_S3_FOLDER: join(root, 'package.json') }, 'local.stack'],
  ])(
    'ends with status 2 and says so when %s',
    async (_, args, environment, code) => {
      const ports = ['--port', String(await freePort()), '--lambda-port', String(await freePort())];

      const { status, stderr } = spawnSync(node, [join(root, 'local/start.ts'), ...ports, ...args], {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '', ...environment },
      });

      expect({ status, code: stderr.trim().split('\n').at(-1)?.split(':')[0] }).toEqual({ status: 2, code });
    },
    30_000,
  );

  it('ends with status 0 on Ctrl-C and leaves nothing running', async () => {
    const ended = once(stack, 'exit');
    stack.kill('SIGINT');

    const [status] = await ended;

    expect(status).toBe(0);
    await expect(fetch(bucket(''))).rejects.toThrow();
  }, 30_000);
});
