import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { embodiedGrams, operationalGrams, wattsAt } from '../../../lib/ledger/draw.ts';
import type { Factors } from '../../../lib/ledger/factors.ts';
import { functionPower } from '../../../lib/ledger/function-draw.ts';
import { writeReceipt } from '../../../lib/ledger/receipt.ts';
import { selectFactors } from '../../../lib/ledger/select-factors.ts';
import type { Band } from '../../../lib/ledger/types.ts';
import { energyOf, milliseconds, watts } from '../../../lib/units.ts';
import { expectClose } from './expect-close.ts';
import { input, lambda, used } from './inputs.ts';

/** Values that other programs computed: Impact Framework, Cloud Carbon Footprint, Remotion. */
const external = JSON.parse(
  readFileSync(new URL('../../golden/ledger-vectors-external.json', import.meta.url), 'utf8'),
  // biome-ignore lint/suspicious/noExplicitAny: the outputs of three programs have no common shape, and a wrong guess fails the test
) as any;

const same = (value: number): Band => ({ low: value, central: value, high: value });
const manifest = (name: string) => external.impact_framework.manifests[name].children;
const bytesOfGb = (gb: number): number => gb * 2 ** 30;
const bytesOfTb = (tb: number): number => tb * 2 ** 40;

/** Our tables with another program's choices of PUE and grid. */
const atSite = (factors: Factors, pue: number, gramsPerKwh: number): Factors => ({
  ...factors,
  site: { country: factors.site!.country, pue: same(pue) },
  grid: { [factors.site!.country]: same(gramsPerKwh) },
});

describe('Impact Framework computes what the ledger computes', () => {
  it('for a Lambda on x86_64 in Ireland at 50 % CPU', () => {
    const [theirs] = manifest('01-lambda-x86-eu-west-1').lambda;
    const facts = lambda({ arch: 'x86_64', memoryMb: 1769, handlerMs: theirs.duration * 1000, cpuMs: 6000 });

    const { carbon, energy, perThousandRows } = writeReceipt(
      input({ function: facts, factors: selectFactors({ region: 'eu-west-1' }), classifiedCount: theirs.rows }),
    );

    expectClose(energy.wattHours.central / 1000, theirs['energy-facility']);
    expectClose(carbon.operationalGramsCO2e.central, theirs['carbon-operational']);
    expectClose(carbon.embodiedGramsCO2e.central, theirs['carbon-embodied']);
    expectClose((perThousandRows.gramsCO2e?.central ?? 0) / 1000, theirs.sci);
  });

  it.each([0, 1, 2])('for a Lambda on arm64 in Sweden with measured CPU, observation %i', (index) => {
    const theirs = manifest('02-lambda-arm64-eu-north-1').lambda[index];
    const stockholm = selectFactors({ region: 'eu-north-1' });
    const factors = {
      ...atSite(stockholm, 1.1, 21),
      power: { ...stockholm.power, minimumCpuMs: 0 },
    };
    const handlerMs = theirs.duration * 1000;
    const cpuMs = (theirs['cpu/utilization'] / 100) * handlerMs * theirs['vcpus-allocated'];
    const facts = lambda({ memoryMb: theirs['memory-mb'], handlerMs, cpuMs });

    const { carbon, energy } = writeReceipt(input({ function: facts, factors, classifiedCount: theirs.rows }));

    expectClose(functionPower(facts, factors.power).itWattHours.central / 1000, theirs['energy-it']);
    expectClose(energy.wattHours.central / 1000, theirs['energy-facility']);
    expectClose(carbon.operationalGramsCO2e.central, theirs['carbon-operational']);
    expectClose(carbon.embodiedGramsCO2e.central, theirs['carbon-embodied']);
    expectClose(carbon.gramsCO2e.central, theirs.carbon);
  });

  it('for half of an always-on ml.m5.xlarge at 70 % CPU', () => {
    const [theirs] = manifest('03-sagemaker-realtime-share').endpoint;
    const { instances } = selectFactors({ region: 'eu-west-1', instanceTypes: ['ml.m5.xlarge'] });
    const { watts: curve, embodiedKgCO2e } = instances['ml.m5.xlarge']!;
    const share = milliseconds(theirs.duration * 1000 * theirs['busy-share']);

    const power = wattsAt(curve, 0.7);
    const wattHours = energyOf(watts(power), share) * 1.15;

    expectClose(power, theirs['instance-watts']);
    expectClose(wattHours / 1000, theirs['energy-facility']);
    expectClose(operationalGrams(same(wattHours), same(44.18)).central, theirs['carbon-operational']);
    expectClose(embodiedGrams(embodiedKgCO2e, share, 4), theirs['carbon-embodied']);
  });

  it('for bytes over the network and in S3 for a month, in Germany', () => {
    const [network] = manifest('04-network-storage').network;
    const [storage] = manifest('04-network-storage').storage;
    const factors = selectFactors({ region: 'eu-central-1' });
    const usage = used({
      'network.internet-out': bytesOfGb(network['network-gb']),
      's3.stored': bytesOfTb(storage['stored-tb']) * storage['stored-hours'],
    });

    const { carbon, energy } = writeReceipt(input({ usage, factors }));

    const wattHours = Object.fromEntries(energy.lines.map((line) => [line.component, line.wattHours.central]));
    const gramsCO2e = Object.fromEntries(carbon.lines.map((line) => [line.component, line.gramsCO2e.central]));
    expectClose((wattHours.network ?? 0) / 1000, network['energy-facility']);
    expectClose((wattHours.storage ?? 0) / 1000, storage['energy-facility']);
    expectClose(gramsCO2e.network, network.carbon);
    expectClose(gramsCO2e.storage, storage.carbon);
  });

  it('for a curve with four points, on them and between them', () => {
    const { t4, a10g } = manifest('05-teads-curve-gpu');
    const curve = { utilisation: [0, 0.1, 0.5, 1], watts: [0.12, 0.32, 0.75, 1.02] };

    for (const theirs of [...t4, ...a10g]) {
      const power = wattsAt(curve, theirs['gpu/utilization'] / 100) * theirs.tdp;
      expectClose(power, theirs.watts);
      expectClose(energyOf(watts(power), milliseconds(theirs.duration * 1000)) / 1000, theirs['energy-it']);
    }
  });

  it('for the embodied emissions of a whole standard server over an hour', () => {
    const [theirs] = manifest('06-sci-embodied-default').a;

    expectClose(embodiedGrams(1000, milliseconds(theirs.duration * 1000), 4), theirs['embodied-carbon']);
  });
});

interface CcfVector {
  readonly estimator: string;
  readonly inputs: Readonly<Record<string, number>>;
  readonly expected: { readonly kwh: number; readonly g: number };
}

describe('Cloud Carbon Footprint computes what the ledger computes', () => {
  const vectors: readonly CcfVector[] = external.ccf_core.vectors;
  const ireland = selectFactors({ region: 'eu-west-1' });
  const of = (estimator: string): readonly CcfVector[] => vectors.filter((vector) => vector.estimator === estimator);

  it.each(of('ComputeEstimator'))(
    'for $inputs.memoryMb MB of a Lambda over $inputs.seconds s',
    ({ inputs, expected }) => {
      const handlerMs = inputs.seconds! * 1000;
      const curve = { utilisation: [0, 1], watts: [inputs.minWatts!, inputs.maxWatts!] };
      const site = atSite(ireland, inputs.powerUsageEffectiveness!, inputs.gridG!);
      const factors: Factors = {
        ...site,
        power: {
          ...site.power,
          mbPerVcpu: 1792,
          wattsPerVcpu: { ...site.power.wattsPerVcpu, arm64: { low: curve, central: curve, high: curve } },
        },
      };
      const facts = lambda({ memoryMb: inputs.memoryMb!, handlerMs, cpuMs: null });

      const { carbon, energy } = writeReceipt(input({ function: facts, factors }));

      expectClose(energy.wattHours.central / 1000, expected.kwh);
      expectClose(carbon.operationalGramsCO2e.central, expected.g);
    },
  );

  it('for the network and for S3', () => {
    const [network] = of('NetworkingEstimator(0.001)');
    const [storage] = of('StorageEstimator(0.65)');
    const usage = used({
      'network.other-region-out': bytesOfGb(network!.inputs.gigabytes!),
      's3.stored': bytesOfTb(storage!.inputs.terabyteHours!),
    });

    const { carbon, energy } = writeReceipt(input({ usage, factors: atSite(ireland, 1.135, 311) }));

    expectClose(energy.lines[1]!.wattHours.central / 1000, network!.expected.kwh);
    expectClose(energy.lines[2]!.wattHours.central / 1000, storage!.expected.kwh);
    expectClose(carbon.lines[1]!.gramsCO2e.central, network!.expected.g);
    expectClose(carbon.lines[2]!.gramsCO2e.central, storage!.expected.g);
  });

  it('for the embodied emissions of 4 of 96 vCPU', () => {
    const { inputs, expected } = of('EmbodiedEmissionsEstimator(35040)')[0]!;
    const kilograms = (inputs.scopeThreeEmissionsKg! * inputs.instancevCpu!) / inputs.largestInstancevCpu!;

    expectClose(embodiedGrams(kilograms, milliseconds(inputs.usageTimePeriodHours! * 3_600_000), 4), expected.g);
  });
});

describe('Remotion prices a Lambda as the ledger does', () => {
  interface RemotionVector {
    readonly region: string;
    readonly memorySizeInMb: number;
    readonly durationInMilliseconds: number;
    readonly diskSizeInMb: number;
    readonly usd: number;
  }
  const vectors: readonly RemotionVector[] = external.remotion_estimatePrice.vectors;

  it.each(vectors)('in $region, to the five decimals that it prints', (theirs) => {
    const facts = lambda({
      memoryMb: theirs.memorySizeInMb,
      handlerMs: theirs.durationInMilliseconds,
      ephemeralMb: theirs.diskSizeInMb,
    });

    const { cost } = writeReceipt(input({ function: facts, factors: selectFactors({ region: theirs.region }) }));

    expect(Number(cost.total.toFixed(5))).toBe(theirs.usd);
  });
});
