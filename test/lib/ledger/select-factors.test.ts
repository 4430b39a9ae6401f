import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { writeReceipt } from '../../../lib/ledger/receipt.ts';
import { selectFactors } from '../../../lib/ledger/select-factors.ts';
import type { Architecture } from '../../../lib/ledger/types.ts';
import { resources } from '../../../lib/ledger/usage.ts';
import { input, lambda } from './inputs.ts';

const folder = new URL('../../../lib/ledger/data/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

const date = z.iso.date().refine((value) => value >= '2020-01-01', 'a date of this decade');
const country = z.string().regex(/^[A-Z]{2}$/);
const positive = z.number().positive();
const band = z
  .strictObject({ low: positive, central: positive, high: positive })
  .refine(({ low, central, high }) => low <= central && central <= high, 'low, central and high in order');
const address = z.string().startsWith('https://');
const curve = z
  .strictObject({ utilisation: z.array(z.number()), watts: z.array(positive) })
  .refine(
    ({ utilisation, watts }) =>
      utilisation.length === watts.length &&
      utilisation[0] === 0 &&
      utilisation.at(-1) === 1 &&
      utilisation.every((point, index) => index === 0 || point > utilisation[index - 1]!) &&
      watts.every((power, index) => index === 0 || power >= watts[index - 1]!),
    'a rising curve from 0 to 1',
  );
const curveBand = z.strictObject({ low: curve, central: curve, high: curve });

const listed = Object.entries(resources).flatMap(([name, { billing }]) => (billing === 'list' ? [name] : []));
const priceKey = {
  resource: z.enum([...listed, 'endpoint.busy']),
  region: z.string().regex(/^eu(sc)?-[a-z]+(-[a-z]+)?-\d$/),
  arch: z.enum(['x86_64', 'arm64']).optional(),
  instanceType: z.string().startsWith('ml.').optional(),
  per: z.enum(['request', 'event', 'GB-second', 'GB', 'GB-month', 'hour']),
  currency: z.enum(['USD', 'EUR']),
  dateChecked: date,
};
const priceRecord = z.union([
  z.strictObject({ ...priceKey, price: positive, source: z.string(), validFrom: date }),
  z.strictObject({ ...priceKey, price: z.null(), reason: z.string().min(10) }),
]);
const prices = z.strictObject({
  version: date,
  about: z.string(),
  sources: z.record(z.string(), z.strictObject({ address, via: address.nullable(), note: z.string() })),
  records: z.array(priceRecord).min(100),
});

const gridHead = { about: z.string(), attribution: z.string(), address, licence: z.string(), dateChecked: date };
const gridBounds = z.strictObject({
  ...gridHead,
  records: z.array(z.strictObject({ country, year: z.number().int(), gramsPerKwh: positive })).min(5),
});

const schemas: Readonly<Record<string, z.ZodType>> = {
  'prices.json': prices,
  'grid-ember.json': z.strictObject({
    ...gridHead,
    licence: z.literal('CC-BY-SA-4.0'),
    year: z.number().int(),
    gramsPerKwh: z.record(country, positive),
  }),
  'grid-electricity-maps.json': gridBounds.extend({ licence: z.literal('ODbL-1.0') }),
  'grid-google.json': gridBounds.extend({ licence: z.literal('Apache-2.0') }),
  'sites.json': z.strictObject({
    about: z.string(),
    sources: z.record(z.string(), z.strictObject({ address, dateChecked: date })),
    records: z
      .array(z.strictObject({ region: z.string(), country, pue: band, from: z.string(), year: z.number().int() }))
      .min(9),
  }),
  'power.json': z.strictObject({
    about: z.string(),
    sources: z.record(
      z.string(),
      z.strictObject({ address, licence: z.string().nullable(), dateChecked: date, gives: z.string() }),
    ),
    mbPerVcpu: positive,
    minimumCpuMs: positive,
    assumedUtilisation: band,
    wattsPerVcpu: z.strictObject({ x86_64: curveBand, arm64: curveBand }),
    embodiedKgPerVcpu: z.strictObject({ x86_64: band, arm64: band }),
    // A longer life lowers the embodied share, so the low bound has the longest.
    lifetimeYears: z.strictObject({ low: z.literal(6), central: z.literal(4), high: z.literal(4) }),
    networkWattHoursPerGb: positive,
    storageWattHoursPerTbHour: positive,
    storageCopyCount: positive,
  }),
  'instances.json': z.strictObject({
    about: z.string(),
    sources: z.record(z.string(), address),
    dateChecked: date,
    utilisation: z.array(z.number()),
    records: z
      .array(
        z.strictObject({
          instanceType: z.string().startsWith('ml.'),
          vcpuCount: z.number().int().positive(),
          watts: z.array(positive).length(4),
          platformKgCO2e: positive,
          platformVcpuCount: z.number().int().positive(),
        }),
      )
      .min(5),
  }),
};

describe('the tables', () => {
  it('each have a schema', () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(schemas).sort());
  });

  it.each(Object.keys(schemas))('hold only well-formed records with source and date: %s', (name) => {
    expect(schemas[name]!.safeParse(read(name)).error?.issues ?? []).toEqual([]);
  });

  const table = prices.parse(read('prices.json'));

  it('give every price a source that is described', () => {
    const named = new Set(table.records.flatMap((record) => ('source' in record ? [record.source] : [])));

    expect(named.size).toBeGreaterThan(3);
    expect([...named].filter((name) => table.sources[name] === undefined)).toEqual([]);
    expect(Object.keys(table.sources).filter((name) => !named.has(name))).toEqual([]);
  });

  it('say of every listed resource in every Region either a price or that none was found', () => {
    const regions = [...new Set(table.records.map(({ region }) => region))];

    expect(regions.length).toBeGreaterThanOrEqual(9);
    for (const region of regions) {
      const here = table.records.filter((record) => record.region === region);
      expect(listed.filter((name) => !here.some(({ resource }) => resource === name))).toEqual([]);
      expect(here.filter(({ resource }) => resource === 'lambda.compute').map(({ arch }) => arch)).toEqual([
        'x86_64',
        'arm64',
      ]);
    }
  });

  it('price a listed resource in a unit that its own unit is known from', () => {
    const units: Readonly<Record<string, string>> = { GB: 'byte', 'GB-month': 'byte-hour', hour: 'second' };

    for (const { resource, per } of table.records) {
      expect([resource, units[per] ?? per]).toEqual([resource, resources[resource as keyof typeof resources].unit]);
    }
  });
});

describe('selectFactors', () => {
  it('has only what the Region needs, as plain JSON of a few kilobytes', () => {
    const factors = selectFactors({ region: 'eu-west-3', countries: ['DE'], instanceTypes: ['ml.m5.xlarge'] });

    expect(Object.keys(factors.grid)).toEqual(['FR', 'DE']);
    expect(JSON.parse(JSON.stringify(factors))).toEqual(factors);
    expect(JSON.stringify(factors).length).toBeLessThan(5_000);
  });

  it('gives a receipt that survives being embedded as JSON', () => {
    const factors = selectFactors({ region: 'eu-west-3' });

    expect(writeReceipt(input({ factors: JSON.parse(JSON.stringify(factors)) }))).toEqual(
      writeReceipt(input({ factors })),
    );
  });

  it('has no price for what was searched and not found', () => {
    expect(selectFactors({ region: 'eu-west-3' }).prices['events.published']).toBeUndefined();
    expect(selectFactors({ region: 'eu-south-2' }).prices['network.internet-out']).toBeUndefined();
    expect(selectFactors({ region: 'eusc-de-east-1' })).toMatchObject({
      prices: {},
      computePrices: {},
      site: { country: 'DE' },
    });
  });

  it('knows nothing of an unknown Region, country or instance, and invents nothing', () => {
    const factors = selectFactors({ region: 'mars-north-1', countries: ['ZZ'], instanceTypes: ['ml.gold'] });

    expect(factors).toMatchObject({ prices: {}, computePrices: {}, site: null, grid: {}, instances: {} });
    expect(factors.pricesDate).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it('prices an instance only in the Region whose price is known', () => {
    const of = (region: string) => selectFactors({ region, instanceTypes: ['ml.m5.xlarge'] }).instances['ml.m5.xlarge'];

    expect((of('eu-west-1')?.price?.price ?? 0) * 3600).toBeCloseTo(0.257, 12);
    expect(of('eu-west-3')?.price).toBeUndefined();
    expect(of('eu-west-3')?.watts.watts).toEqual([8.8, 14, 28.2, 39.9]);
  });

  // Section 1.4 of the method: Wh at the meter / g operational / g embodied of one vCPU-hour at 50 % CPU, three digits.
  const table14: readonly (readonly [string, ...string[]])[] = [
    ['eu-west-1', '1.19 / 0.334 / 0.262', '1.2 / 0.337 / 0.594', '4.25 / 1.5 / 1.63', '2.35 / 0.658 / 0.479'],
    ['eu-west-3', '1.13 / 0.0184 / 0.262', '1.25 / 0.0551 / 0.594', '5.17 / 0.229 / 1.63', '2.44 / 0.108 / 0.479'],
    ['eu-central-1', '1.43 / 0.395 / 0.262', '1.46 / 0.5 / 0.594', '5.17 / 1.77 / 1.63', '2.86 / 0.979 / 0.479'],
    ['eu-north-1', '1.19 / 0.00325 / 0.262', '1.19 / 0.0428 / 0.594', '4.29 / 0.154 / 1.63', '2.33 / 0.0837 / 0.479'],
    ['eu-south-1', '1.13 / 0.227 / 0.262', '1.25 / 0.359 / 0.594', '5.17 / 1.49 / 1.63', '2.44 / 0.702 / 0.479'],
    ['eu-south-2', '1.18 / 0.105 / 0.262', '1.18 / 0.173 / 0.594', '4.25 / 0.622 / 1.63', '2.31 / 0.338 / 0.479'],
    ['eusc-de-east-1', '1.13 / 0.311 / 0.262', '1.25 / 0.426 / 0.594', '5.17 / 1.77 / 1.63', '2.44 / 0.834 / 0.479'],
    ['eu-west-2', '1.13 / 0.119 / 0.262', '1.25 / 0.269 / 0.594', '5.17 / 1.12 / 1.63', '2.44 / 0.526 / 0.479'],
    ['eu-central-2', '1.13 / 0.017 / 0.262', '1.25 / 0.0458 / 0.594', '5.17 / 0.259 / 1.63', '2.44 / 0.0895 / 0.479'],
  ];

  it.each(table14)('gives a vCPU-hour in %s the footprint of the method', (region, low, central, high, x86) => {
    const of = (arch: Architecture, bound: 'low' | 'central' | 'high'): string => {
      const facts = lambda({ arch, memoryMb: 1769, handlerMs: 3_600_000, cpuMs: 1_800_000 });
      const { energy, carbon } = writeReceipt(input({ function: facts, factors: selectFactors({ region }) }));
      return [energy.wattHours, carbon.operationalGramsCO2e, carbon.embodiedGramsCO2e]
        .map((part) => Number(part[bound].toPrecision(3)))
        .join(' / ');
    };

    expect([of('arm64', 'low'), of('arm64', 'central'), of('arm64', 'high'), of('x86_64', 'central')]).toEqual([
      low,
      central,
      high,
      x86,
    ]);
  });
});

describe('the worked examples of the method', () => {
  // Section 3.1: Region, architecture, MB, start-up + wall ms, /tmp MB, total in USD.
  it.each([
    ['eu-west-1', 'arm64', 1024, 0, 1233.4, 512, 1.66534156e-5],
    ['eu-south-1', 'x86_64', 1769, 0, 812, 512, 2.760798102e-5],
    ['eu-west-1', 'x86_64', 3008, 0, 60000, 2048, 0.002940765875],
    ['eu-central-2', 'arm64', 512, 412.3, 99.1, 512, 3.9746752e-6],
    ['eu-central-1', 'arm64', 128, 0, 1, 512, 2.01666675e-7],
    ['eu-north-1', 'arm64', 2048, 0, 900000, 512, 0.02400032],
  ] as const)('cost in %s on %s with %i MB', (region, arch, memoryMb, initMs, handlerMs, ephemeralMb, total) => {
    const facts = lambda({ arch, memoryMb, initMs, handlerMs, ephemeralMb });
    const { cost } = writeReceipt(input({ function: facts, factors: selectFactors({ region }) }));

    expect(Number(cost.total.toPrecision(10))).toBe(Number(total.toPrecision(10)));
  });

  // Section 3.2: energy in mWh, operational and embodied in mg, low / central / high, four digits.
  it.each([
    ['eu-west-1', 'arm64', 1024, 4250, 1600, [0.9523, 0.961, 3.231], [0.2664, 0.2689, 1.137], [0.1788, 0.4062, 1.115]],
    ['eu-central-1', 'x86_64', 1769, 12000, 6000, [4.768, 9.54, 31.77], [1.315, 3.263, 10.87], [0.761, 1.596, 3.627]],
    ['eu-north-1', 'arm64', 2048, 60000, null, [12.65, 23, 113.6], [0.03454, 0.8254, 4.077], [5.048, 11.47, 31.49]],
    [
      'eu-west-3',
      'arm64',
      512,
      800,
      180,
      [0.0951, 0.1052, 0.4013],
      [0.00155, 0.004646, 0.01773],
      [0.01683, 0.03823, 0.105],
    ],
    ['eu-south-1', 'arm64', 1769, 30000, 45000, [14.67, 16.22, 59.13], [2.959, 4.669, 17.02], [2.18, 4.954, 13.6]],
    [
      'eu-west-1',
      'arm64',
      1024,
      40,
      12,
      [0.004218, 0.007736, 0.03753],
      [0.00118, 0.002165, 0.01321],
      [0.001683, 0.003823, 0.0105],
    ],
  ] as const)('footprint in %s on %s with %i MB over %i ms', (region, arch, memoryMb, handlerMs, cpuMs, ...theirs) => {
    const facts = lambda({ arch, memoryMb, handlerMs, cpuMs });
    const { energy, carbon } = writeReceipt(input({ function: facts, factors: selectFactors({ region }) }));

    const ours = [energy.wattHours, carbon.operationalGramsCO2e, carbon.embodiedGramsCO2e].map(
      ({ low, central, high }) => [low, central, high].map((value) => Number((value * 1000).toPrecision(4))),
    );
    expect(ours).toEqual(theirs);
  });
});
