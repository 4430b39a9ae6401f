import type { Band } from './types.ts';

/** Arithmetic on bands, bound by bound: the bounds are taken as fully correlated (low with low), which is deliberately wide. */
export const mapBand = <T>(
  bands: { readonly low: T; readonly central: T; readonly high: T },
  change: (value: T, bound: keyof Band) => number,
): Band => ({
  low: change(bands.low, 'low'),
  central: change(bands.central, 'central'),
  high: change(bands.high, 'high'),
});

export const zeroBand: Band = { low: 0, central: 0, high: 0 };

export const addBands = (bands: readonly Band[]): Band =>
  bands.reduce((sum, band) => mapBand(sum, (value, bound) => value + band[bound]), zeroBand);
