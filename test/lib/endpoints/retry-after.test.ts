import { describe, expect, it } from '@jest/globals';
import { readRetryAfterMs } from '../../../lib/endpoints/retry-after.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');

describe('readRetryAfterMs', () => {
  it.each<[string | undefined, number | undefined]>([
    ['0', 0],
    ['7', 7_000],
    [' 1.5 ', 1_500],
    ['Sun, 01 Mar 2026 12:00:30 GMT', 30_000],
    ['Sun, 01 Mar 2026 11:59:00 GMT', 0],
    ['999999', 3_600_000],
    ['soon', undefined],
    ['-5', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j as %j milliseconds', (text, expected) => {
    expect(readRetryAfterMs(text, nowMs)).toBe(expected);
  });

  it("compares a date with the service's own clock when it is told", () => {
    const serviceDate = 'Sun, 01 Mar 2026 11:00:00 GMT';

    expect(readRetryAfterMs('Sun, 01 Mar 2026 11:00:10 GMT', nowMs, serviceDate)).toBe(10_000);
  });
});
