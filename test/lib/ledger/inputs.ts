import type { ReceiptInput } from '../../../lib/ledger/receipt.ts';
import { selectFactors } from '../../../lib/ledger/select-factors.ts';
import type { LambdaFacts, UsageLine } from '../../../lib/ledger/types.ts';
import { type Resource, resources } from '../../../lib/ledger/usage.ts';

export const lambda = (facts: Partial<LambdaFacts> = {}): LambdaFacts => ({
  where: 'lambda',
  simulated: false,
  arch: 'arm64',
  memoryMb: 1024,
  ephemeralMb: 512,
  handlerMs: 1000,
  initMs: 0,
  cpuMs: 600,
  ...facts,
});

export const used = (quantities: Partial<Record<Resource, number>>): readonly UsageLine[] =>
  (Object.entries(quantities) as [Resource, number][]).map(([resource, quantity]) => ({
    resource,
    quantity,
    unit: resources[resource].unit,
  }));

/** A run of 100 rows on an embedded model in Paris, paid in USD; a case changes what it is about. */
export const input = (changes: Partial<ReceiptInput> = {}): ReceiptInput => ({
  usage: [],
  function: lambda(),
  endpoint: { kind: 'onnx' },
  classifiedCount: 100,
  factors: selectFactors({ region: 'eu-west-3' }),
  currency: { currency: 'USD' },
  ...changes,
});
