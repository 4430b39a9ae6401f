import { charge, isUnknown } from './charge.ts';
import { priceEndpoint } from './endpoint-price.ts';
import type { Factors } from './factors.ts';
import type {
  Architecture,
  Basis,
  CostLine,
  CostReceipt,
  Currency,
  EndpointFacts,
  UnknownCost,
  UsageLine,
} from './types.ts';
import { resources } from './usage.ts';

export interface PriceInput {
  readonly usage: readonly UsageLine[];
  /** Null on a local machine. */
  readonly arch: Architecture | null;
  /** Of the amounts that come from price lists: `assumed` when the function is simulated. */
  readonly listBasis: Basis;
  readonly endpoint: EndpointFacts;
  readonly factors: Factors;
  readonly currency: Currency;
}

function chargeFromList(usage: UsageLine, { arch, listBasis, factors, currency }: PriceInput): CostLine | UnknownCost {
  const { resource } = usage;
  const price =
    resource === 'lambda.compute' ? arch && (factors.computePrices[arch] ?? null) : factors.prices[resource];
  return charge(usage, price ?? undefined, listBasis, currency, `no list price known for Region ${factors.region}`);
}

/** Outside any cloud nobody meters traffic; the other listed resources exist in a cloud only. */
const isBilled = ({ resource }: UsageLine, { arch }: PriceInput): boolean =>
  resources[resource].billing === 'list' && !(arch === null && resource.startsWith('network.'));

/** Prices everything that is billed. What has no price is under `unknown`, and the total is then a lower bound. */
export function writeCost(input: PriceInput): CostReceipt {
  const { usage, endpoint, factors, currency } = input;
  const fromList = usage.filter((line) => isBilled(line, input)).map((line) => chargeFromList(line, input));
  const { charges, idleAmount } = priceEndpoint({ usage, endpoint, factors, currency });
  const all = [...fromList, ...charges];
  const lines = all.filter((line): line is CostLine => !isUnknown(line));
  const unknown = all.filter(isUnknown);
  const total = lines.reduce((sum, { amount }) => sum + amount, 0);
  return {
    currency: currency.currency,
    total,
    totalWithIdle: idleAmount === null ? null : total + idleAmount,
    complete: unknown.length === 0,
    lines,
    unknown,
  };
}
