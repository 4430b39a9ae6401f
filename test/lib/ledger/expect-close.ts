import { expect } from '@jest/globals';

/** Fails unless `actual` is `expected` to 1e-9 relative (exactly, when that is 0). */
export function expectClose(actual: number | null | undefined, expected: number | null, relative = 1e-9): void {
  if (expected === null) {
    expect(actual).toBeNull();
    return;
  }
  expect(typeof actual).toBe('number');
  expect(Math.abs((actual as number) - expected)).toBeLessThanOrEqual(Math.abs(expected) * relative);
}
