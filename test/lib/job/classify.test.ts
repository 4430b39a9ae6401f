import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StubCall } from '../../../lib/endpoints/stub.ts';
import type { Outcome } from '../../../lib/endpoints/types.ts';
import { runPipeline } from '../../contract/pipeline.ts';

const rows = (count: number, row: (index: number) => string = (index) => `${index},a`) =>
  `x,y\n${Array.from({ length: count }, (_, index) => `${row(index)}\n`).join('')}`;
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('batches', () => {
  it('keep to the rows, bytes and calls of the route, and hold every row once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 4 }),
        async (lengths, maxRows, maxBytes, maxInFlight) => {
          let inFlight = 0;
          let most = 0;
          const { calls, summary } = await runPipeline({
            input: `x,y\n${lengths.map((length, index) => `t${index}${'x'.repeat(length)},a\n`).join('')}`,
            route: { batch: { maxRows, maxBytes, maxInFlight } },
            script: async ({ rows: sent }: StubCall): Promise<Outcome> => {
              most = Math.max(most, ++inFlight);
              await settle();
              inFlight--;
              return { kind: 'ok', answers: sent.map(() => ({ label: 'a' })) };
            },
          });

          expect(most).toBeLessThanOrEqual(maxInFlight);
          for (const { rows: sent } of calls) {
            expect(sent.length).toBeLessThanOrEqual(maxRows);
            if (sent.length > 1) expect(sent.join('').length).toBeLessThanOrEqual(maxBytes);
          }
          const received = calls.flatMap(({ rows: sent }) => sent.map((row) => (JSON.parse(row) as string[])[0]!));
          expect(received.map((text) => Number(/^t(\d+)x/.exec(text)?.[1]))).toEqual(lengths.map((_, index) => index));
          expect(summary?.batches.sent).toBe(calls.length);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('hold no rows of a stretch of rejects, and cost no call', async () => {
    const { calls, summary } = await runPipeline({
      input: rows(5_000, (index) => (index < 4_000 ? `${index}` : `${index},a`)),
      route: { batch: { maxRows: 100 } },
    });

    expect(summary?.rows).toMatchObject({ rejected: 4_000, classified: 1_000 });
    expect(calls.length).toBeLessThanOrEqual(11);
  });

  it('are sent side by side, as many as the route allows', async () => {
    let inFlight = 0;
    let most = 0;
    await runPipeline({
      input: rows(1_000),
      route: { batch: { maxRows: 10, maxInFlight: 7 } },
      script: async ({ rows: sent }) => {
        most = Math.max(most, ++inFlight);
        for (let turn = 0; turn < 5; turn++) await settle();
        inFlight--;
        return { kind: 'ok', answers: sent.map(() => ({ label: 'a' })) };
      },
    });

    expect(most).toBe(7);
  });

  it('wait for a slow first one instead of reading the whole file', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const wide = 'x'.repeat(10_000);
    let seen = 0;
    const running = runPipeline({
      input: rows(6_000, (index) => `${index},${wide}`),
      route: { batch: { maxRows: 10, maxInFlight: 4 } },
      script: async ({ number, rows: sent }) => {
        seen++;
        if (number === 0) await released;
        return { kind: 'ok', answers: sent.map(() => ({ label: 'a' })) };
      },
    });

    for (let turn = 0, before = -1; turn < 10_000 && (seen === 0 || before !== seen); turn++) {
      before = seen;
      for (let more = 0; more < 200; more++) await settle();
    }
    const seenWhileWaiting = seen;
    release();
    const { summary } = await running;

    expect(seenWhileWaiting).toBeLessThan(400);
    expect(summary?.rows.classified).toBe(6_000);
  });
});

describe('progress', () => {
  it('grows to the size of the file, by what was delivered', async () => {
    const input = rows(1_000);
    const seen: Array<readonly [rows: number, bytes: number]> = [];

    await runPipeline({
      input,
      route: { batch: { maxRows: 100, maxInFlight: 2 } },
      change: (tools) => ({
        ...tools,
        onProgress: ({ rowsDelivered, bytesDelivered, sizeBytes, costSoFar }) => {
          expect(sizeBytes).toBe(input.length);
          expect(costSoFar()).toMatchObject({ currency: 'USD' });
          seen.push([rowsDelivered, bytesDelivered]);
        },
      }),
    });

    expect(seen.map(([count]) => count)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
    expect(seen[0]![1]).toBeLessThan(input.length / 5);
    expect(seen.at(-1)![1]).toBe(input.length);
  });
});

describe('a job that stops', () => {
  it('lets no call go on or begin', async () => {
    const signals: AbortSignal[] = [];
    const { error, calls } = await runPipeline({
      input: rows(1_000),
      route: { batch: { maxRows: 10, maxInFlight: 5 } },
      script: async ({ number, signal }) => {
        signals.push(signal);
        if (number === 2) return { kind: 'quota', status: 402 };
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return { kind: 'transient', status: 0 };
      },
    });

    expect(error?.code).toBe('endpoint.quota');
    expect(calls).toHaveLength(5);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
  });
});
