import { json, text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../lib/config/read.ts';
import { makeStubEndpoint } from '../../../lib/endpoints/stub.ts';
import type { Outcome } from '../../../lib/endpoints/types.ts';
import { TamisError } from '../../../lib/errors.ts';
import { type JobRequest, type JobTools, runJob } from '../../../lib/job/run.ts';
import { settleJob } from '../../../lib/job/settle.ts';
import type { Receipt } from '../../../lib/ledger/types.ts';
import { type MemoryHooks, type MemoryStore, makeMemoryStorage, makeMemoryStore } from '../../../lib/storage/memory.ts';
import type { Storage } from '../../../lib/storage/types.ts';
import { makeTestClock } from '../../contract/test-clock.ts';

const key = 'input/r/a.csv';
const outputKey = 'output/r/a.csv';
const config = readConfig(
  JSON.stringify({
    version: 1,
    routes: [{ name: 'r', input: 'input/r/', features: ['x'], endpoint: { kind: 'stub', labels: ['yes'] } }],
  }),
  'tamis.yml',
);
const down: Outcome = { kind: 'transient', status: 0 };
const unreachable = new TamisError('endpoint.unreachable', { status: 0 });

let clock: ReturnType<typeof makeTestClock>;
let store: MemoryStore;
let storage: Storage;
let request: JobRequest;
let attempts: number;

beforeEach(async () => {
  clock = makeTestClock();
  store = makeMemoryStore({ versioned: true, clock });
  storage = makeMemoryStorage({ store });
  attempts = 0;
  const { etag, versionId } = await storage.put(key, Buffer.from('x,n\none,1\ntwo,2\n'));
  request = { bucket: 'b', key, etag, versionId, sequencer: '01', fallbackVersion: 'none', redrive: false };
});

function tools({ answer, hooks = {}, requestId = 'request' }: Partial<Run> = {}): JobTools {
  const opened = makeMemoryStorage({ store, ...hooks });
  return {
    config,
    clock,
    holder: { requestId, attempt: `attempt-${attempts++}`, retried: true },
    deployed: false,
    functionRegion: undefined,
    openStorages: () => ({ inputs: opened, outputs: opened, claims: opened }),
    hostOf: () => 'inside',
    openEndpoint: async () => makeStubEndpoint({ kind: 'stub', labels: ['yes'] }, { clock, script: () => answer }),
    remainingMs: () => Number.POSITIVE_INFINITY,
    // The ledger is no part of this.
    writeReceipt: () => ({}) as Receipt,
  };
}

interface Run {
  readonly answer: Outcome | undefined;
  readonly hooks: MemoryHooks;
  readonly requestId: string;
}

/** Dies at the first request that `isLast` says, for good. */
function dying(isLast: (operation: string, where: string) => boolean): MemoryHooks {
  let isDead = false;
  const before = async (operation: string, where: string): Promise<void> => {
    isDead ||= isLast(operation, where);
    if (isDead) throw new TamisError('storage.unavailable', { operation });
  };
  return { before };
}

const read = async (where: string) => text((await storage.read(where)).body);
const readError = async () => (await json((await storage.read(`${outputKey}.error.json`)).body)) as object;
const stands = async (where: string) => (await storage.head(where)) !== undefined;

describe('settleJob', () => {
  it('writes the error of the last retry, open to a redrive', async () => {
    await expect(runJob(tools({ answer: down }), request)).rejects.toMatchObject({ code: 'endpoint.unreachable' });

    const end = await settleJob(tools(), request, unreachable);

    expect(end).toMatchObject({ kind: 'failed', error: { code: 'endpoint.unreachable', redrive: true } });
    expect(await readError()).toMatchObject({ code: 'endpoint.unreachable', redrive: true });
    expect(await stands(outputKey)).toBe(false);
  });

  it('says job.died when the platform ended the last run, and repeats none of its words', async () => {
    const message = 'RequestId: 1 Error: Task timed out after 900.00 seconds; "secret cell"';

    const end = await settleJob(tools(), request, { message });

    expect(end).toMatchObject({ kind: 'failed', error: { code: 'job.died', redrive: true } });
    expect(JSON.stringify(await readError())).not.toContain('secret');
  });

  it.each([
    'row.quote: expected a quote; found none; correct the record',
    'job.no-such-code: expected a; found b; do c',
    'toString: expected a; found b; do c',
  ])('takes no other text for one of its own messages: %s', async (message) => {
    expect(await settleJob(tools(), request, { message })).toMatchObject({ error: { code: 'job.died' } });
  });

  it('asks to come again while the claim of the run that died looks alive', async () => {
    const hooks = dying((operation, where) => operation === 'put' && where === outputKey);
    await expect(runJob(tools({ hooks }), request)).rejects.toMatchObject({ code: 'storage.unavailable' });

    await expect(settleJob(tools(), request, { message: '' })).rejects.toMatchObject({ code: 'job.claimed' });
    expect(await stands(`${outputKey}.error.json`)).toBe(false);
    clock.advance(60_000);
    await settleJob(tools(), request, { message: '' });

    expect(await readError()).toMatchObject({ code: 'job.died' });
  });

  it('leaves the job to another delivery that works on it', async () => {
    const hooks = dying((operation, where) => operation === 'put' && where === outputKey);
    await expect(runJob(tools({ hooks }), request)).rejects.toThrow();

    const end = await settleJob(tools({ requestId: 'other' }), request, { message: '' });

    expect(end.kind).toBe('duplicate');
  });

  it('finishes what a run had completed before it died', async () => {
    const hooks = dying((operation, where) => operation === 'put' && where.endsWith('.summary.json'));
    await expect(runJob(tools({ hooks }), request)).rejects.toThrow();
    clock.advance(60_000);

    const end = await settleJob(tools(), request, { message: '' });

    const output = await storage.head(outputKey);
    expect(end).toMatchObject({ kind: 'complete', summary: { output: { etag: output?.etag }, rows: { read: 2 } } });
    expect(JSON.parse(await read(`${outputKey}.summary.json`))).toMatchObject({ output: { etag: output?.etag } });
    expect(await stands(`${outputKey}.error.json`)).toBe(false);
  });

  it('settles once: the second time, and a late event, find the job ended', async () => {
    await settleJob(tools(), request, unreachable);

    expect((await settleJob(tools(), request, unreachable)).kind).toBe('duplicate');
    expect((await runJob(tools(), request)).kind).toBe('duplicate');
    expect(await stands(outputKey)).toBe(false);
  });

  it('stays open to a redrive when it died between the error file and the end of its claim', async () => {
    let claims = 0;
    const hooks = dying(
      (operation, where) => operation === 'put' && where.startsWith('.tamis/claims/') && ++claims === 3,
    );
    await expect(settleJob(tools({ hooks }), request, unreachable)).rejects.toThrow();
    expect(await readError()).toMatchObject({ redrive: true });
    clock.advance(60_000);

    expect((await settleJob(tools(), request, unreachable)).kind).toBe('failed');
    const end = await runJob(tools({ requestId: 'redrive' }), { ...request, redrive: true });

    expect(end.kind).toBe('complete');
    expect(await stands(`${outputKey}.error.json`)).toBe(false);
  });

  it('opens to a redrive that fails in its turn, again and again', async () => {
    await settleJob(tools(), request, unreachable);
    for (const requestId of ['redrive-1', 'redrive-2']) {
      const again = { ...request, redrive: true };
      await expect(runJob(tools({ answer: down, requestId }), again)).rejects.toThrow();
      expect(await stands(`${outputKey}.error.json`)).toBe(false);
      expect((await settleJob(tools({ requestId }), request, unreachable)).kind).toBe('failed');
      expect(await readError()).toMatchObject({ code: 'endpoint.unreachable', redrive: true });
    }

    expect((await runJob(tools({ requestId: 'redrive-3' }), { ...request, redrive: true })).kind).toBe('complete');
  });

  it('writes nothing for an upload that was overtaken', async () => {
    await storage.put(key, Buffer.from('x,n\nthree,3\n'));

    const end = await settleJob(tools(), request, unreachable);

    expect(end.kind).toBe('superseded');
    expect(await stands(`${outputKey}.error.json`)).toBe(false);
  });
});

describe('a late event', () => {
  it('leaves the results of an input that was deleted once they were there', async () => {
    await runJob(tools(), request);
    await storage.delete(key);

    const end = await runJob(tools({ requestId: 'late' }), request);

    expect(end.kind).toBe('duplicate');
    expect(await stands(outputKey)).toBe(true);
    expect(await stands(`${outputKey}.summary.json`)).toBe(true);
  });

  it('removes the output of a run that died before its summary when the input is gone', async () => {
    const hooks = dying((operation, where) => operation === 'put' && where.endsWith('.summary.json'));
    await expect(runJob(tools({ hooks }), request)).rejects.toThrow();
    await storage.delete(key);

    const end = await runJob(tools(), request);

    expect(end.kind).toBe('superseded');
    expect(await stands(outputKey)).toBe(false);
  });
});
