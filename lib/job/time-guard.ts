import type { Clock } from '../clock.ts';
import { TamisError } from '../errors.ts';

/** Before this much of the run no rate is worth a projection. */
const observeMs = 60_000;
/** A projection may be wrong by half and more; only a hopeless one ends the job early. */
const hopeless = 2;

/**
 * Asked before work is taken on: throws `job.out-of-time` when the time is over, or when the rest will clearly not fit.
 * `doneShare`: of the input's bytes, in [0, 1].
 */
export function makeTimeGuard(clock: Clock, timeLeftMs: () => number): (doneShare: number, rowCount: number) => void {
  const startedMs = clock.monotonicMs();
  return (doneShare, rowCount) => {
    const leftMs = timeLeftMs();
    const elapsedMs = clock.monotonicMs() - startedMs;
    const restMs = doneShare > 0 ? (elapsedMs * (1 - doneShare)) / doneShare : 0;
    if (leftMs <= 0 || (elapsedMs > observeMs && restMs > hopeless * leftMs))
      throw new TamisError('job.out-of-time', { rowCount });
  };
}
