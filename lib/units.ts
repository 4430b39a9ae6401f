/**
 * Physical and metered quantities as branded numbers: watts cannot be added to grams by mistake.
 * All conversions of the program are here. A prefix of data sizes is a power of 1024 (GB is 2^30 bytes), as in the price lists.
 */

declare const unitOf: unique symbol;
type Measure<U extends string> = number & { readonly [unitOf]: U };

export type Milliseconds = Measure<'ms'>;
export type Watts = Measure<'W'>;
export type WattHours = Measure<'Wh'>;
export type Grams = Measure<'g'>;
export type GramsPerKwh = Measure<'g/kWh'>;
/** Memory or storage reserved for a time. */
export type GigabyteSeconds = Measure<'GB-second'>;

export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const watts = (value: number): Watts => value as Watts;
export const wattHours = (value: number): WattHours => value as WattHours;
export const grams = (value: number): Grams => value as Grams;
export const gramsPerKwh = (value: number): GramsPerKwh => value as GramsPerKwh;

const millisecondsPerHour = 3_600_000;
/** 365 days, as in the SCI embodied formula. */
const hoursPerYear = 8_760;
export const bytesPerGigabyte = 2 ** 30;
export const bytesPerTerabyte = 2 ** 40;
/** The average month of a price per GB-month: 8,760 / 12. */
export const hoursPerMonth = 730;
export const secondsPerHour = 3_600;

export const toSeconds = (duration: Milliseconds): number => duration / 1_000;
const toHours = (duration: Milliseconds): number => duration / millisecondsPerHour;
export const yearsToMilliseconds = (years: number): Milliseconds =>
  milliseconds(years * hoursPerYear * millisecondsPerHour);
export const kilogramsToGrams = (kilograms: number): Grams => grams(kilograms * 1_000);

/** Power over time. */
export const energyOf = (power: Watts, duration: Milliseconds): WattHours => wattHours(power * toHours(duration));

/** Energy at a grid's intensity. */
export const emissionsOf = (energy: WattHours, intensity: GramsPerKwh): Grams => grams((energy / 1_000) * intensity);

/** Memory in MB (2^20 bytes) held for a time. */
export const memoryTime = (memoryMb: number, duration: Milliseconds): GigabyteSeconds =>
  ((memoryMb / 1_024) * toSeconds(duration)) as GigabyteSeconds;
