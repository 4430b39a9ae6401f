import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CallOptions, Endpoint, Outcome, RawAnswer } from '../../../lib/endpoints/types.ts';
import { makeCaller } from '../../../lib/job/caller.ts';
import { makeLimiter } from '../../../lib/job/limiter.ts';
import { makeTestClock } from '../../contract/test-clock.ts';

interface Call {
  readonly rows: readonly string[];
  readonly options: CallOptions;
  readonly atMs: number;
}

type Script = (call: Call, number: number) => Outcome | Promise<Outcome>;

const ok = (rows: readonly string[]): Outcome => ({ kind: 'ok', answers: rows.map((row) => ({ label: row })) });
const endless = () => Number.POSITIVE_INFINITY;

function setUp(script: Script, { timeLeftMs = endless, maxInFlight = 4, timeoutMs = 30_000 } = {}) {
  const clock = makeTestClock();
  const calls: Call[] = [];
  const metered: string[] = [];
  const controller = new AbortController();
  const endpoint: Endpoint<'json'> = {
    kind: 'stub',
    rowFormat: 'json',
    defaults: { maxRows: 500, maxBytes: 1_000_000, maxInFlight, timeoutMs },
    describe: async () => ({}),
    async classify(_features, rows, options) {
      const call = { rows, options, atMs: clock.monotonicMs() };
      calls.push(call);
      await new Promise((resolve) => setImmediate(resolve));
      return script(call, calls.length - 1);
    },
    close: async () => undefined,
  };
  const caller = makeCaller({
    endpoint,
    features: [],
    limiter: makeLimiter(maxInFlight),
    clock,
    signal: controller.signal,
    timeoutMs,
    timeLeftMs: () => timeLeftMs(),
    onCallStarted: () => metered.push('started'),
    onCallEnded: (_, outcome) => metered.push(outcome?.kind ?? 'thrown'),
  });
  return { caller, calls, clock, controller, metered };
}

const rowsOf = (count: number, from = 0) => Array.from({ length: count }, (_, index) => String(from + index));
const withCode = (code: string) => expect.objectContaining({ code });

describe('makeCaller', () => {
  it('gives one answer for each row, and who answered', async () => {
    const model = { version: '7', reported: true };
    const { caller, metered } = setUp(({ rows }) => ({ ...ok(rows), model }) as Outcome);

    const answered = await caller.answer(rowsOf(3));

    expect(answered).toEqual({ answers: [{ label: '0' }, { label: '1' }, { label: '2' }], model });
    expect(caller.counts).toEqual({ sent: 1, retried: 0, split: 0, throttledMs: 0 });
    expect(metered).toEqual(['started', 'ok']);
  });

  it.each([
    ['throttled', 12],
    ['cold', 12],
    ['transient', 3],
    ['protocol', 1],
  ] as const)('tries again after %s, %i times and longer', async (kind, failures) => {
    const { caller, calls } = setUp(({ rows }, number) => (number < failures ? { kind, status: 503 } : ok(rows)));

    const { answers } = await caller.answer(rowsOf(2));

    expect(answers).toEqual([{ label: '0' }, { label: '1' }]);
    expect(calls).toHaveLength(failures + 1);
    expect(caller.counts.retried).toBe(failures);
  });

  it('waits longer each time, but never beyond 20 seconds unless it is asked to', async () => {
    const { caller, calls } = setUp(({ rows }, number) => (number < 12 ? { kind: 'cold', status: 503 } : ok(rows)));

    await caller.answer(rowsOf(1));

    const waits = calls.slice(1).map(({ atMs }, index) => atMs - calls[index]!.atMs);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits[0]).toBeLessThan(500);
    expect(Math.max(...waits)).toBeLessThanOrEqual(20_000);
  });

  it('waits as long as the service asks', async () => {
    const { caller, calls } = setUp(({ rows }, number) =>
      number === 0 ? { kind: 'throttled', status: 429, retryAfterMs: 33_000 } : ok(rows),
    );

    await caller.answer(rowsOf(1));

    expect(calls[1]!.atMs).toBe(33_000);
    expect(caller.counts.throttledMs).toBe(33_000);
  });

  it.each([
    ['throttled', 'endpoint.throttled'],
    ['cold', 'endpoint.cold'],
    ['transient', 'endpoint.unreachable'],
  ] as const)('loses patience with a service that asks for a day (%s), also without a deadline', async (kind, code) => {
    const { caller, calls } = setUp(() => ({ kind, status: 503, retryAfterMs: 86_400_000 }));

    await expect(caller.answer(rowsOf(1))).rejects.toEqual(withCode(code));
    expect(calls).toHaveLength(1);
  });

  it.each([
    ['throttled', 'endpoint.throttled', 4, 600_000],
    ['cold', 'endpoint.cold', 4, 600_000],
    ['transient', 'endpoint.unreachable', 1, 0],
    ['transient', 'endpoint.unreachable', 4, 0],
    ['config', 'endpoint.refused', 4, 0],
    ['quota', 'endpoint.quota', 4, 0],
  ] as const)('gives up on %s for good: %s', async (kind, code, rowCount, patienceMs) => {
    const { caller, clock, calls } = setUp(() => ({ kind, status: 503 }));

    await expect(caller.answer(rowsOf(rowCount))).rejects.toEqual(withCode(code));

    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(patienceMs);
    if (kind === 'config' || kind === 'quota') expect(calls).toHaveLength(1);
  });

  it('gives up instead of waiting beyond the time left', async () => {
    const { caller, calls } = setUp(() => ({ kind: 'cold', status: 503, retryAfterMs: 5_000 }), {
      timeLeftMs: () => 4_000,
    });

    await expect(caller.answer(rowsOf(1))).rejects.toEqual(withCode('endpoint.cold'));
    expect(calls).toHaveLength(1);
    expect(calls[0]!.options.timeoutMs).toBe(4_000);
  });

  it('halves a refused batch at once, without asking again', async () => {
    const { caller, calls } = setUp(({ rows }) => (rows.includes('5') ? { kind: 'bad-rows', status: 422 } : ok(rows)));

    const { answers } = await caller.answer(rowsOf(8));

    expect(answers[5]).toEqual({ problem: 'row.refused', status: 422 });
    expect(answers.filter((answer) => 'label' in answer)).toHaveLength(7);
    expect(calls.map(({ rows }) => rows.length)).toEqual([8, 4, 4, 2, 1, 1, 2]);
    expect(caller.counts).toMatchObject({ sent: 1, retried: 0, split: 1 });
  });

  it('answers every row in its place, whichever are refused and however the batch falls apart', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.uniqueArray(fc.nat(39)),
        fc.constantFrom('bad-rows' as const, 'too-large' as const, 'protocol' as const),
        fc.boolean(),
        async (count, refused, kind, isWarm) => {
          const { caller } = setUp(({ rows }) =>
            rows.some((row) => refused.includes(Number(row))) ? { kind, status: 400 } : ok(rows),
          );
          if (isWarm) await caller.answer(['warm']);
          const guilty = refused.filter((row) => row < count);
          // Where all but a few are refused, the stop rule may hold.
          fc.pre(isWarm || guilty.length < 16);

          const { answers } = await caller.answer(rowsOf(count));

          const problem = kind === 'protocol' ? 'row.unanswered' : 'row.refused';
          expect(answers).toEqual(
            rowsOf(count).map((row) => (refused.includes(Number(row)) ? { problem, status: 400 } : { label: row })),
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  it('takes no row for guilty of a service that is down', async () => {
    const { caller } = setUp(({ rows }, number) => (number === 0 ? ok(rows) : { kind: 'transient', status: 503 }));
    await caller.answer(rowsOf(1));

    await expect(caller.answer(rowsOf(64))).rejects.toEqual(withCode('endpoint.unreachable'));
  });

  it('isolates a row on which the service breaks each time', async () => {
    const { caller } = setUp(({ rows }) => (rows.includes('3') ? { kind: 'transient', status: 500 } : ok(rows)));
    await caller.answer(rowsOf(1));

    const { answers } = await caller.answer(rowsOf(8));

    expect(answers[3]).toEqual({ problem: 'row.refused', status: 500 });
    expect(answers.filter((answer) => 'label' in answer)).toHaveLength(7);
  });

  it.each([
    ['too few answers', (rows: readonly string[]) => rows.slice(1)],
    ['too many answers', (rows: readonly string[]) => [...rows, 'more']],
  ])('asks again after %s', async (_, change) => {
    const { caller, calls } = setUp(({ rows }, number) => ok(number === 0 ? change(rows) : rows));

    const { answers } = await caller.answer(rowsOf(3));

    expect(answers).toHaveLength(3);
    expect(calls).toHaveLength(2);
  });

  it('takes an empty answer for nonsense about that row alone', async () => {
    const { caller, calls } = setUp(({ rows }) => ({
      kind: 'ok',
      answers: rows.map((row): RawAnswer => (row === '1' ? { score: 0.5 } : { label: row })),
    }));

    const { answers } = await caller.answer(rowsOf(3));

    expect(answers).toEqual([{ label: '0' }, { problem: 'row.unanswered', status: 200 }, { label: '2' }]);
    expect(calls).toHaveLength(1);
  });

  it.each([
    ['bad-rows', 'endpoint.refuses-all'],
    ['too-large', 'endpoint.refuses-all'],
    ['protocol', 'endpoint.protocol'],
  ] as const)('stops for everybody when nothing but %s ever comes', async (kind, code) => {
    const { caller, calls } = setUp(() => ({ kind, status: 400 }));

    const ends = await Promise.allSettled([0, 1, 2].map((batch) => caller.answer(rowsOf(100, batch * 100))));
    const after = calls.length;
    await new Promise((resolve) => setTimeout(resolve, 20));

    for (const end of ends) expect(end).toEqual({ status: 'rejected', reason: withCode(code) });
    expect(calls.length).toBe(after);
    const single = calls.filter(({ rows }) => rows.length === 1).map(({ rows }) => rows[0]);
    expect(new Set(single).size).toBe(20);
    expect(single.every((row) => Number(row) < 100)).toBe(true);
  });

  it.each([1, 2, 3, 7])('stops just as early in batches of %i', async (size) => {
    const { caller, calls } = setUp(() => ({ kind: 'bad-rows', status: 400 }));
    let code: unknown;

    for (let batch = 0; batch < 100 && code === undefined; batch++)
      await caller.answer(rowsOf(size, batch * size)).catch((error: { code: string }) => {
        code = error.code;
      });

    expect(code).toBe('endpoint.refuses-all');
    expect(new Set(calls.filter(({ rows }) => rows.length === 1).map(({ rows }) => rows[0])).size).toBe(20);
  });

  it('does not stop for twenty refused rows when one was answered before', async () => {
    const { caller } = setUp(({ rows }) => (rows[0] === '0' ? ok(rows) : { kind: 'bad-rows', status: 400 }));

    const answered = [];
    for (let row = 0; row < 40; row++) answered.push(...(await caller.answer([String(row)])).answers);

    expect(answered.filter((answer) => 'problem' in answer)).toHaveLength(39);
  });

  it('stops when it is told to, while it waits and while it calls', async () => {
    const { caller, controller, calls } = setUp(({ rows }) => {
      controller.abort(new Error('enough'));
      return ok(rows);
    });

    await expect(caller.answer(rowsOf(2))).rejects.toThrow('enough');
    await expect(caller.answer(rowsOf(2))).rejects.toThrow('enough');
    expect(calls).toHaveLength(1);
  });
});
