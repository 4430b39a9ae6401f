import { addBands } from './band.ts';
import type { Draws } from './draw.ts';
import type { EnergyReceipt, UnknownFootprint } from './types.ts';

export function writeEnergy({ draws, unknown }: Draws, omitted: readonly UnknownFootprint[]): EnergyReceipt {
  return {
    complete: unknown.length === 0,
    wattHours: addBands(draws.map(({ wattHours }) => wattHours)),
    lines: draws.map(({ component, wattHours, pue, basis }) => ({ component, wattHours, pue, basis })),
    unknown,
    omitted,
  };
}
