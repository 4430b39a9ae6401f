/** What one component drew: the common ground of the energy line and the carbon line. */
import {
  emissionsOf,
  energyOf,
  type Grams,
  grams,
  gramsPerKwh,
  kilogramsToGrams,
  type Milliseconds,
  wattHours,
  watts,
  yearsToMilliseconds,
} from '../units.ts';
import { mapBand } from './band.ts';
import type { Curve, CurveBand } from './factors.ts';
import type { Band, Basis, Component, UnknownFootprint, UsageLine } from './types.ts';

export interface Draw {
  readonly component: Component;
  /** What it comes from; names the component where something about it is unknown. */
  readonly usage: UsageLine;
  /** At the meter of the site. */
  readonly wattHours: Band;
  /** Central. */
  readonly pue: number;
  readonly basis: Basis;
  /** Whose grid, ISO 3166-1 alpha-2. */
  readonly country: string;
  /** Null where no figure is known or published. */
  readonly embodiedGrams: Band | null;
}

export interface Draws {
  readonly draws: readonly Draw[];
  readonly unknown: readonly UnknownFootprint[];
}

/** Watts at a utilisation in [0, 1]; straight lines between the points of the curve. */
export function wattsAt({ utilisation, watts: power }: Curve, at: number): number {
  const right = Math.max(
    1,
    utilisation.findIndex((point) => point >= at),
  );
  const [x0, x1] = [utilisation[right - 1]!, utilisation[right]!];
  const [y0, y1] = [power[right - 1]!, power[right]!];
  return y0 + ((at - x0) / (x1 - x0)) * (y1 - y0);
}

/** Watt-hours before PUE of `scale` times a machine with this curve, by bound. */
export const energyBand = (curve: CurveBand, utilisation: Band, scale: number, duration: Milliseconds): Band =>
  mapBand(curve, (ofBound, bound) => energyOf(watts(wattsAt(ofBound, utilisation[bound]) * scale), duration));

/** SCI: embodied emissions of the share of hardware reserved, over the part of its life for which it is reserved. */
export const embodiedGrams = (kilograms: number, duration: Milliseconds, lifetimeYears: number): Grams =>
  grams(kilogramsToGrams(kilograms) * (duration / yearsToMilliseconds(lifetimeYears)));

/** Grams of the energy at the meter on a grid, by bound. */
export const operationalGrams = (energy: Band, grid: Band): Band =>
  mapBand(energy, (ofBound, bound) => emissionsOf(wattHours(ofBound), gramsPerKwh(grid[bound])));
