import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { idleAmountOf } from '../../../lib/ledger/endpoint-price.ts';
import { functionPower } from '../../../lib/ledger/function-draw.ts';
import { scaleToZeroAmount, serverlessAmount } from '../../../lib/ledger/pay-per-use-price.ts';
import { writeReceipt } from '../../../lib/ledger/receipt.ts';
import { selectFactors } from '../../../lib/ledger/select-factors.ts';
import { estimateTokenRequest } from '../../../lib/ledger/token-energy.ts';
import type { Architecture, Receipt, StatedPrice } from '../../../lib/ledger/types.ts';
import { expectClose } from './expect-close.ts';
import { input, lambda, used } from './inputs.ts';

interface Vector {
  readonly name: string;
  readonly fn: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape depends on fn, and a wrong guess fails the test
  readonly inputs: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly expected: any;
}

const file = JSON.parse(readFileSync(new URL('../../golden/ledger-vectors.json', import.meta.url), 'utf8')) as {
  vectors: readonly Vector[];
};

const bounds = ['low', 'central', 'high'] as const;
const amountOf = (receipt: Receipt, ...names: string[]): number =>
  receipt.cost.lines.filter(({ resource }) => names.includes(resource)).reduce((sum, { amount }) => sum + amount, 0);

const factsOf = (vector: Record<string, number | string>) =>
  lambda({
    arch: vector.arch as Architecture,
    memoryMb: vector.memoryMb as number,
    handlerMs: vector.wallMs as number,
    initMs: (vector.initMs as number) ?? 0,
    ephemeralMb: (vector.ephemeralMb as number) ?? 512,
    cpuMs: (vector.cpuMs as number) ?? null,
  });

const stated = (price: Partial<StatedPrice>): StatedPrice => ({
  currency: 'USD',
  source: 'vector',
  validFrom: '2026-11-23',
  ...price,
});

/** List prices of the two models that the vectors name (prices of 2025-07-04, USD per million tokens). */
const tokenPrices: Readonly<Record<string, Partial<StatedPrice>>> = {
  'openai/gpt-4o-mini': {
    perMillionInputTokens: 0.15,
    perMillionCachedInputTokens: 0.075,
    perMillionOutputTokens: 0.6,
  },
  'openai/text-embedding-3-small': { perMillionInputTokens: 0.02 },
};

const checks: Readonly<Record<string, (vector: Vector) => void>> = {
  lambdaCost({ inputs, expected }) {
    const receipt = writeReceipt(
      input({ function: factsOf(inputs), factors: selectFactors({ region: inputs.region }) }),
    );

    const compute = receipt.usage.find(({ resource }) => resource === 'lambda.compute');
    expectClose(compute?.quantity ?? 0, ((inputs.memoryMb / 1024) * expected.billedMs) / 1000);
    expectClose(amountOf(receipt, 'lambda.requests'), expected.request);
    expectClose(amountOf(receipt, 'lambda.compute'), expected.compute);
    expectClose(amountOf(receipt, 'lambda.ephemeral-storage'), expected.ephemeral);
    expectClose(receipt.cost.total, expected.total);
  },

  s3Cost({ inputs, expected }) {
    const usage = used({ 's3.get': inputs.get, 's3.put': inputs.put, 's3.list': inputs.list });
    const receipt = writeReceipt(input({ usage, factors: selectFactors({ region: inputs.region }) }));

    expectClose(amountOf(receipt, 's3.get', 's3.put', 's3.list'), expected);
  },

  logCost({ inputs, expected }) {
    const planned = used({ 'logs.ingested': inputs.bytes });
    const receipt = writeReceipt(input({ planned, factors: selectFactors({ region: inputs.region }) }));

    expectClose(amountOf(receipt, 'logs.ingested'), expected);
  },

  serverlessCost({ inputs, expected }) {
    const use = { modelMs: inputs.sumMs, memoryMb: inputs.memoryMb, dataBytes: inputs.bytes };

    expectClose(serverlessAmount(use, { perGbSecond: inputs.usdPerGbSecond, perGb: inputs.usdPerGbData }), expected);
  },

  instanceCost({ inputs, expected }) {
    const busySeconds = (inputs.busyMs / 1000) * (inputs.share ?? 1);
    const utilisation = inputs.utilisation ?? undefined;
    const price = stated({ perHour: inputs.usdPerHour, ...(utilisation && { utilisation }) });
    const receipt = writeReceipt(
      input({ usage: used({ 'endpoint.busy': busySeconds }), endpoint: { kind: 'mlflow', price } }),
    );

    const busy = amountOf(receipt, 'endpoint.busy');
    const idle = idleAmountOf(busy, utilisation);
    expectClose(busy, expected.busy);
    expectClose(idle === null ? null : busy + idle, expected.withIdle);
    expectClose(
      receipt.cost.totalWithIdle,
      expected.withIdle === null ? null : receipt.cost.total - expected.busy + expected.withIdle,
    );
  },

  tailCost({ inputs, expected }) {
    const times = { coldSeconds: inputs.coldS, busySeconds: inputs.busyS, idleTailSeconds: inputs.idleTailS };
    const { billedMinutes, amount } = scaleToZeroAmount(times, inputs.usdPerHour);

    expect(billedMinutes).toBe(expected.billedMinutes);
    expectClose(amount, expected.usd);
  },

  tokenCost({ inputs, expected }) {
    const cached = inputs.cachedTokens ?? 0;
    const usage = used({
      'endpoint.input-tokens': inputs.inTokens - cached,
      'endpoint.cached-input-tokens': cached,
      'endpoint.output-tokens': inputs.outTokens,
    });
    const price = stated(tokenPrices[inputs.model]!);
    const receipt = writeReceipt(input({ usage, endpoint: { kind: 'openai', price } }));

    expect(receipt.cost.complete).toBe(true);
    expectClose(
      amountOf(receipt, 'endpoint.input-tokens', 'endpoint.cached-input-tokens', 'endpoint.output-tokens'),
      expected,
    );
  },

  'lambdaFootprint x3'({ inputs, expected }) {
    const facts = factsOf(inputs);
    const factors = selectFactors({ region: inputs.region });
    const power = functionPower(facts, factors.power);
    const { energy, carbon } = writeReceipt(input({ function: facts, factors }));

    for (const bound of bounds) {
      expectClose(power.utilisation[bound], expected[bound].utilisation);
      expect(power.utilisationMeasured).toBe(expected[bound].utilisationMeasured);
      expectClose(power.itWattHours[bound] / 1000, expected[bound].energyItKwh);
      expectClose(energy.wattHours[bound] / 1000, expected[bound].energyFacilityKwh);
      expectClose(carbon.operationalGramsCO2e[bound], expected[bound].operationalG);
      expectClose(carbon.embodiedGramsCO2e[bound], expected[bound].embodiedG);
      expectClose(carbon.gramsCO2e[bound], expected[bound].totalG);
    }
  },

  ecologits({ inputs, expected }) {
    const { gpuCount, latencyMs, energy, embodied } = estimateTokenRequest({
      activeParameters: inputs.pActive,
      totalParameters: inputs.pTotal,
      outputTokenCount: inputs.outTokens,
      pue: inputs.pue,
    });

    expect(gpuCount).toBe(expected.gpus);
    expectClose(latencyMs / 1000, expected.latencyS);
    expectClose(energy / 1000, expected.energyKwh);
    expectClose((energy / 1000) * inputs.gridKg, expected.operationalKg);
    expectClose(embodied / 1000, expected.embodiedKg);
  },

  composite({ inputs, expected }) {
    const { endpoint } = inputs;
    const receipt = writeReceipt(
      input({
        usage: used({ 's3.get': inputs.s3.get, 's3.put': inputs.s3.put, 'endpoint.busy': endpoint.busyMs / 1000 }),
        planned: used({ 'logs.ingested': inputs.logBytes }),
        function: factsOf(inputs),
        endpoint: { kind: 'sagemaker', instanceType: endpoint.instanceType, utilisation: endpoint.utilisation },
        classifiedCount: inputs.rows,
        factors: selectFactors({ region: inputs.region, instanceTypes: [endpoint.instanceType] }),
      }),
    );

    const { usd, energyWh, carbonMg } = expected;
    expectClose(amountOf(receipt, 'lambda.requests', 'lambda.compute'), usd.lambda);
    expectClose(amountOf(receipt, 's3.get', 's3.put'), usd.s3);
    expectClose(amountOf(receipt, 'logs.ingested'), usd.logs);
    expectClose(amountOf(receipt, 'endpoint.busy'), usd.endpointBusy);
    expectClose(receipt.cost.total, usd.totalBusy);
    expectClose(receipt.cost.totalWithIdle, usd.totalWithIdle);
    expectClose(receipt.perThousandRows.cost, usd.per1000RowsBusy);
    const [ofFunction, ofEndpoint] = receipt.energy.lines;
    expectClose(ofFunction?.wattHours.central, energyWh.lambda);
    expectClose(ofEndpoint?.wattHours.central, energyWh.endpoint);
    expectClose(receipt.energy.wattHours.central, energyWh.total);
    expectClose(receipt.perThousandRows.wattHours?.central, energyWh.per1000Rows);
    expectClose(receipt.carbon.operationalGramsCO2e.central * 1000, carbonMg.operational);
    expectClose(receipt.carbon.embodiedGramsCO2e.central * 1000, carbonMg.embodied);
    expectClose(receipt.carbon.gramsCO2e.central * 1000, carbonMg.total);
    expectClose((receipt.perThousandRows.gramsCO2e?.central ?? 0) * 1000, carbonMg.sciMgPer1000Rows);
  },
};

describe('the vectors of the method', () => {
  it('are all there, and each has a check', () => {
    expect(file.vectors.length).toBeGreaterThanOrEqual(22);
    expect(file.vectors.filter(({ fn }) => checks[fn] === undefined)).toEqual([]);
  });

  it.each(file.vectors.map((vector) => [vector.name, vector] as const))('hold to 1e-9: %s', (_name, vector) => {
    expect.hasAssertions();

    checks[vector.fn]!(vector);
  });
});
