import { type Milliseconds, milliseconds } from '../units.ts';
import { mapBand } from './band.ts';
import { type Draw, type Draws, embodiedGrams, energyBand } from './draw.ts';
import { isEmbedded } from './endpoint-price.ts';
import type { Curve, Factors, InstanceFactors, PowerFactors, SiteFactors } from './factors.ts';
import type { Band, EndpointFacts, StatedFootprint, UsageLine } from './types.ts';

type Drawn = Pick<Draw, 'wattHours' | 'pue' | 'basis' | 'country' | 'embodiedGrams'>;

/** A whole machine while it is busy; its utilisation cannot be seen from the caller and is the method's assumption. */
const machineEnergy = (curve: Curve, busy: Milliseconds, power: PowerFactors): Band =>
  energyBand({ low: curve, central: curve, high: curve }, power.assumedUtilisation, 1, busy);

/** Stated embodied emissions; else those of the stated vCPUs at the generic x86_64 figures; else none are known. */
function statedEmbodied(stated: StatedFootprint, busy: Milliseconds, power: PowerFactors): Band | null {
  const { embodiedKgCO2e, vcpus, lifetimeYears } = stated;
  const ofMachine =
    embodiedKgCO2e !== undefined
      ? { low: embodiedKgCO2e, central: embodiedKgCO2e, high: embodiedKgCO2e }
      : vcpus !== undefined
        ? mapBand(power.embodiedKgPerVcpu.x86_64, (kilograms) => kilograms * vcpus)
        : null;
  return (
    ofMachine &&
    mapBand(ofMachine, (kilograms, bound) =>
      embodiedGrams(kilograms, busy, lifetimeYears ?? power.lifetimeYears[bound]),
    )
  );
}

function drawStated(stated: StatedFootprint, busy: Milliseconds, power: PowerFactors): Drawn {
  const curve = { utilisation: [0, 1], watts: [stated.wattsIdle, stated.wattsMax] };
  return {
    wattHours: mapBand(machineEnergy(curve, busy, power), (energy) => energy * stated.pue),
    pue: stated.pue,
    basis: 'stated',
    country: stated.country,
    embodiedGrams: statedEmbodied(stated, busy, power),
  };
}

function drawInstance(
  instance: InstanceFactors,
  { pue, country }: SiteFactors,
  busy: Milliseconds,
  power: PowerFactors,
): Drawn {
  return {
    wattHours: mapBand(machineEnergy(instance.watts, busy, power), (energy, bound) => energy * pue[bound]),
    pue: pue.central,
    basis: 'assumed',
    country,
    embodiedGrams: mapBand(power.lifetimeYears, (years) => embodiedGrams(instance.embodiedKgCO2e, busy, years)),
  };
}

/** The endpoint's draw while it is busy with this run: what the route states; else a known instance; else unknown. */
export function drawEndpoint(endpoint: EndpointFacts, usage: readonly UsageLine[], factors: Factors): Draws {
  const find = (name: string): UsageLine | undefined => usage.find(({ resource }) => resource === name);
  const line = find('endpoint.busy') ?? find('endpoint.calls');
  if (isEmbedded(endpoint) || line === undefined) return { draws: [], unknown: [] };

  const busy = milliseconds((find('endpoint.busy')?.quantity ?? 0) * 1_000);
  const instance = endpoint.instanceType === undefined ? undefined : factors.instances[endpoint.instanceType];
  const drawn = endpoint.footprint
    ? drawStated(endpoint.footprint, busy, factors.power)
    : instance && factors.site
      ? drawInstance(instance, factors.site, busy, factors.power)
      : undefined;
  if (drawn) return { draws: [{ component: 'endpoint', usage: line, ...drawn }], unknown: [] };
  const reason = 'the route states no footprint for its endpoint';
  return { draws: [], unknown: [{ component: 'endpoint', ...line, reason }] };
}
