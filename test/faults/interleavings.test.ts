import { describe, expect, it } from '@jest/globals';
import type { Mutation } from './faulty-storage.ts';
import { storyCount } from './scale.ts';
import { type Failure, tellAll } from './stories.ts';

const timeoutMs = 600_000;

/** The seed and the whole story: what a person needs to see it again. */
const describeFailures = (failures: readonly Failure[]): string =>
  failures
    .slice(0, 3)
    .map(({ seed, error, trace }) => `seed ${seed}: ${String(error)}\n${trace.join('\n')}`)
    .join('\n\n');

describe('interleaved holders of the jobs of one key', () => {
  it(
    'leave one whole result of the newest upload, whatever stands still, dies, repeats or gets lost',
    async () => {
      const { failures, sightings } = await tellAll({ from: 0, count: storyCount });

      expect(describeFailures(failures)).toBe('');
      expect(sightings.stories).toBe(storyCount);
    },
    timeoutMs,
  );

  it(
    'do so, too, when the model always says the same',
    async () => {
      const { failures } = await tellAll({ from: 1_000_000, count: storyCount / 5 }, { deterministic: true });

      expect(describeFailures(failures)).toBe('');
    },
    timeoutMs,
  );

  it('meet everything that is meant to go wrong', async () => {
    const { sightings } = await tellAll({ from: 2_000_000, count: 500 });

    expect(sightings.killed).toBeGreaterThan(100);
    for (const kind of ['complete', 'failed', 'duplicate', 'superseded', 'passing', 'claimed', 'settled', 'rolled']) {
      expect([kind, sightings.ends[kind] ?? 0]).not.toEqual([kind, 0]);
    }
  });

  it('tell the same story for the same seed', async () => {
    const first = await tellAll({ from: 42, count: 20 });
    const second = await tellAll({ from: 42, count: 20 });

    expect(second).toEqual(first);
  });
});

describe('the checker', () => {
  const mutations: ReadonlyArray<readonly [NonNullable<Mutation>, RegExp]> = [
    ['unconditional-output', /took away the output|published twice/],
    ['unconditional-delete', /took away the/],
    ['unconditional-claim', /claim|summary|paid/],
    ['torn-output', /not the whole/],
    ['blind-to-its-input', /after the deletion/],
    ['forgotten-summary', /no summary/],
    ['settling-stranger', /neither output nor error file/],
  ];

  it.each(mutations)(
    'notices a job with %s',
    async (mutation, complaint) => {
      const { failures } = await tellAll({ from: 0, count: 5_000 }, { mutation, until: complaint });

      expect(String(failures.at(-1)?.error)).toMatch(complaint);
    },
    120_000,
  );
});
