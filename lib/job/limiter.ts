/**
 * How many calls may be under way at once. Halves when the service throttles, grows by one after each full window of
 * successes: additive increase, multiplicative decrease (Chiu and Jain, 1989), as TCP does.
 */
export interface Limiter {
  /** Resolves when a slot is free. Rejects with the signal's reason when aborted before. */
  acquire(signal: AbortSignal): Promise<Slot>;
  /** Calls that may be under way now, between 1 and the maximum. */
  readonly limit: number;
}

export interface Slot {
  /** Exactly once, whatever became of the call. */
  release(result: 'success' | 'throttled' | 'other'): void;
}

export function makeLimiter(maxInFlight: number): Limiter {
  let limit = maxInFlight;
  let inFlight = 0;
  let successesSinceGrowth = 0;
  // A burst of calls that was throttled together shrinks the window once: only calls begun after the last shrink count.
  let generation = 0;
  const waiting: Array<{ readonly wake: () => void }> = [];

  function shrink(slotGeneration: number): void {
    if (slotGeneration !== generation) return;
    generation++;
    successesSinceGrowth = 0;
    limit = Math.max(1, Math.floor(limit / 2));
  }

  function grow(): void {
    successesSinceGrowth++;
    if (successesSinceGrowth < limit || limit === maxInFlight) return;
    successesSinceGrowth = 0;
    limit++;
  }

  function wakeNext(): void {
    while (inFlight < limit) {
      const next = waiting.shift();
      if (next === undefined) return;
      inFlight++;
      next.wake();
    }
  }

  function makeSlot(): Slot {
    const slotGeneration = generation;
    return {
      release(result) {
        inFlight--;
        if (result === 'throttled') shrink(slotGeneration);
        if (result === 'success') grow();
        wakeNext();
      },
    };
  }

  async function acquire(signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted();
    if (inFlight < limit) {
      inFlight++;
      return makeSlot();
    }
    await new Promise<void>((resolve, reject) => {
      const entry = {
        wake: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      function leave(): void {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal.reason);
      }
      waiting.push(entry);
      signal.addEventListener('abort', leave, { once: true });
    });
    return makeSlot();
  }

  return {
    acquire,
    get limit() {
      return limit;
    },
  };
}
