import type { UnitPrice } from './factors.ts';
import type { Basis, CostLine, Currency, UnknownCost, UsageLine } from './types.ts';

/** The unit price in the receipt's currency, or why there is none. */
type Quote = { readonly price: UnitPrice } | { readonly reason: string };

/** Converts with the one configured rate; another currency is not guessed. */
function convert(price: UnitPrice, { currency, exchange }: Currency): Quote {
  if (price.currency === currency) return { price };
  if (exchange?.from !== price.currency) {
    return { reason: `the price is in ${price.currency}; no exchange rate to ${currency} is configured` };
  }
  const rate = `1 ${exchange.from} = ${exchange.rate} ${currency}, ${exchange.source}, ${exchange.date}`;
  return { price: { ...price, price: price.price * exchange.rate, currency, source: `${price.source}; ${rate}` } };
}

/** A cost line at `price`, or an unknown with the reason; `missing` is the reason when there is no price at all. */
export function charge(
  usage: UsageLine,
  price: UnitPrice | undefined,
  basis: Basis,
  currency: Currency,
  missing: string,
): CostLine | UnknownCost {
  const quote = price ? convert(price, currency) : { reason: missing };
  if ('reason' in quote) return { ...usage, reason: quote.reason };
  const { price: unitPrice, source, validFrom } = quote.price;
  return { ...usage, unitPrice, amount: usage.quantity * unitPrice, basis, source, validFrom };
}

export const isUnknown = (line: CostLine | UnknownCost): line is UnknownCost => 'reason' in line;
