import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasCode } from '../../../lib/errors.ts';
import { type ReceiptInput, writeReceipt } from '../../../lib/ledger/receipt.ts';
import { selectFactors } from '../../../lib/ledger/select-factors.ts';
import type { Receipt, StatedFootprint, StatedPrice } from '../../../lib/ledger/types.ts';
import { type Resource, resources } from '../../../lib/ledger/usage.ts';
import { expectClose } from './expect-close.ts';
import { input, lambda, used } from './inputs.ts';

const contract: Pick<StatedPrice, 'source' | 'validFrom' | 'currency'> = {
  currency: 'USD',
  source: 'contract 2026-03',
  validFrom: '2026-03-01',
};
const footprint: StatedFootprint = {
  country: 'FR',
  pue: 1.2,
  wattsIdle: 60,
  wattsMax: 180,
  vcpus: 16,
  embodiedKgCO2e: 1200,
  lifetimeYears: 5,
  source: 'data sheet',
};
const busy = used({ 'endpoint.calls': 10, 'endpoint.busy': 3600, 'endpoint.latency': 7200 });
const lineOf = (receipt: Receipt, name: string) => receipt.cost.lines.find(({ resource }) => resource === name);
const codeOf = (changes: Partial<ReceiptInput>): string => {
  try {
    writeReceipt(input(changes));
    return 'no error';
  } catch (error) {
    return hasCode(error, 'internal.bug') ? error.code : 'another error';
  }
};

describe('writeReceipt, cost', () => {
  it('is complete for an embedded model in Paris, which has no cost and no idle time of its own', () => {
    const receipt = writeReceipt(input({ usage: [...busy, ...used({ 's3.get': 1, 's3.put': 3 })] }));

    expect(receipt.cost.complete).toBe(true);
    expect(receipt.cost.unknown).toEqual([]);
    expect(receipt.cost.lines.map(({ resource }) => resource)).toEqual([
      'lambda.requests',
      'lambda.compute',
      's3.put',
      's3.get',
    ]);
    expect(receipt.cost.totalWithIdle).toBe(receipt.cost.total);
    expectClose(receipt.perThousandRows.cost, receipt.cost.total * 10);
  });

  it('names an unknown price with its quantity and makes the total a lower bound', () => {
    const known = writeReceipt(input());
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow' } }));

    expect(receipt.cost.complete).toBe(false);
    expect(receipt.cost.unknown).toEqual([
      {
        resource: 'endpoint.busy',
        quantity: 3600,
        unit: 'second',
        reason: 'the route states no price for its endpoint',
      },
    ]);
    expect(receipt.cost.total).toBe(known.cost.total);
    expect(receipt.cost.totalWithIdle).toBeNull();
    expect(receipt.perThousandRows.cost).toBeNull();
    expect(receipt.cost.lines.every(({ amount }) => amount > 0)).toBe(true);
  });

  it('names the calls when they took no measurable time', () => {
    const receipt = writeReceipt(input({ usage: used({ 'endpoint.calls': 2 }), endpoint: { kind: 'sagemaker' } }));

    expect(receipt.cost.unknown.map(({ resource, quantity }) => [resource, quantity])).toEqual([['endpoint.calls', 2]]);
  });

  it('is complete when an endpoint without a price was never called', () => {
    const receipt = writeReceipt(input({ endpoint: { kind: 'mlflow' } }));

    expect(receipt.cost.complete).toBe(true);
    expect(receipt.cost.totalWithIdle).toBe(receipt.cost.total);
  });

  it('charges the busy share of a stated hourly price, and the idle time from the stated utilisation', () => {
    const price = { ...contract, perHour: 0.48, utilisation: 0.3 };
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', price } }));

    const line = lineOf(receipt, 'endpoint.busy');
    expectClose(line?.amount, 0.48);
    expect(line).toMatchObject({ basis: 'stated', source: 'contract 2026-03', validFrom: '2026-03-01' });
    expectClose(receipt.cost.totalWithIdle, receipt.cost.total - 0.48 + 0.48 / 0.3);
    expect(receipt.cost.complete).toBe(true);
  });

  it('does not know the total with idle time when the utilisation is not stated', () => {
    const price = { ...contract, perHour: 0.48 };
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', price } }));

    expect(receipt.cost.complete).toBe(true);
    expect(receipt.cost.totalWithIdle).toBeNull();
  });

  it('charges calls by the thousand, which costs nothing while idle', () => {
    const price = { ...contract, perThousandCalls: 2 };
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', price } }));

    expectClose(lineOf(receipt, 'endpoint.calls')?.amount, 0.02);
    expect(receipt.cost.totalWithIdle).toBe(receipt.cost.total);
  });

  it('names the output tokens when only the input tokens have a price', () => {
    const usage = [...busy, ...used({ 'endpoint.input-tokens': 1_000_000, 'endpoint.output-tokens': 50 })];
    const price = { ...contract, perMillionInputTokens: 0.1 };
    const receipt = writeReceipt(input({ usage, endpoint: { kind: 'openai', price } }));

    expectClose(lineOf(receipt, 'endpoint.input-tokens')?.amount, 0.1);
    expect(receipt.cost.unknown).toEqual([
      { resource: 'endpoint.output-tokens', quantity: 50, unit: 'token', reason: 'no price for it is stated' },
    ]);
  });

  it('names the calls when the price is per token and the service reports none', () => {
    const price = { ...contract, perMillionInputTokens: 0.1 };
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'openai', price } }));

    expect(receipt.cost.complete).toBe(false);
    expect(receipt.cost.unknown.map(({ resource, quantity }) => [resource, quantity])).toEqual([
      ['endpoint.calls', 10],
    ]);
    expect(receipt.cost.totalWithIdle).toBeNull();
  });

  it('knows no price in the sovereign Region, and says so for every resource used', () => {
    const factors = selectFactors({ region: 'eusc-de-east-1' });
    const receipt = writeReceipt(input({ factors, usage: used({ 's3.put': 3 }) }));

    expect(receipt.cost.lines).toEqual([]);
    expect(receipt.cost.unknown.map(({ resource }) => resource)).toEqual([
      'lambda.requests',
      'lambda.compute',
      's3.put',
    ]);
    expect(receipt.cost.unknown[0]!.reason).toContain('eusc-de-east-1');
  });

  it('counts what is planned after the receipt together with what was metered', () => {
    const receipt = writeReceipt(
      input({ usage: used({ 's3.put': 2 }), planned: used({ 's3.put': 1, 'logs.ingested': 2 ** 30 }) }),
    );

    expect(lineOf(receipt, 's3.put')?.quantity).toBe(3);
    expectClose(lineOf(receipt, 'logs.ingested')?.amount, 0.5985);
  });

  it('bills start-up and handler together, rounded up to whole milliseconds', () => {
    const receipt = writeReceipt(input({ function: lambda({ memoryMb: 2048, initMs: 412.3, handlerMs: 99.1 }) }));

    expectClose(lineOf(receipt, 'lambda.compute')?.quantity, 2 * 0.512);
  });

  it('marks what a simulated function would cost as assumed', () => {
    const receipt = writeReceipt(input({ function: lambda({ simulated: true }) }));

    expect(new Set(receipt.cost.lines.map(({ basis }) => basis))).toEqual(new Set(['assumed']));
    expect(receipt.energy.lines.map(({ basis }) => basis)).toEqual(['assumed']);
  });

  it('converts list prices with the configured rate and says so in the source', () => {
    const exchange = { from: 'USD', rate: 0.5, date: '2026-11-02', source: 'ECB' };
    const dollars = writeReceipt(input());
    const euros = writeReceipt(input({ currency: { currency: 'EUR', exchange } }));

    expect(euros.cost.currency).toBe('EUR');
    expectClose(euros.cost.total, dollars.cost.total / 2);
    expect(euros.cost.lines[0]!.source).toContain('1 USD = 0.5 EUR, ECB, 2026-11-02');
  });

  it('does not guess a rate: a price in another currency is unknown', () => {
    const price = { ...contract, currency: 'EUR', perHour: 0.48 };
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', price } }));

    expect(receipt.cost.unknown).toEqual([
      {
        resource: 'endpoint.busy',
        quantity: 3600,
        unit: 'second',
        reason: 'the price is in EUR; no exchange rate to USD is configured',
      },
    ]);
  });

  it('bills nothing for a run on a local machine', () => {
    const factors = selectFactors({ region: null });
    const receipt = writeReceipt(input({ function: { where: 'local', elapsedMs: 1500 }, factors }));

    expect(receipt.usage).toEqual([{ resource: 'local.elapsed', quantity: 1.5, unit: 'second' }]);
    expect(receipt.cost).toMatchObject({ total: 0, totalWithIdle: 0, complete: true, lines: [], unknown: [] });
  });

  it('bills the S3 requests of a local run that reads from a bucket', () => {
    const receipt = writeReceipt(
      input({ function: { where: 'local', elapsedMs: 1500 }, usage: used({ 's3.get': 1000 }) }),
    );

    expectClose(receipt.cost.total, 0.00042);
    expect(receipt.cost.lines[0]!.basis).toBe('measured');
  });
});

describe('writeReceipt, energy and carbon', () => {
  it('draws the stated watts of an endpoint while it is busy, on the grid of its country', () => {
    const factors = selectFactors({ region: 'eu-west-1', countries: ['FR'] });
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', footprint }, factors }));

    const energy = receipt.energy.lines.find(({ component }) => component === 'endpoint');
    const carbon = receipt.carbon.lines.find(({ component }) => component === 'endpoint');
    expect(energy).toMatchObject({ pue: 1.2, basis: 'stated' });
    expectClose(energy?.wattHours.low, 1.2 * (60 + 0.1 * 120));
    expectClose(energy?.wattHours.central, 1.2 * 120);
    expectClose(energy?.wattHours.high, 1.2 * 180);
    expect(carbon).toMatchObject({ gridArea: 'FR', gridYear: 2024, gridGramsPerKwh: 44.18 });
    expectClose(carbon?.operationalGramsCO2e.central, 0.144 * 44.18);
    expectClose(carbon?.embodiedGramsCO2e?.central, 1_200_000 / (5 * 8760));
    expect(receipt.energy.complete && receipt.carbon.complete).toBe(true);
  });

  it('takes the embodied emissions from the vCPUs when they are not stated, in wide bounds', () => {
    const { embodiedKgCO2e: _, lifetimeYears: __, ...bare } = footprint;
    const factors = selectFactors({ region: 'eu-west-3' });
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', footprint: bare }, factors }));

    const carbon = receipt.carbon.lines.find(({ component }) => component === 'endpoint');
    expectClose(carbon?.embodiedGramsCO2e?.low, (16 * 12_000) / (6 * 8760));
    expectClose(carbon?.embodiedGramsCO2e?.high, (16 * 38_125) / (4 * 8760));
  });

  it('names the embodied emissions as unknown when neither they nor the vCPUs are stated', () => {
    const { embodiedKgCO2e: _, vcpus: __, ...bare } = footprint;
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'mlflow', footprint: bare } }));

    expect(receipt.energy.complete).toBe(true);
    expect(receipt.carbon.complete).toBe(false);
    expect(receipt.carbon.lines[1]).toMatchObject({ component: 'endpoint', embodiedGramsCO2e: null });
    expect(receipt.carbon.unknown.map(({ component, resource }) => [component, resource])).toEqual([
      ['endpoint', 'endpoint.busy'],
    ]);
    expect(receipt.perThousandRows.wattHours).not.toBeNull();
    expect(receipt.perThousandRows.gramsCO2e).toBeNull();
  });

  it('knows the energy but not the operational carbon of a country without a grid value', () => {
    const endpoint = { kind: 'mlflow', footprint: { ...footprint, country: 'ZZ' } };
    const factors = selectFactors({ region: 'eu-west-3', countries: ['ZZ'] });
    const receipt = writeReceipt(input({ usage: busy, endpoint, factors }));

    expect(receipt.energy.complete).toBe(true);
    expect(receipt.carbon.unknown.map(({ reason }) => reason)).toEqual(['no grid intensity known for ZZ']);
  });

  it('names an endpoint without a footprint, with the seconds in which it was busy', () => {
    const receipt = writeReceipt(input({ usage: busy, endpoint: { kind: 'sagemaker' } }));

    const unknown = [
      {
        component: 'endpoint',
        resource: 'endpoint.busy',
        quantity: 3600,
        unit: 'second',
        reason: 'the route states no footprint for its endpoint',
      },
    ];
    expect(receipt.energy).toMatchObject({ complete: false, unknown });
    expect(receipt.carbon).toMatchObject({ complete: false, unknown });
    expect(receipt.perThousandRows).toMatchObject({ wattHours: null, gramsCO2e: null });
  });

  it('does not know the power of a local machine', () => {
    const factors = selectFactors({ region: null });
    const receipt = writeReceipt(input({ function: { where: 'local', elapsedMs: 1500 }, factors }));

    expect(receipt.energy.lines).toEqual([]);
    expect(receipt.energy.unknown).toEqual([
      {
        component: 'function',
        resource: 'local.elapsed',
        quantity: 1.5,
        unit: 'second',
        reason: 'the power of this machine is not known',
      },
    ]);
  });

  it('does not know the site of a Region that is not in the tables', () => {
    const factors = selectFactors({ region: 'mars-north-1' });
    const receipt = writeReceipt(input({ factors, usage: used({ 'network.internet-out': 1 }) }));

    expect(receipt.cost.complete).toBe(false);
    expect(receipt.energy.wattHours).toEqual({ low: 0, central: 0, high: 0 });
    expect(receipt.energy.unknown.map(({ component }) => component)).toEqual(['function', 'network']);
  });

  it('counts traffic inside the Region in the high bound only', () => {
    const without = writeReceipt(input());
    const receipt = writeReceipt(input({ usage: used({ 'network.in-region': 2 ** 30 }) }));

    expect(receipt.energy.wattHours.low).toBe(without.energy.wattHours.low);
    expect(receipt.energy.wattHours.central).toBe(without.energy.wattHours.central);
    expectClose(receipt.energy.wattHours.high, without.energy.wattHours.high + 1.35);
  });

  it('discloses what nobody publishes a coefficient for, without calling the total incomplete', () => {
    const receipt = writeReceipt(input({ usage: used({ 's3.get': 2, 'network.in-region': 5 }) }));

    expect(receipt.energy.complete).toBe(true);
    expect(receipt.energy.omitted.map(({ resource, quantity }) => [resource, quantity])).toEqual([['s3.get', 2]]);
    expect(receipt.carbon.omitted.map(({ resource }) => resource)).toEqual(['s3.get', 'network.in-region']);
  });

  it('calls the function measured from 50 ms of CPU time on, and assumed below', () => {
    const basisAt = (cpuMs: number | null) =>
      writeReceipt(input({ function: lambda({ cpuMs }) })).energy.lines[0]!.basis;

    expect([basisAt(50), basisAt(49.9), basisAt(null)]).toEqual(['measured', 'assumed', 'assumed']);
  });
});

describe('writeReceipt, in general', () => {
  it('has nothing per thousand rows when no row was classified', () => {
    const { perThousandRows } = writeReceipt(input({ classifiedCount: 0 }));

    expect(perThousandRows).toEqual({ cost: null, wattHours: null, gramsCO2e: null });
  });

  it('gives the same receipt for the same input, asked twice', () => {
    const once = input({ usage: busy, endpoint: { kind: 'mlflow' } });

    expect(writeReceipt(once)).toEqual(writeReceipt(once));
  });

  it('names the date of the oldest list price that it used', () => {
    expect(writeReceipt(input()).factors).toEqual({ version: '2026-11-23', prices: '2025-10-30', grid: 2024 });
    expect(writeReceipt(input({ usage: used({ 'logs.ingested': 1 }) })).factors.prices).toBe('2025-09-23');
  });

  it.each([
    ['a negative quantity', { usage: used({ 's3.get': -1 }) }],
    ['a time that is no number', { function: lambda({ handlerMs: Number.NaN }) }],
    ['a count of rows that is no whole number', { classifiedCount: 0.5 }],
  ])('refuses %s as a bug', (_case, changes) => {
    expect(codeOf(changes)).toBe('internal.bug');
  });

  it('accounts for every resource, prices none twice, sums exactly what it lists, and keeps its bounds in order, whatever is used', () => {
    const quantities = fc.dictionary(
      fc.constantFrom(...(Object.keys(resources) as Resource[]).filter((name) => !/^(lambda|local)\./.test(name))),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
    );
    const price = fc.option(
      fc.record(
        {
          perHour: fc.double({ min: 0.001, max: 100, noNaN: true }),
          perThousandCalls: fc.double({ min: 0.001, max: 100, noNaN: true }),
          perMillionInputTokens: fc.double({ min: 0.001, max: 100, noNaN: true }),
        },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    );
    const cases = fc.record({
      quantities,
      price,
      region: fc.constantFrom('eu-west-1', 'eu-south-2', 'eusc-de-east-1', 'nowhere-1', null),
      kind: fc.constantFrom('onnx', 'mlflow', 'sagemaker'),
      cpuMs: fc.option(fc.double({ min: 0, max: 5000, noNaN: true })),
    });

    fc.assert(
      fc.property(cases, ({ quantities: use, price: asked, region, kind, cpuMs }) => {
        const receipt = writeReceipt(
          input({
            usage: used(use),
            function: lambda({ cpuMs }),
            endpoint: { kind, ...(asked && { price: { ...contract, ...asked } }) },
            factors: selectFactors({ region }),
          }),
        );
        const { cost, energy, carbon } = receipt;

        const priced = cost.lines.map(({ resource }) => resource);
        const unpriced = cost.unknown.map(({ resource }) => resource);
        const accounted = [...priced, ...unpriced];
        expect(new Set(priced).size).toBe(priced.length);
        expect(new Set(unpriced).size).toBe(unpriced.length);
        for (const { resource } of receipt.usage) {
          const listed =
            resources[resource].billing === 'list' && !(region === null && resource.startsWith('network.'));
          if (listed) expect(accounted).toContain(resource);
          if (resources[resource].billing === 'free') expect(accounted).not.toContain(resource);
        }
        // Time without a call does not happen; a price per token has nothing to say of it.
        const billed = asked?.perMillionInputTokens === undefined ? /calls|busy|tokens/ : /calls|tokens/;
        if (kind !== 'onnx' && receipt.usage.some(({ resource }) => billed.test(resource))) {
          const billable = asked?.perThousandCalls === undefined && asked?.perHour === undefined;
          if (billable) expect(accounted.some((resource) => resource.startsWith('endpoint.'))).toBe(true);
        }
        expect(cost.total).toBe(cost.lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0));
        expect(cost.complete).toBe(cost.unknown.length === 0);
        expect(energy.complete).toBe(energy.unknown.length === 0);
        for (const { low, central, high } of [energy.wattHours, carbon.gramsCO2e, carbon.embodiedGramsCO2e]) {
          expect(low).toBeLessThanOrEqual(central);
          expect(central).toBeLessThanOrEqual(high);
        }
        for (const bound of ['low', 'central', 'high'] as const) {
          expectClose(
            carbon.gramsCO2e[bound],
            carbon.operationalGramsCO2e[bound] + carbon.embodiedGramsCO2e[bound],
            1e-12,
          );
          expectClose(
            energy.wattHours[bound],
            energy.lines.reduce((sum, { wattHours }) => sum + wattHours[bound], 0),
            1e-12,
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
