/** What the ledger takes and what it gives: usage, cost, energy and carbon of one run, as the summary prints them. */
import type { Resource, ResourceUnit } from './usage.ts';

/** Correlated bounds, not a confidence interval: all low values are added up, all central ones, all high ones. */
export interface Band {
  readonly low: number;
  readonly central: number;
  readonly high: number;
}

/** The part of the run that consumed: the function (or the local machine), the model's service, traffic, stored bytes. */
export type Component = 'function' | 'endpoint' | 'network' | 'storage';

/**
 * How a line came about. `measured`: metered here and multiplied with published factors. `stated`: the route states the price or
 * the footprint. `assumed`: a decisive input is an assumption of the method (CPU use not measurable, a simulated function).
 */
export type Basis = 'measured' | 'stated' | 'assumed';

/** One metered quantity, in the unit of the registry (`usage.ts`). */
export interface UsageLine {
  readonly resource: Resource;
  readonly quantity: number;
  readonly unit: ResourceUnit;
}

/** `amount` = `quantity` × `unitPrice`, in the receipt's currency, never rounded. */
export interface CostLine extends UsageLine {
  readonly unitPrice: number;
  readonly amount: number;
  readonly basis: Basis;
  /** Address of the price list, or what the route states; with the exchange rate when one was applied. */
  readonly source: string;
  /** Publication date of the price, YYYY-MM-DD. */
  readonly validFrom: string;
}

/** Something that was used and whose price is not known. */
export interface UnknownCost extends UsageLine {
  readonly reason: string;
}

/** Something that was used and whose energy or carbon is not known. */
export interface UnknownFootprint extends UnknownCost {
  readonly component: Component;
}

export interface CostReceipt {
  /** ISO 4217. */
  readonly currency: string;
  /** Sum of the lines; with an unknown part it is a lower bound. For an endpoint paid by the hour: the busy share only. */
  readonly total: number;
  /** `total` with the endpoint's idle time; null when that share is not known. */
  readonly totalWithIdle: number | null;
  /** False when anything is under `unknown`. */
  readonly complete: boolean;
  readonly lines: readonly CostLine[];
  readonly unknown: readonly UnknownCost[];
}

export interface EnergyLine {
  readonly component: Component;
  /** At the meter of the site, so with `pue`. */
  readonly wattHours: Band;
  /** Central value; low and high use the bounds of the factors. */
  readonly pue: number;
  readonly basis: Basis;
}

export interface EnergyReceipt {
  readonly complete: boolean;
  readonly wattHours: Band;
  readonly lines: readonly EnergyLine[];
  readonly unknown: readonly UnknownFootprint[];
  /** Used, but outside the method's boundary: nobody publishes a coefficient. Disclosed, and no part of `complete`. */
  readonly omitted: readonly UnknownFootprint[];
}

export interface CarbonLine {
  readonly component: Component;
  /** Operational and embodied together. */
  readonly gramsCO2e: Band;
  readonly operationalGramsCO2e: Band;
  /** Null where no figure is known (then under `unknown`) or published by anybody (then under `omitted`). */
  readonly embodiedGramsCO2e: Band | null;
  readonly basis: Basis;
  /** Central value; low and high use the bounds of the factors. */
  readonly gridGramsPerKwh: number;
  /** ISO 3166-1 alpha-2. */
  readonly gridArea: string;
  readonly gridYear: number;
}

export interface CarbonReceipt {
  readonly complete: boolean;
  readonly gramsCO2e: Band;
  readonly operationalGramsCO2e: Band;
  readonly embodiedGramsCO2e: Band;
  readonly lines: readonly CarbonLine[];
  readonly method: 'location-based';
  readonly unknown: readonly UnknownFootprint[];
  readonly omitted: readonly UnknownFootprint[];
}

/** Per 1,000 classified rows; null when that total is not complete, or no row was classified. */
export interface PerThousandRows {
  readonly cost: number | null;
  readonly wattHours: Band | null;
  readonly gramsCO2e: Band | null;
}

/** The parts of the summary that the ledger writes, with the field names of the public contract. */
export interface Receipt {
  readonly usage: readonly UsageLine[];
  readonly cost: CostReceipt;
  readonly energy: EnergyReceipt;
  readonly carbon: CarbonReceipt;
  readonly perThousandRows: PerThousandRows;
  readonly factors: {
    /** Of our own tables. */
    readonly version: string;
    /** Date of the oldest list price in the receipt, YYYY-MM-DD. */
    readonly prices: string;
    /** Year of the grid intensities. */
    readonly grid: number;
  };
}

export type Architecture = 'x86_64' | 'arm64';

/** Where the program itself ran. */
export type FunctionFacts = LambdaFacts | LocalFacts;

export interface LambdaFacts {
  readonly where: 'lambda';
  /** True in the offline stack: the numbers are what a Lambda would cost, and every line of it is `assumed`. */
  readonly simulated: boolean;
  readonly arch: Architecture;
  /** Configured memory, 128-10,240. */
  readonly memoryMb: number;
  /** Configured /tmp, 512-10,240. */
  readonly ephemeralMb: number;
  /** Wall time of the handler, taken as late as possible, with an allowance for what follows. */
  readonly handlerMs: number;
  /** Wall time from the start of the process to the end of loading, on a cold start, else 0. Idle time after it is not in it. */
  readonly initMs: number;
  /** CPU time, user and system, over `initMs` + `handlerMs`; null when it was not measured. */
  readonly cpuMs: number | null;
  /** True for a further object of the same event: the invocation is one request, and on the first object's receipt. */
  readonly sharesInvocation?: boolean;
}

/** The command line on somebody's machine: nobody bills it, and its power is not known. */
export interface LocalFacts {
  readonly where: 'local';
  readonly elapsedMs: number;
}

/** What the route states of its endpoint's price (the shape of `endpoint.price` in the configuration). */
export interface StatedPrice {
  readonly perHour?: number;
  readonly perThousandCalls?: number;
  readonly perMillionInputTokens?: number;
  readonly perMillionCachedInputTokens?: number;
  readonly perMillionOutputTokens?: number;
  readonly currency: string;
  /** Share of the paid time in which anybody uses the endpoint, in (0, 1]. */
  readonly utilisation?: number;
  readonly source: string;
  readonly validFrom: string;
}

/** What the route states of its endpoint's machine (the shape of `endpoint.footprint` in the configuration). */
export interface StatedFootprint {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly pue: number;
  readonly wattsIdle: number;
  readonly wattsMax: number;
  readonly vcpus?: number;
  readonly embodiedKgCO2e?: number;
  readonly lifetimeYears?: number;
  readonly source: string;
}

export interface EndpointFacts {
  /** `onnx` and `stub` run inside the function and have no cost and no energy of their own. */
  readonly kind: string;
  readonly price?: StatedPrice;
  readonly footprint?: StatedFootprint;
  /** Of an always-on AWS instance in the function's Region, when it is known (`ml.m5.xlarge`). */
  readonly instanceType?: string;
  /** Share of the paid time in which anybody uses that instance, in (0, 1]; a stated price brings its own. */
  readonly utilisation?: number;
}

export interface Exchange {
  readonly from: string;
  /** Units of the receipt's currency for one unit of `from`. */
  readonly rate: number;
  readonly date: string;
  readonly source: string;
}

export interface Currency {
  /** ISO 4217: the currency of the receipt. */
  readonly currency: string;
  readonly exchange?: Exchange;
}
