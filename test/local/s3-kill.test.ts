import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const program = fileURLToPath(new URL('s3-process.ts', import.meta.url));
const keys = ['a/one', 'a/two', 'b/three'];
const md5 = (body: Buffer) => createHash('md5').update(body).digest('hex');
let folder: string;

async function startProcess(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, url: `http://127.0.0.1:${Number(port.toString())}/tamis-local` };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Uploads one body after another until the server is gone. Returns what was sent, and how many of it the server acknowledged. */
async function writeUntilKilled(url: string, key: string): Promise<{ sent: string[]; acknowledgedCount: number }> {
  const sent: string[] = [];
  for (let count = 0; ; count += 1) {
    const body = Buffer.alloc(1 + ((count * 977_351) % 2_000_000), `${key} ${count};`);
    sent.push(md5(body));
    try {
      const { status } = await fetch(`${url}/${key}`, { method: 'PUT', body });
      expect(status).toBe(200);
    } catch {
      return { sent, acknowledgedCount: count };
    }
  }
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-s3-kill-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a killed development S3 server', () => {
  it('has lost no write that it acknowledged, and shows no write in part, as object or as plain file', async () => {
    for (const lifeMs of [150, 220, 330]) {
      const { child, url } = await startProcess();
      const writing = Promise.all(keys.map((key) => writeUntilKilled(url, key)));
      await sleep(lifeMs);
      await kill(child);
      const histories = await writing;

      const second = await startProcess();
      for (const [index, key] of keys.entries()) {
        const { sent, acknowledgedCount } = histories[index]!;
        const answer = await fetch(`${second.url}/${key}`);
        const body = Buffer.from(await answer.arrayBuffer());
        if (acknowledgedCount > 0) {
          expect(answer.status).toBe(200);
          expect(sent.slice(acknowledgedCount - 1)).toContain(md5(body));
          expect(answer.headers.get('etag')).toBe(`"${md5(body)}"`);
          expect(md5(await readFile(join(folder, 'tamis-local', key)))).toBe(md5(body));
        }
      }
      expect(histories.some(({ acknowledgedCount }) => acknowledgedCount > 0)).toBe(true);
      await kill(second.child);
    }
  }, 60_000);
});
