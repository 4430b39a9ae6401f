import { milliseconds } from '../units.ts';
import { mapBand } from './band.ts';
import { type Draws, embodiedGrams, energyBand } from './draw.ts';
import type { Factors, PowerFactors } from './factors.ts';
import type { Band, FunctionFacts, LambdaFacts, UsageLine } from './types.ts';

export interface FunctionPower {
  /** Of the reserved vCPUs, in [0, 1]. */
  readonly utilisation: Band;
  readonly utilisationMeasured: boolean;
  /** Before PUE. */
  readonly itWattHours: Band;
  readonly embodiedGrams: Band;
}

/**
 * Wall time, not billed time, and all reserved vCPUs: the share is reserved while the function waits (SCI counts reserved hardware),
 * so idle watts always count and only the part above them follows the CPU time.
 */
export function functionPower(facts: LambdaFacts, power: PowerFactors): FunctionPower {
  const duration = milliseconds(facts.initMs + facts.handlerMs);
  const vcpuCount = facts.memoryMb / power.mbPerVcpu;
  const utilisationMeasured = facts.cpuMs !== null && facts.cpuMs >= power.minimumCpuMs && duration > 0;
  const measured = utilisationMeasured ? Math.min(1, (facts.cpuMs ?? 0) / (duration * vcpuCount)) : 0;
  const utilisation = utilisationMeasured
    ? { low: measured, central: measured, high: measured }
    : power.assumedUtilisation;
  return {
    utilisation,
    utilisationMeasured,
    itWattHours: energyBand(power.wattsPerVcpu[facts.arch], utilisation, vcpuCount, duration),
    embodiedGrams: mapBand(power.embodiedKgPerVcpu[facts.arch], (kilograms, bound) =>
      embodiedGrams(kilograms * vcpuCount, duration, power.lifetimeYears[bound]),
    ),
  };
}

/** The function's draw; on a local machine, or in a Region without a site, it is unknown. */
export function drawFunction(facts: FunctionFacts, usage: readonly UsageLine[], factors: Factors): Draws {
  const unknown = (resource: string, reason: string): Draws => ({
    draws: [],
    unknown: usage
      .filter((line) => line.resource === resource)
      .map((line) => ({ component: 'function', ...line, reason })),
  });
  if (facts.where === 'local') return unknown('local.elapsed', 'the power of this machine is not known');
  const line = usage.find(({ resource }) => resource === 'lambda.compute');
  if (factors.site === null || line === undefined) {
    return unknown('lambda.compute', `nothing is known of the site of Region ${factors.region}`);
  }
  const { pue, country } = factors.site;
  const { itWattHours, utilisationMeasured, embodiedGrams: embodied } = functionPower(facts, factors.power);
  return {
    draws: [
      {
        component: 'function',
        usage: line,
        wattHours: mapBand(itWattHours, (energy, bound) => energy * pue[bound]),
        pue: pue.central,
        basis: utilisationMeasured && !facts.simulated ? 'measured' : 'assumed',
        country,
        embodiedGrams: embodied,
      },
    ],
    unknown: [],
  };
}
