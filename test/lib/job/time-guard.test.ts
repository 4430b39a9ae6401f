import { describe, expect, it } from '@jest/globals';
import { makeTimeGuard } from '../../../lib/job/time-guard.ts';
import { makeTestClock } from '../../contract/test-clock.ts';

const outOfTime = (rowCount: number) => expect.objectContaining({ code: 'job.out-of-time', details: { rowCount } });

describe('makeTimeGuard', () => {
  it.each([0, -5])('refuses work when %i milliseconds are left, from the first moment', (leftMs) => {
    const guard = makeTimeGuard(makeTestClock(), () => leftMs);

    expect(() => guard(0.99, 7)).toThrow(outOfTime(7));
  });

  it('projects nothing in the first minute', () => {
    const clock = makeTestClock();
    const guard = makeTimeGuard(clock, () => 1);
    clock.advance(60_000);

    expect(() => guard(0.001, 7)).not.toThrow();
  });

  it('refuses a rest that would take more than twice the time left, and no less', () => {
    const clock = makeTestClock();
    let leftMs = 0;
    const guard = makeTimeGuard(clock, () => leftMs);
    clock.advance(100_000);

    // A tenth in 100 s: 900 s to go.
    leftMs = 450_000;
    expect(() => guard(0.1, 7)).not.toThrow();
    leftMs = 449_999;
    expect(() => guard(0.1, 7)).toThrow(outOfTime(7));
  });

  it('never refuses where there is no deadline', () => {
    const clock = makeTestClock();
    const guard = makeTimeGuard(clock, () => Number.POSITIVE_INFINITY);
    clock.advance(1e12);

    expect(() => guard(0.000_001, 0)).not.toThrow();
    expect(() => guard(Number.NaN, 0)).not.toThrow();
  });
});
