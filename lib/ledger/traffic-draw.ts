import { bytesPerGigabyte, bytesPerTerabyte } from '../units.ts';
import { addBands, mapBand } from './band.ts';
import type { Draws } from './draw.ts';
import type { Factors } from './factors.ts';
import type { Band, Component, UnknownFootprint, UsageLine } from './types.ts';
import type { Resource } from './usage.ts';

/** Used, but nobody publishes energy per unit: left out, and said so. */
const withoutCoefficient: ReadonlySet<Resource> = new Set([
  's3.put',
  's3.get',
  's3.list',
  's3.delete',
  'logs.ingested',
  'events.published',
]);

const componentOf = ({ resource }: UsageLine): Component => (resource.startsWith('network.') ? 'network' : 'storage');

const leavesRegion = ({ resource }: UsageLine): boolean =>
  resource === 'network.internet-out' || resource === 'network.other-region-out';

/** Watt-hours before PUE, as the method bounds them. Low: none. Central: bytes that leave the Region. High: every byte. */
function networkEnergy(line: UsageLine, wattHoursPerGb: number): Band {
  const all = (line.quantity / bytesPerGigabyte) * wattHoursPerGb;
  return { low: 0, central: leavesRegion(line) ? all : 0, high: all };
}

function storageEnergy({ quantity }: UsageLine, { power }: Factors): Band {
  const all = (quantity / bytesPerTerabyte) * power.storageWattHoursPerTbHour * power.storageCopyCount;
  return { low: all, central: all, high: all };
}

/** Traffic and stored bytes, at the site of the function's Region. */
export function drawTraffic(usage: readonly UsageLine[], factors: Factors): Draws {
  const { site, power } = factors;
  const network = usage.filter(({ resource }) => resource.startsWith('network.'));
  const stored = usage.filter(({ resource }) => resource === 's3.stored');
  if (site === null) {
    const reason =
      factors.region === null
        ? 'where it happens is not known'
        : `nothing is known of the site of Region ${factors.region}`;
    return {
      draws: [],
      unknown: [...network, ...stored].map((line) => ({ component: componentOf(line), ...line, reason })),
    };
  }
  const parts = [
    { lines: network, energy: addBands(network.map((line) => networkEnergy(line, power.networkWattHoursPerGb))) },
    { lines: stored, energy: addBands(stored.map((line) => storageEnergy(line, factors))) },
  ];
  return {
    draws: parts.flatMap(({ lines: [first], energy }) =>
      first === undefined
        ? []
        : {
            component: componentOf(first),
            usage: first,
            wattHours: mapBand(energy, (value, bound) => value * site.pue[bound]),
            pue: site.pue.central,
            basis: 'assumed' as const,
            country: site.country,
            embodiedGrams: null,
          },
    ),
    unknown: [],
  };
}

/** What was used and lies outside the method's boundary. */
export function listOmitted(usage: readonly UsageLine[]): readonly UnknownFootprint[] {
  return usage
    .filter(({ resource }) => withoutCoefficient.has(resource))
    .map((line) => ({ component: componentOf(line), ...line, reason: 'nobody publishes energy for it' }));
}

/** Its hardware: outside the method's boundary too. */
export function listOmittedEmbodied(usage: readonly UsageLine[]): readonly UnknownFootprint[] {
  return usage
    .filter(({ resource }) => resource.startsWith('network.') || resource === 's3.stored')
    .map((line) => ({ component: componentOf(line), ...line, reason: 'nobody publishes embodied emissions for it' }));
}
