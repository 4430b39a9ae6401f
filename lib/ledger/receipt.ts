import { TamisError } from '../errors.ts';
import { memoryTime, milliseconds, toSeconds } from '../units.ts';
import { mapBand } from './band.ts';
import { writeCarbon } from './carbon.ts';
import { drawEndpoint } from './endpoint-draw.ts';
import { writeEnergy } from './energy.ts';
import type { Factors } from './factors.ts';
import { drawFunction } from './function-draw.ts';
import { orderUsage } from './meter.ts';
import { writeCost } from './price.ts';
import { drawTraffic, listOmitted, listOmittedEmbodied } from './traffic-draw.ts';
import type { Currency, EndpointFacts, FunctionFacts, PerThousandRows, Receipt, UsageLine } from './types.ts';
import type { Resource } from './usage.ts';

export interface ReceiptInput {
  /** What the meter read. */
  readonly usage: readonly UsageLine[];
  /** What follows the receipt and belongs to it: writing the summary itself, the log line. */
  readonly planned?: readonly { readonly resource: Resource; readonly quantity: number }[];
  readonly function: FunctionFacts;
  readonly endpoint: EndpointFacts;
  readonly classifiedCount: number;
  readonly factors: Factors;
  readonly currency: Currency;
}

/** /tmp that every function has without charge (https://aws.amazon.com/lambda/pricing/, read 2026-11-23). */
const freeEphemeralMb = 512;

/** What the function itself is billed for: one request an invocation, and its memory and /tmp for the time rounded up to 1 ms, start-up included. */
export function functionUsage(facts: FunctionFacts): readonly (readonly [Resource, number])[] {
  if (facts.where === 'local') return [['local.elapsed', toSeconds(milliseconds(facts.elapsedMs))]];
  const billed = milliseconds(Math.ceil(facts.initMs + facts.handlerMs));
  return [
    ['lambda.requests', facts.sharesInvocation === true ? 0 : 1],
    ['lambda.compute', memoryTime(facts.memoryMb, billed)],
    ['lambda.ephemeral-storage', memoryTime(Math.max(0, facts.ephemeralMb - freeEphemeralMb), billed)],
  ];
}

/**
 * The whole receipt of one run. Pure: the same input gives the same receipt, so that it can also be asked for in the middle of a
 * run ("cost so far"). Throws `internal.bug` for quantities that are negative or no numbers.
 */
export function writeReceipt(input: ReceiptInput): Receipt {
  const { function: facts, endpoint, classifiedCount, factors, currency } = input;
  if (!Number.isSafeInteger(classifiedCount) || classifiedCount < 0) throw new TamisError('internal.bug', {});
  const usage = orderUsage([
    ...functionUsage(facts),
    ...[...input.usage, ...(input.planned ?? [])].map(({ resource, quantity }) => [resource, quantity] as const),
  ]);

  const simulated = facts.where === 'lambda' && facts.simulated;
  const cost = writeCost({
    usage,
    arch: facts.where === 'lambda' ? facts.arch : null,
    listBasis: simulated ? 'assumed' : 'measured',
    endpoint,
    factors,
    currency,
  });

  const parts = [
    drawFunction(facts, usage, factors),
    drawEndpoint(endpoint, usage, factors),
    drawTraffic(usage, factors),
  ];
  const all = { draws: parts.flatMap(({ draws }) => draws), unknown: parts.flatMap(({ unknown }) => unknown) };
  const omitted = listOmitted(usage);
  const energy = writeEnergy(all, omitted);
  const carbon = writeCarbon(all, [...omitted, ...listOmittedEmbodied(usage)], factors);

  const perThousand = (total: number): number => (total / classifiedCount) * 1_000;
  const perThousandRows: PerThousandRows = {
    cost: cost.complete && classifiedCount > 0 ? perThousand(cost.total) : null,
    wattHours: energy.complete && classifiedCount > 0 ? mapBand(energy.wattHours, perThousand) : null,
    gramsCO2e: carbon.complete && classifiedCount > 0 ? mapBand(carbon.gramsCO2e, perThousand) : null,
  };

  const listDates = cost.lines.filter(({ basis }) => basis !== 'stated').map(({ validFrom }) => validFrom);
  return {
    usage,
    cost,
    energy,
    carbon,
    perThousandRows,
    factors: { version: factors.version, prices: listDates.sort()[0] ?? factors.pricesDate, grid: factors.gridYear },
  };
}
