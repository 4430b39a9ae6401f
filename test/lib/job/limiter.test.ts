import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeLimiter, type Slot } from '../../../lib/job/limiter.ts';

const never = new AbortController().signal;
/** Lets everything happen that waits for nothing. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function acquireMany(limiter: ReturnType<typeof makeLimiter>, count: number): Promise<Slot[]> {
  return Promise.all(Array.from({ length: count }, () => limiter.acquire(never)));
}

describe('makeLimiter', () => {
  it('hands out as many slots as it was given, and the next one when one is released', async () => {
    const limiter = makeLimiter(2);
    const [first] = await acquireMany(limiter, 2);
    let hasThird = false;
    const third = limiter.acquire(never).then((slot) => {
      hasThird = true;
      return slot;
    });

    await settle();
    expect(hasThird).toBe(false);
    first!.release('other');
    await third;

    expect(hasThird).toBe(true);
  });

  it('serves those who wait in the order in which they came', async () => {
    const limiter = makeLimiter(1);
    const [slot] = await acquireMany(limiter, 1);
    const served: number[] = [];
    const all = [1, 2, 3].map(async (each) => {
      const own = await limiter.acquire(never);
      served.push(each);
      own.release('success');
    });

    slot!.release('success');
    await Promise.all(all);

    expect(served).toEqual([1, 2, 3]);
  });

  it('halves once for a burst that was throttled together, and again for the next', async () => {
    const limiter = makeLimiter(16);
    const burst = await acquireMany(limiter, 16);

    for (const slot of burst) slot.release('throttled');
    expect(limiter.limit).toBe(8);
    for (const slot of await acquireMany(limiter, 8)) slot.release('throttled');

    expect(limiter.limit).toBe(4);
  });

  it('never goes below one', async () => {
    const limiter = makeLimiter(2);

    for (let round = 0; round < 5; round++) (await limiter.acquire(never)).release('throttled');

    expect(limiter.limit).toBe(1);
  });

  it('grows by one after each full window of successes, and not beyond what it was given', async () => {
    const limiter = makeLimiter(4);
    (await limiter.acquire(never)).release('throttled');
    const limits: number[] = [];

    for (let call = 0; call < 12; call++) {
      (await limiter.acquire(never)).release('success');
      limits.push(limiter.limit);
    }

    expect(limits).toEqual([2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
  });

  it('lets nobody in while more calls are under way than the window now allows', async () => {
    const limiter = makeLimiter(4);
    const slots = await acquireMany(limiter, 4);
    let isIn = false;
    limiter.acquire(never).then(() => {
      isIn = true;
    });

    slots[0]!.release('throttled');
    slots[1]!.release('other');
    await settle();
    expect(isIn).toBe(false);
    slots[2]!.release('other');
    await settle();

    expect(isIn).toBe(true);
  });

  it('rejects with the reason of the signal, and forgets who left', async () => {
    const limiter = makeLimiter(1);
    const [slot] = await acquireMany(limiter, 1);
    const controller = new AbortController();
    const leaving = limiter.acquire(controller.signal);
    const staying = limiter.acquire(never);

    controller.abort(new Error('enough'));
    await expect(leaving).rejects.toThrow('enough');
    await expect(limiter.acquire(controller.signal)).rejects.toThrow('enough');
    slot!.release('success');

    await expect(staying).resolves.toBeDefined();
  });

  it('keeps to its window and serves everybody, whatever becomes of the calls', async () => {
    const result = fc.constantFrom('success' as const, 'throttled' as const, 'other' as const);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(result, { maxLength: 40 }), async (max, results) => {
        const limiter = makeLimiter(max);
        let inFlight = 0;
        let most = 0;
        await Promise.all(
          results.map(async (each) => {
            const slot = await limiter.acquire(never);
            inFlight++;
            most = Math.max(most, inFlight);
            await settle();
            inFlight--;
            slot.release(each);
          }),
        );
        expect(most).toBeLessThanOrEqual(max);
        expect(limiter.limit).toBeGreaterThanOrEqual(1);
        expect(limiter.limit).toBeLessThanOrEqual(max);
      }),
      { numRuns: 50 },
    );
  });
});
