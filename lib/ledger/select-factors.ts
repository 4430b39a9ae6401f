import { bytesPerGigabyte, hoursPerMonth, secondsPerHour } from '../units.ts';
import electricityMaps from './data/grid-electricity-maps.json' with { type: 'json' };
import ember from './data/grid-ember.json' with { type: 'json' };
import google from './data/grid-google.json' with { type: 'json' };
import instanceTable from './data/instances.json' with { type: 'json' };
import powerTable from './data/power.json' with { type: 'json' };
import priceTable from './data/prices.json' with { type: 'json' };
import siteTable from './data/sites.json' with { type: 'json' };
import type { Factors, InstanceFactors, UnitPrice } from './factors.ts';
import type { Architecture, Band } from './types.ts';
import type { Resource } from './usage.ts';

/** What a run needs of the tables. Nothing here is read from a cell or a person: the configuration and the deployment know it. */
export interface FactorsQuery {
  /** AWS Region of the function (or of the bucket, for the command line); null on a machine outside any cloud. */
  readonly region: string | null;
  /** Countries of endpoints with a stated footprint, ISO 3166-1 alpha-2. */
  readonly countries?: readonly string[];
  /** Always-on instances in the Region (`ml.m5.xlarge`). */
  readonly instanceTypes?: readonly string[];
}

interface PriceRecord {
  readonly resource: string;
  readonly region: string;
  readonly arch?: string;
  readonly instanceType?: string;
  readonly price: number | null;
  readonly per: string;
  readonly currency: string;
  readonly source?: string;
  readonly validFrom?: string;
}

/** Units of the registry in one unit of a price list. */
const unitCount: Readonly<Record<string, number>> = {
  GB: bytesPerGigabyte,
  'GB-month': bytesPerGigabyte * hoursPerMonth,
  hour: secondsPerHour,
};

const sources: Readonly<Record<string, { readonly address: string }>> = priceTable.sources;
const priceRecords: readonly PriceRecord[] = priceTable.records;

/** Undefined for a record that says "searched and not found". */
function toUnitPrice({ price, per, currency, source = '', validFrom = '' }: PriceRecord): UnitPrice | undefined {
  if (price === null) return undefined;
  return { price: price / (unitCount[per] ?? 1), currency, source: sources[source]?.address ?? source, validFrom };
}

/** The latest record wins: a price is superseded by a newer one, never edited. */
function findPrice(matches: (record: PriceRecord) => boolean): UnitPrice | undefined {
  const [latest] = priceRecords.filter(matches).sort((a, b) => (b.validFrom ?? '').localeCompare(a.validFrom ?? ''));
  return latest && toUnitPrice(latest);
}

/** Central: Ember, one method and one year for all. The other two tables only widen the band. */
function findGrid(country: string): Band | undefined {
  const central = (ember.gramsPerKwh as Readonly<Record<string, number>>)[country];
  if (central === undefined) return undefined;
  const others = [...electricityMaps.records, ...google.records]
    .filter((record) => record.country === country)
    .map((record) => record.gramsPerKwh);
  return { low: Math.min(central, ...others), central, high: Math.max(central, ...others) };
}

function findInstance(region: string | null, instanceType: string): InstanceFactors | undefined {
  const instance = instanceTable.records.find((record) => record.instanceType === instanceType);
  if (instance === undefined) return undefined;
  const price = findPrice((record) => record.region === region && record.instanceType === instanceType);
  return {
    watts: { utilisation: instanceTable.utilisation, watts: instance.watts },
    embodiedKgCO2e: (instance.platformKgCO2e * instance.vcpuCount) / instance.platformVcpuCount,
    ...(price && { price }),
  };
}

/**
 * The rows that runs in one Region need. What is not in the tables is absent, and a receipt then names it as unknown.
 * The deployable package embeds the answer; the command line and the offline stack call this as they start.
 */
export function selectFactors({ region, countries = [], instanceTypes = [] }: FactorsQuery): Factors {
  const ofRegion = priceRecords.filter((record) => record.region === region && record.instanceType === undefined);
  const names = new Set(ofRegion.map(({ resource }) => resource).filter((name) => name !== 'lambda.compute'));
  const prices: Partial<Record<Resource, UnitPrice>> = {};
  for (const name of names) {
    const price = findPrice((record) => ofRegion.includes(record) && record.resource === name);
    if (price) prices[name as Resource] = price;
  }
  const computePrices: Partial<Record<Architecture, UnitPrice>> = {};
  for (const arch of ['x86_64', 'arm64'] as const) {
    const price = findPrice((record) => ofRegion.includes(record) && record.arch === arch);
    if (price) computePrices[arch] = price;
  }

  const site = siteTable.records.find((record) => record.region === region);
  const grid: Record<string, Band> = {};
  for (const country of new Set([...(site ? [site.country] : []), ...countries])) {
    const band = findGrid(country);
    if (band) grid[country] = band;
  }
  const instances: Record<string, InstanceFactors> = {};
  for (const instanceType of instanceTypes) {
    const instance = findInstance(region, instanceType);
    if (instance) instances[instanceType] = instance;
  }

  const dates = [...Object.values(prices), ...Object.values(computePrices)].map(({ validFrom }) => validFrom);
  const allDates = priceRecords.flatMap(({ instanceType, validFrom }) => (instanceType ? [] : (validFrom ?? [])));
  const { about: _about, sources: _sources, ...power } = powerTable;
  return {
    version: priceTable.version,
    region,
    pricesDate: (dates.length > 0 ? dates : allDates).sort()[0] ?? '',
    prices,
    computePrices,
    power,
    site: site ? { country: site.country, pue: site.pue } : null,
    gridYear: ember.year,
    grid,
    instances,
  };
}
