import { describe, expect, it } from '@jest/globals';
import type { StubConfig } from '../../../lib/config/types.ts';
import { makeStubEndpoint, type StubDeps } from '../../../lib/endpoints/stub.ts';
import type { Outcome } from '../../../lib/endpoints/types.ts';

const options = { signal: new AbortController().signal, timeoutMs: 1000 };
const rows = Array.from({ length: 2000 }, (_, index) => JSON.stringify([index, `row ${index}`]));

function open(config: Partial<StubConfig> = {}, script?: StubDeps['script']) {
  const slept: number[] = [];
  const clock = {
    now: () => 0,
    monotonicMs: () => 0,
    random: () => 0,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  };
  const endpoint = makeStubEndpoint(
    { kind: 'stub', labels: ['a', 'b', 'c'], ...config },
    { clock, ...(script === undefined ? {} : { script }) },
  );
  return { endpoint, slept };
}

const answersOf = (outcome: Outcome) => (outcome.kind === 'ok' ? outcome.answers : []);

describe('makeStubEndpoint', () => {
  it('answers a row alike whatever its batch, and uses all labels', async () => {
    const whole = answersOf(await open().endpoint.classify([], rows, options));
    const { endpoint } = open();
    const single = await Promise.all(
      rows.slice(0, 50).map(async (row) => answersOf(await endpoint.classify([], [row], options))[0]),
    );

    expect(whole.slice(0, 50)).toEqual(single);
    for (const label of ['a', 'b', 'c'])
      expect(whole.filter((answer) => answer.label === label).length).toBeGreaterThan(500);
  });

  it('gives the label the highest score, and scores that sum to 1', async () => {
    const answers = answersOf(await open().endpoint.classify([], rows, options));

    for (const { label, scores = {} } of answers) {
      const shares = Object.values(scores);
      expect(scores[String(label)]).toBe(Math.max(...shares));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    }
  });

  it('waits on the clock that it was given, and gives up when aborted', async () => {
    const { endpoint, slept } = open({ latencyMs: 30 });

    await endpoint.classify([], rows, options);

    expect(slept).toEqual([30]);
    expect(await endpoint.classify([], rows, { ...options, signal: AbortSignal.abort() })).toEqual({
      kind: 'transient',
      status: 0,
    });
  });

  it('refuses the same rows each time, alone or among others', async () => {
    const { endpoint } = open({ faults: { refuseRows: 0.1 } });
    const isRefused = async (row: string) => (await endpoint.classify([], [row], options)).kind === 'bad-rows';

    const refused = await Promise.all(rows.map(isRefused));

    expect(await Promise.all(rows.map(isRefused))).toEqual(refused);
    const count = refused.filter(Boolean).length;
    expect(count).toBeGreaterThan(100);
    expect(count).toBeLessThan(300);
    expect((await endpoint.classify([], rows, options)).kind).toBe('bad-rows');
    const accepted = rows.filter((_, index) => !refused[index]);
    expect((await endpoint.classify([], accepted, options)).kind).toBe('ok');
  });

  it('draws the same failures in every run, and lets the same rows pass later', async () => {
    async function run(): Promise<string[]> {
      const { endpoint } = open({ faults: { throttled: 0.2, transient: 0.2, protocol: 0.1 } });
      const kinds: string[] = [];
      for (const row of rows.slice(0, 300)) {
        for (let attempt = 0; attempt < 40 && kinds.at(-1) !== `ok ${row}`; attempt += 1) {
          kinds.push(`${(await endpoint.classify([], [row], options)).kind} ${row}`);
        }
      }
      return kinds;
    }

    const first = await run();

    expect(await run()).toEqual(first);
    expect(new Set(first.map((kind) => kind.split(' ')[0]))).toEqual(
      new Set(['ok', 'throttled', 'transient', 'protocol']),
    );
    expect(first.filter((kind) => kind.startsWith('ok '))).toHaveLength(300);
  });

  it('lets a script answer the calls that it wants', async () => {
    const { endpoint } = open({}, ({ number }) => (number === 0 ? { kind: 'cold', status: 429 } : undefined));

    expect(await endpoint.classify([], rows, options)).toEqual({ kind: 'cold', status: 429 });
    expect((await endpoint.classify([], rows, options)).kind).toBe('ok');
  });
});
