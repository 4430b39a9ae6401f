/** What a receipt says of requests, lines and time, beside what was really done. */
import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../lib/clock.ts';
import type { GivenBack, JobTools } from '../../lib/job/run.ts';
import type { UsageLine } from '../../lib/ledger/types.ts';
import type { StorageOperation } from '../../lib/storage/types.ts';
import { answering, type PipelineRun, runPipeline } from './pipeline.ts';
import type { makeTestClock } from './test-clock.ts';

type TestClock = ReturnType<typeof makeTestClock>;

const operations: readonly StorageOperation[] = ['put', 'get', 'list', 'delete'];

/** Runs in a function; `sent`: requests that the storages got, `stated`: those that the receipt states. */
async function compare(run: PipelineRun) {
  const sent = { put: 0, get: 0, list: 0, delete: 0 };
  const change = (tools: JobTools): JobTools => ({
    ...tools,
    openStorages: (count) =>
      tools.openStorages((operation) => {
        sent[operation] += 1;
        count(operation);
      }),
  });
  const end = await runPipeline({ ...run, isLambda: true, change: (tools) => change(run.change?.(tools) ?? tools) });
  const usage: readonly UsageLine[] =
    end.summary?.usage ?? (end.end.kind === 'failed' ? end.end.spent.receipt.usage : []);
  const quantityOf = (name: string): number => usage.find(({ resource }) => resource === name)?.quantity ?? 0;
  const stated = Object.fromEntries(operations.map((operation) => [operation, quantityOf(`s3.${operation}`)]));
  return { sent, stated, quantityOf, end };
}

const rows = 'x\n1\n2\n3\n';
const refusing = answering(([x]) => (x === 2 ? undefined : { label: 'oui' }));
const older = {
  'output/r/data.csv': 'x,prediction,score\n',
  'output/r/data.csv.rejects.csv': 'row\n',
  'output/r/data.csv.summary.json': '{}',
};
const { 'output/r/data.csv.rejects.csv': _rejects, ...olderWithoutRejects } = older;

describe('the requests of a receipt', () => {
  it.each<{ title: string; run: PipelineRun; expected: object }>([
    { title: 'of a fresh key', run: { input: rows }, expected: { put: 5, get: 12, list: 0, delete: 0 } },
    {
      title: 'of a key uploaded again',
      run: { input: rows, before: olderWithoutRejects },
      expected: { put: 5, get: 13, list: 0, delete: 1 },
    },
    {
      title: 'of a fresh key with rejects',
      run: { input: rows, script: refusing },
      expected: { put: 7, get: 12, list: 1, delete: 1 },
    },
    {
      title: 'of a key uploaded again, both with rejects',
      run: { input: rows, script: refusing, before: older },
      expected: { put: 7, get: 14, list: 1, delete: 2 },
    },
    {
      title: 'of a key uploaded again after a failure',
      run: { input: rows, before: { 'output/r/data.csv.error.json': '{}' } },
      expected: { put: 5, get: 12, list: 0, delete: 1 },
    },
    {
      title: 'of a final failure with rejects',
      run: { input: rows, script: refusing, route: { limits: { maxRejected: { rows: 0, share: 0 } } } },
      expected: { put: 6, get: 11, list: 1, delete: 1 },
    },
    {
      title: 'of an output in several parts',
      run: { input: `x,note\n${`1,${'n'.repeat(100_000)}\n`.repeat(180)}` },
      expected: { put: 9, get: 12, list: 0, delete: 0 },
    },
  ])('are those that were sent: $title', async ({ run, expected }) => {
    const { sent, stated } = await compare(run);

    expect(stated).toEqual(sent);
    expect(sent).toEqual(expected);
  });

  it('are those that were sent when the claim is renewed while the model answers', async () => {
    const fresh = await compare({ input: rows });

    const renewed = await compare({
      input: rows,
      change: (tools) => {
        let sleepCount = 0;
        const sleep: Clock['sleep'] = (ms, signal) =>
          ms === 15_000 && ++sleepCount <= 2 ? Promise.resolve() : tools.clock.sleep(ms, signal);
        return { ...tools, clock: { ...tools.clock, sleep } };
      },
    });

    expect(renewed.stated).toEqual(renewed.sent);
    expect(renewed.sent.put - fresh.sent.put).toBe(2);
  });
});

describe('the traffic of a receipt', () => {
  it('is the input as often as it is read and the output, inside the Region, for an embedded model', async () => {
    const { end, quantityOf } = await compare({ input: rows });

    expect(quantityOf('network.in-region')).toBe(rows.length + end.output!.length);
    expect(end.summary!.energy.wattHours.central).toBeLessThan(end.summary!.energy.wattHours.high);
    expect(end.summary!.energy.lines.find(({ component }) => component === 'network')?.wattHours).toMatchObject({
      low: 0,
      central: 0,
    });
  });
});

describe('the time of a receipt', () => {
  it('holds that of publishing, at the mean duration of the requests before it', async () => {
    const { quantityOf } = await compare({
      input: rows,
      change: (tools) => ({
        ...tools,
        openStorages: (count) =>
          tools.openStorages((operation) => {
            (tools.clock as TestClock).advance(20);
            count(operation);
          }),
      }),
    });

    // Start-up and handler of the pipeline's function, and twelve requests after the receipt: four to put, eight to get.
    expect(quantityOf('lambda.compute')).toBeCloseTo((1769 / 1024) * (0.3 + 1.234 + 12 * 0.02), 9);
  });
});

describe('a run without summary', () => {
  it('says what it had counted and cost when it failed for good', async () => {
    const { end } = await compare({
      input: 'x\n1\n2\n3\n4\n',
      script: refusing,
      route: { limits: { maxRejected: { rows: 0, share: 0 } } },
    });

    if (end.end.kind !== 'failed') throw new Error(end.end.kind);
    const { rows: counted, batches, timing, receipt } = end.end.spent;
    expect(counted).toMatchObject({ rejected: 1 });
    expect(batches).toMatchObject({ sent: 1, split: 1 });
    expect(timing.startedAt).toBe('2026-11-23T00:00:00.000Z');
    expect(receipt.cost.total).toBeGreaterThan(0);
    expect(receipt.carbon.gramsCO2e.central).toBeGreaterThan(0);
  });

  it('has no rows, but a cost, when it failed before the first row', async () => {
    const { end, sent, stated } = await compare({ input: 'y\n1\n' });

    if (end.end.kind !== 'failed') throw new Error(end.end.kind);
    expect(end.end.error.code).toBe('input.column-missing');
    expect(end.end.spent.rows).toBeUndefined();
    expect(end.end.spent.receipt.cost.total).toBeGreaterThan(0);
    expect(stated).toEqual(sent);
  });

  it('lets its cost be known when it throws', async () => {
    let given: GivenBack | undefined;
    const change = (tools: JobTools): JobTools => ({ ...tools, onGivenBack: (run) => void (given = run) });

    const running = compare({ input: rows, change, script: () => ({ kind: 'transient', status: 503 }) });

    await expect(running).rejects.toMatchObject({ code: 'endpoint.unreachable' });
    expect(given).toMatchObject({ kind: 'given-back', route: 'r', spent: { batches: { sent: 1 } } });
    expect(given?.spent.receipt.usage.find(({ resource }) => resource === 'endpoint.calls')?.quantity).toBeGreaterThan(
      1,
    );
    expect(given?.spent.receipt.cost.total).toBeGreaterThan(0);
  });

  it('says what it cost to find a file gone', async () => {
    const { end } = await compare({ input: undefined });

    expect(end.end).toMatchObject({ kind: 'superseded', spent: { receipt: { cost: { complete: true } } } });
  });
});
