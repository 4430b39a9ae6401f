import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

/** The machine's own time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch {
      // The timer rejects with an error of its own; the port promises the signal's reason.
      throw signal?.reason;
    }
  },
  random: () => Math.random(),
};
