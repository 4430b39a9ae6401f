import { secondsPerHour } from '../units.ts';
import { charge, isUnknown } from './charge.ts';
import type { Factors, UnitPrice } from './factors.ts';
import type { CostLine, Currency, EndpointFacts, StatedPrice, UnknownCost, UsageLine } from './types.ts';
import { type Resource, resources } from './usage.ts';

export interface EndpointPriceInput {
  readonly usage: readonly UsageLine[];
  readonly endpoint: EndpointFacts;
  readonly factors: Factors;
  readonly currency: Currency;
}

export interface EndpointPrice {
  readonly charges: readonly (CostLine | UnknownCost)[];
  /** What the paid time in which nobody uses the endpoint adds; 0 where idle time is free, null where it is not known. */
  readonly idleAmount: number | null;
}

/** Runs inside the function: no cost and no energy of its own. */
export const isEmbedded = ({ kind }: EndpointFacts): boolean => kind === 'onnx' || kind === 'stub';

/** Idle cost that the busy share carries, when the endpoint is used for `utilisation` (0, 1] of the paid time. */
export const idleAmountOf = (busyAmount: number, utilisation: number | undefined): number | null =>
  utilisation === undefined ? null : busyAmount / utilisation - busyAmount;

/** The stated prices by resource, each for one unit of the registry. */
function statedPrices(stated: StatedPrice): Partial<Record<Resource, UnitPrice>> {
  const per = (price: number | undefined, unitCount: number): UnitPrice | undefined =>
    price === undefined
      ? undefined
      : { price: price / unitCount, currency: stated.currency, source: stated.source, validFrom: stated.validFrom };
  const prices: Readonly<Partial<Record<Resource, UnitPrice | undefined>>> = {
    'endpoint.busy': per(stated.perHour, secondsPerHour),
    'endpoint.calls': per(stated.perThousandCalls, 1_000),
    'endpoint.input-tokens': per(stated.perMillionInputTokens, 1_000_000),
    'endpoint.cached-input-tokens': per(stated.perMillionCachedInputTokens, 1_000_000),
    'endpoint.output-tokens': per(stated.perMillionOutputTokens, 1_000_000),
  };
  return Object.fromEntries(Object.entries(prices).filter(([, price]) => price !== undefined));
}

const isTokens = (resource: string): boolean => resource.endsWith('-tokens');

/** What of the usage the endpoint bills: what has a price; all tokens, when any has; without any price, what could be billed. */
function billedUsage(used: readonly UsageLine[], prices: Partial<Record<Resource, UnitPrice>>): readonly UsageLine[] {
  const names = Object.keys(prices);
  if (names.length > 0) {
    const pricesTokens = names.some(isTokens);
    return used.filter(({ resource }) => prices[resource] || (pricesTokens && isTokens(resource)));
  }
  const billable = used.filter(({ resource }) => resource === 'endpoint.busy' || isTokens(resource));
  return billable.length > 0 ? billable : used;
}

/** A price per token is of no use when the service reports no tokens: the calls are then named as unpriced. */
function unreportedTokens(
  used: readonly UsageLine[],
  prices: Partial<Record<Resource, UnitPrice>>,
): readonly UnknownCost[] {
  if (!Object.keys(prices).some(isTokens) || used.some(({ resource }) => isTokens(resource))) return [];
  return used
    .filter(({ resource }) => resource === 'endpoint.calls')
    .map((line) => ({ ...line, reason: 'the stated price is per token, and the service reports no tokens' }));
}

/** The endpoint's part of the cost: what the route states; else the list price of a known instance; else unknown. */
export function priceEndpoint({ usage, endpoint, factors, currency }: EndpointPriceInput): EndpointPrice {
  const used = usage.filter(({ resource }) => resources[resource].billing === 'endpoint');
  if (isEmbedded(endpoint) || used.length === 0) return { charges: [], idleAmount: 0 };

  const instance = endpoint.instanceType === undefined ? undefined : factors.instances[endpoint.instanceType];
  const prices: Partial<Record<Resource, UnitPrice>> = endpoint.price
    ? statedPrices(endpoint.price)
    : instance?.price
      ? { 'endpoint.busy': instance.price }
      : {};
  const billed = billedUsage(used, prices);
  const basis = endpoint.price ? 'stated' : 'measured';
  const missing =
    Object.keys(prices).length === 0 ? 'the route states no price for its endpoint' : 'no price for it is stated';
  const charges = [
    ...billed.map((line) => charge(line, prices[line.resource], basis, currency, missing)),
    ...unreportedTokens(used, prices),
  ];

  const byTheHour = charges.find(({ resource }) => resource === 'endpoint.busy');
  if (charges.some(isUnknown)) return { charges, idleAmount: null };
  if (byTheHour === undefined || isUnknown(byTheHour)) return { charges, idleAmount: 0 };
  return { charges, idleAmount: idleAmountOf(byTheHour.amount, endpoint.price?.utilisation ?? endpoint.utilisation) };
}
