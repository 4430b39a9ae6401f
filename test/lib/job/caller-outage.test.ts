import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../lib/clock.ts';
import type { Feature } from '../../../lib/csv/types.ts';
import type { Endpoint, Outcome } from '../../../lib/endpoints/types.ts';
import { makeCaller } from '../../../lib/job/caller.ts';
import { makeLimiter } from '../../../lib/job/limiter.ts';

/** Time passes only while somebody sleeps. */
function makeClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    now: () => clock.ms,
    monotonicMs: () => clock.ms,
    random: () => 0.5,
    async sleep(ms: number) {
      clock.ms += ms;
    },
  };
  return clock;
}

type Answer = (rows: readonly string[], atMs: number, call: number) => Outcome;
const ok = (rows: readonly string[]): Outcome => ({ kind: 'ok', answers: rows.map((row) => ({ label: row })) });

function callerOf(answer: Answer, timeLeftMs = (): number => Number.POSITIVE_INFINITY) {
  const clock = makeClock();
  const calls: Array<readonly string[]> = [];
  const endpoint: Endpoint<'json'> = {
    kind: 'stub',
    rowFormat: 'json',
    defaults: { maxRows: 500, maxBytes: 1e6, maxInFlight: 4, timeoutMs: 1_000 },
    describe: async () => ({}),
    async classify(_features: readonly Feature[], rows) {
      calls.push(rows);
      return answer(rows, clock.ms, calls.length);
    },
    close: async () => undefined,
  };
  const caller = makeCaller({
    endpoint,
    features: [],
    limiter: makeLimiter(4),
    clock,
    signal: new AbortController().signal,
    timeoutMs: 1_000,
    timeLeftMs,
    onCallStarted: () => undefined,
    onCallEnded: () => undefined,
  });
  return { caller, calls, clock };
}

const batchOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `row-${index}`);

describe('makeCaller, when a service is down', () => {
  it.each([1, 500])('waits out an outage and refuses no row, in batches of %d', async (size) => {
    const { caller } = callerOf((rows, atMs) =>
      atMs > 10 && atMs < 30_000 ? { kind: 'transient', status: 503 } : ok(rows),
    );
    await caller.answer(batchOf(size));
    // The next batch starts inside the outage.
    const { caller: hit, clock } = callerOf((rows, atMs) =>
      atMs > 10 && atMs < 30_000 ? { kind: 'transient', status: 503 } : ok(rows),
    );
    await hit.answer(['first']);
    clock.ms = 20;

    const { answers } = await hit.answer(batchOf(size));

    expect(answers.filter((answer) => 'problem' in answer)).toEqual([]);
    expect(answers).toHaveLength(size);
  });

  it('gives an outage back as passing when it outlasts the time that is left', async () => {
    let clockMs = () => 0;
    const { caller, clock } = callerOf(
      (rows, atMs) => (atMs > 10 ? { kind: 'transient', status: 503 } : ok(rows)),
      () => 20_000 - clockMs(),
    );
    clockMs = () => clock.ms;
    await caller.answer(['first']);
    clock.ms = 20;

    await expect(caller.answer(['second'])).rejects.toMatchObject({ code: 'endpoint.unreachable' });
  });

  it('refuses the row alone that brings a healthy service down, wherever in the first batch it stands', async () => {
    for (const guilty of [0, 3, 7]) {
      const { caller } = callerOf((rows) =>
        rows.includes(`row-${guilty}`) ? { kind: 'transient', status: 500 } : ok(rows),
      );

      const { answers } = await caller.answer(batchOf(8));

      expect(answers.map((answer) => 'problem' in answer)).toEqual(batchOf(8).map((_, index) => index === guilty));
      expect(answers[guilty]).toEqual({ problem: 'row.refused', status: 500 });
    }
  });

  it('says that the service is unreachable when it never answered anything', async () => {
    const { caller } = callerOf(() => ({ kind: 'transient', status: 500 }));

    await expect(caller.answer(batchOf(8))).rejects.toMatchObject({ code: 'endpoint.unreachable' });
  });
});
