/** What a receipt is computed with: the rows of our tables that one Region and its endpoints need. Plain JSON, about 3 KB. */
import type { Architecture, Band } from './types.ts';
import type { Resource } from './usage.ts';

/** A list price for one unit of a resource of the registry. */
export interface UnitPrice {
  /** Per unit of the registry. */
  readonly price: number;
  readonly currency: string;
  readonly source: string;
  /** YYYY-MM-DD. */
  readonly validFrom: string;
}

/** Watts by utilisation in [0, 1], straight lines in between. The first point is at 0, the last at 1. */
export interface Curve {
  readonly utilisation: readonly number[];
  readonly watts: readonly number[];
}

export interface CurveBand {
  readonly low: Curve;
  readonly central: Curve;
  readonly high: Curve;
}

/** Coefficients that hold in every Region (`data/power.json` has the sources). */
export interface PowerFactors {
  /** Memory that comes with one vCPU of a Lambda. */
  readonly mbPerVcpu: number;
  /** Less CPU time than this is not trusted as a measurement. */
  readonly minimumCpuMs: number;
  /** Utilisation in [0, 1] where it cannot be measured. */
  readonly assumedUtilisation: Band;
  /** Of one vCPU, before PUE. */
  readonly wattsPerVcpu: Readonly<Record<Architecture, CurveBand>>;
  readonly embodiedKgPerVcpu: Readonly<Record<Architecture, Band>>;
  readonly lifetimeYears: Band;
  readonly networkWattHoursPerGb: number;
  readonly storageWattHoursPerTbHour: number;
  readonly storageCopyCount: number;
}

/** Where a Region is. */
export interface SiteFactors {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly pue: Band;
}

export interface InstanceFactors {
  /** Of the whole instance, before PUE. */
  readonly watts: Curve;
  /** Of the instance's share of its platform. */
  readonly embodiedKgCO2e: number;
  /** Per busy second; absent where no price is known. */
  readonly price?: UnitPrice;
}

export interface Factors {
  readonly version: string;
  /** Null on a machine outside any cloud. */
  readonly region: string | null;
  /** Publication date of the oldest price in `prices`, YYYY-MM-DD; of all Regions when there is none. */
  readonly pricesDate: string;
  /** Absent: no price is known. */
  readonly prices: Readonly<Partial<Record<Exclude<Resource, 'lambda.compute'>, UnitPrice>>>;
  readonly computePrices: Readonly<Partial<Record<Architecture, UnitPrice>>>;
  readonly power: PowerFactors;
  /** Null when nothing is known of the Region. */
  readonly site: SiteFactors | null;
  readonly gridYear: number;
  /** Grams of CO2e per kWh by country, location-based. */
  readonly grid: Readonly<Record<string, Band>>;
  readonly instances: Readonly<Record<string, InstanceFactors>>;
}
