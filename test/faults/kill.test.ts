import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasCode } from '../../lib/errors.ts';
import type { JobRequest } from '../../lib/job/run.ts';
import { makeS3Storage, type S3Connection } from '../../lib/storage/s3.ts';
import type { Storage } from '../../lib/storage/types.ts';
import { type S3Server, startS3Server } from '../../local/s3/server.ts';
import { bucket, connect, runKillable } from './kill-job.ts';
import { killCount } from './scale.ts';
import { makeRandom } from './scheduler.ts';

const rowCount = 60;

let folder: string;
let server: S3Server;
let connection: S3Connection;
let storage: Storage;
/** The server's clock runs ahead of ours by so much: a claim's 45 seconds are over at once. Beyond five minutes the client balks. */
let aheadMs = 0;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-kill-'));
  server = await startS3Server({ port: 0, folder, buckets: [bucket], now: () => Date.now() + aheadMs });
  connection = connect(server.port);
  storage = makeS3Storage({ connection, bucket });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  connection.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** A process that has loaded everything and waits for its job. */
async function prepare(): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'kill-driver.ts'), {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const [message] = (await once(child, 'message')) as [unknown];
  expect(message).toBe('ready');
  return child;
}

/** `wide` makes an output of more than one part. Every seventh record is malformed. */
function makeInput(wide: boolean): string {
  const filler = 'f'.repeat(wide ? 180_000 : 20);
  const lines = Array.from({ length: rowCount }, (_, row) =>
    row % 7 === 3 ? `row${row},${filler},surplus` : `row${row},${filler}`,
  );
  return `x,filler\n${lines.join('\n')}\n`;
}

async function upload(key: string, wide: boolean): Promise<JobRequest> {
  const { etag, versionId } = await storage.put(key, Buffer.from(makeInput(wide)));
  return { bucket, key, etag, versionId, sequencer: '01', fallbackVersion: 'none', redrive: false };
}

/** Starts the job in the process and kills it at a step, a few milliseconds later. Resolves when it is gone. */
async function runAndKill(child: ChildProcess, job: Parameters<typeof runKillable>[0], step: number, lateMs: number) {
  let steps = 0;
  child.on('message', (message) => {
    if (message === 'step' && ++steps === step) void delay(lateMs).then(() => child.kill('SIGKILL'));
  });
  const gone = once(child, 'exit');
  child.send(job);
  const [, signal] = (await gone) as [number | null, NodeJS.Signals | null];
  return { steps, wasKilled: signal === 'SIGKILL' };
}

/** As Lambda does: a minute later, and again when the dead run's claim was renewed by a request that arrived late. */
async function redeliver(job: Parameters<typeof runKillable>[0]) {
  aheadMs = 60_000;
  try {
    return await runKillable(job, () => undefined);
  } catch (error) {
    if (!hasCode(error, 'job.claimed')) throw error;
    aheadMs += 120_000;
    return runKillable(job, () => undefined);
  }
}

async function readText(key: string): Promise<string> {
  return text((await storage.read(key)).body);
}

/** A standing output is a whole one, and of one run. Returns that run; undefined when there is no output. */
async function authorOfOutput(key: string): Promise<string | undefined> {
  const head = await storage.head(key);
  if (head === undefined) return undefined;
  const author = head.metadata['tamis-attempt']!;
  const [header, ...lines] = (await readText(key)).trimEnd().split('\n');
  expect(header).toBe('x,filler,prediction,score');
  const expected = Array.from({ length: rowCount }, (_, row) => row).filter((row) => row % 7 !== 3);
  expect(lines.map((line) => `${line.split(',')[0]} ${line.split(',')[2]}`)).toEqual(
    expected.map((row) => `row${row} by-${author}`),
  );
  return author;
}

async function checkFinished(key: string, author: string): Promise<void> {
  const [output, rejects] = [await storage.head(key), await storage.head(`${key}.rejects.csv`)];
  const summary = JSON.parse(await readText(`${key}.summary.json`)) as Record<string, unknown>;
  expect(summary).toMatchObject({ output: { etag: output?.etag }, rejects: { etag: rejects?.etag } });
  expect(summary['rows']).toMatchObject({ read: rowCount, classified: 51, rejected: 9 });
  expect(rejects?.metadata['tamis-attempt']).toBe(author);
  expect((await readText(`${key}.rejects.csv`)).match(/row\d+,f/g)).toHaveLength(9);
}

/** How many steps an undisturbed run takes. */
async function countSteps(wide: boolean): Promise<number> {
  let steps = 0;
  const request = await upload(`input/k/undisturbed-${wide}.csv`, wide);
  const job = { port: server.port, requestId: 'undisturbed', attempt: `undisturbed-${wide}`, request };
  const end = await runKillable(job, () => steps++);
  expect(end.kind).toBe('complete');
  return steps;
}

describe('a job whose process is killed', () => {
  it('leaves a whole output or none, and its event, sent again, finishes the job', async () => {
    const random = makeRandom(7);
    const stepCounts = { narrow: await countSteps(false), wide: await countSteps(true) };
    const seen = { killed: 0, absent: 0, committed: 0, finished: 0 };
    let next = prepare();

    for (let seed = 0; seed < killCount; seed++) {
      const child = await next;
      if (seed + 1 < killCount) next = prepare();
      const wide = seed % 5 === 4;
      const key = `input/k/seed-${seed}.csv`;
      const outputKey = `output/k/seed-${seed}.csv`;
      const request = await upload(key, wide);
      const requestId = `request-${seed}`;
      aheadMs = 0;
      // Half of them in the last fifteen steps, where results are published.
      const count = wide ? stepCounts.wide : stepCounts.narrow;
      const step = 1 + Math.floor(random() < 0.5 ? random() * count : count - 15 + random() * 15);
      const first = { port: server.port, requestId, attempt: `first-${seed}`, request };

      const { wasKilled } = await runAndKill(child, first, step, random() < 0.5 ? 0 : random() * 6);
      const before = await authorOfOutput(outputKey);
      const wasFinished = (await storage.head(`${outputKey}.summary.json`)) !== undefined;
      const second = { ...first, attempt: `second-${seed}` };
      const end = await redeliver(second);

      const author = await authorOfOutput(outputKey);
      // A request that the killed process had sent may have arrived after the first look.
      expect(before === undefined ? [`first-${seed}`, `second-${seed}`] : [before]).toContain(author);
      await checkFinished(outputKey, author!);
      expect(['complete', 'duplicate']).toContain(end.kind);
      if (end.kind === 'duplicate') expect(author).toBe(`first-${seed}`);
      expect((await runKillable({ ...second, attempt: 'third' }, () => undefined)).kind).toBe('duplicate');
      if (wasKilled) seen.killed++;
      seen[before === undefined ? 'absent' : wasFinished ? 'finished' : 'committed']++;
    }

    // The kills fell where they were meant to fall.
    expect(seen.killed).toBeGreaterThan(killCount / 2);
    expect(seen.absent).toBeGreaterThan(0);
    if (killCount >= 100) expect(Math.min(seen.committed, seen.finished)).toBeGreaterThan(0);
  }, 1_800_000);
});
