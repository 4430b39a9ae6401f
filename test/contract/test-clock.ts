import type { Clock } from '../../lib/clock.ts';

/** The claim's renewal. Who waits for it waits for the end of the job: time does not pass by itself here. */
const renewEveryMs = 15_000;

/** A clock on which every wait is over at once, and took its time; nothing else takes any. */
export function makeTestClock(startMs = Date.UTC(2026, 10, 23)): Clock & { advance(ms: number): void } {
  let elapsedMs = 0;
  return {
    now: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    random: () => 0.5,
    advance(ms) {
      elapsedMs += ms;
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      if (ms === renewEveryMs)
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      elapsedMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
}
