import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeOrdered } from '../../../lib/job/ordered.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A task that ends when somebody says so. */
function makeTask<T>() {
  let finish: (value: T) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  return { run: () => promise, finish, fail };
}

describe('makeOrdered', () => {
  it('delivers in the order of submission, whatever ends first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(5), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (turns, maxRunning) => {
          const delivered: number[] = [];
          let running = 0;
          let most = 0;
          const ordered = makeOrdered<number>({
            maxRunning,
            maxUndeliveredBytes: 1_000_000,
            deliver: (value) => void delivered.push(value),
            onFailure: () => undefined,
          });
          for (const [index, count] of turns.entries())
            await ordered.submit(1, async () => {
              running++;
              most = Math.max(most, running);
              for (let turn = 0; turn < count; turn++) await settle();
              running--;
              return index;
            });
          await ordered.finish();
          expect(delivered).toEqual(turns.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(maxRunning);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('delivers one result at a time', async () => {
    let delivering = 0;
    const ordered = makeOrdered<number>({
      maxRunning: 8,
      maxUndeliveredBytes: 100,
      deliver: async () => {
        delivering++;
        expect(delivering).toBe(1);
        await settle();
        delivering--;
      },
      onFailure: () => undefined,
    });

    for (let index = 0; index < 5; index++) await ordered.submit(1, async () => index);
    await ordered.finish();

    expect(delivering).toBe(0);
  });

  it('holds the reader while what is not delivered weighs too much, and lets one task of any weight in', async () => {
    const first = makeTask<string>();
    const ordered = makeOrdered<string>({
      maxRunning: 10,
      maxUndeliveredBytes: 100,
      deliver: () => undefined,
      onFailure: () => undefined,
    });
    let isAdmitted = false;
    const admitted = ordered.submit(5_000, first.run).then(() => {
      isAdmitted = true;
    });

    await settle();
    expect(isAdmitted).toBe(false);
    first.finish('done');
    await admitted;
    await ordered.finish();

    expect(isAdmitted).toBe(true);
  });

  it('fails with the first failure, tells once, and delivers nothing any more', async () => {
    const slow = makeTask<string>();
    const failures: unknown[] = [];
    const delivered: string[] = [];
    const ordered = makeOrdered<string>({
      maxRunning: 10,
      maxUndeliveredBytes: 100,
      deliver: (value) => void delivered.push(value),
      onFailure: (error) => failures.push(error),
    });
    const broken = new Error('broken');

    await ordered.submit(1, async () => 'first');
    await ordered.submit(1, slow.run);
    await ordered.submit(1, () => Promise.reject(broken)).catch(() => undefined);
    await settle();
    slow.finish('late');

    await expect(ordered.finish()).rejects.toBe(broken);
    await expect(ordered.submit(1, async () => 'more')).rejects.toBe(broken);
    expect(failures).toEqual([broken]);
    expect(delivered).toEqual(['first']);
  });

  it('wakes a reader that waits for room when a task fails', async () => {
    const task = makeTask<string>();
    const ordered = makeOrdered<string>({
      maxRunning: 1,
      maxUndeliveredBytes: 100,
      deliver: () => undefined,
      onFailure: () => undefined,
    });
    const waiting = ordered.submit(1, task.run);

    task.fail(new Error('broken'));

    await waiting.catch(() => undefined);
    await expect(ordered.submit(1, async () => 'more')).rejects.toThrow('broken');
    await expect(ordered.finish()).rejects.toThrow('broken');
  });

  it('fails when a delivery does', async () => {
    const ordered = makeOrdered<string>({
      maxRunning: 2,
      maxUndeliveredBytes: 100,
      deliver: () => {
        throw new Error('no room');
      },
      onFailure: () => undefined,
    });

    await ordered.submit(1, async () => 'first');

    await expect(ordered.finish()).rejects.toThrow('no room');
  });
});
