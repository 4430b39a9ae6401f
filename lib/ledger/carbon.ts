import { addBands, zeroBand } from './band.ts';
import { type Draw, type Draws, operationalGrams } from './draw.ts';
import type { Factors } from './factors.ts';
import type { Band, CarbonLine, CarbonReceipt, UnknownFootprint } from './types.ts';

function toLine(draw: Draw, grid: Band, gridYear: number): CarbonLine {
  const operational = operationalGrams(draw.wattHours, grid);
  return {
    component: draw.component,
    gramsCO2e: addBands([operational, draw.embodiedGrams ?? zeroBand]),
    operationalGramsCO2e: operational,
    embodiedGramsCO2e: draw.embodiedGrams,
    basis: draw.basis,
    gridGramsPerKwh: grid.central,
    gridArea: draw.country,
    gridYear,
  };
}

/** Location-based: the yearly mix of the country where the energy is drawn, whatever certificates its owner holds. */
export function writeCarbon(
  { draws, unknown }: Draws,
  omitted: readonly UnknownFootprint[],
  { grid, gridYear }: Factors,
): CarbonReceipt {
  const lines: CarbonLine[] = [];
  const gaps: UnknownFootprint[] = [...unknown];
  for (const draw of draws) {
    const ofCountry = grid[draw.country];
    const { component, usage } = draw;
    if (ofCountry) lines.push(toLine(draw, ofCountry, gridYear));
    else gaps.push({ component, ...usage, reason: `no grid intensity known for ${draw.country}` });
    if (draw.component === 'endpoint' && draw.embodiedGrams === null) {
      gaps.push({ component, ...usage, reason: 'the route states no embodied emissions for its endpoint' });
    }
  }
  return {
    complete: gaps.length === 0,
    gramsCO2e: addBands(lines.map(({ gramsCO2e }) => gramsCO2e)),
    operationalGramsCO2e: addBands(lines.map(({ operationalGramsCO2e }) => operationalGramsCO2e)),
    embodiedGramsCO2e: addBands(lines.map(({ embodiedGramsCO2e }) => embodiedGramsCO2e ?? zeroBand)),
    lines,
    method: 'location-based',
    unknown: gaps,
    omitted,
  };
}
