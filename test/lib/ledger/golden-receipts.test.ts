import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type ReceiptInput, writeReceipt } from '../../../lib/ledger/receipt.ts';
import { selectFactors } from '../../../lib/ledger/select-factors.ts';
import type { Band, Receipt } from '../../../lib/ledger/types.ts';
import { input, lambda, used } from './inputs.ts';

/**
 * Whole receipts, as tables that a person can check by hand. After a change on purpose:
 * UPDATE_GOLDEN=1 npm test -- --testPathPatterns golden-receipts
 */
const folder = new URL('../../golden/', import.meta.url);
const fileOf = (name: string): URL => new URL(`ledger-${name}.receipt.txt`, folder);

const traffic = used({ 's3.get': 2, 's3.put': 4, 's3.list': 1, 's3.delete': 1, 'network.in-region': 400_000 });
const written = used({ 's3.put': 1, 'logs.ingested': 1_400 });
const calls = used({ 'endpoint.calls': 10, 'endpoint.busy': 4.2, 'endpoint.latency': 9.1 });
const eur = { from: 'USD', rate: 0.9, date: '2026-11-02', source: 'ECB reference rate' };

const cases: Readonly<Record<string, { readonly why: string; readonly of: Partial<ReceiptInput> }>> = {
  'embedded-model-simulated': {
    why: 'the local stack: what a Lambda in Paris with the embedded model would cost; nothing unknown, all assumed',
    of: { usage: traffic, planned: written, function: lambda({ simulated: true }), classifiedCount: 10_000 },
  },
  'endpoint-without-price-or-footprint': {
    why: 'a route that states nothing: the endpoint is named with its busy seconds, and every total is "at least"',
    of: {
      usage: [...traffic, ...calls],
      planned: written,
      endpoint: { kind: 'mlflow' },
      classifiedCount: 2_500,
    },
  },
  'endpoint-stated-in-euro': {
    why: 'a route that states price and footprint of a machine in Germany; list prices are converted',
    of: {
      usage: [...traffic, ...calls, ...used({ 'network.internet-out': 250_000 })],
      planned: written,
      endpoint: {
        kind: 'mlflow',
        price: {
          perHour: 0.48,
          currency: 'EUR',
          utilisation: 0.3,
          source: 'contract 2026-03',
          validFrom: '2026-03-01',
        },
        footprint: {
          country: 'DE',
          pue: 1.2,
          wattsIdle: 60,
          wattsMax: 180,
          vcpus: 16,
          embodiedKgCO2e: 1200,
          lifetimeYears: 5,
          source: 'data sheet',
        },
      },
      classifiedCount: 2_500,
      factors: selectFactors({ region: 'eu-west-3', countries: ['DE'] }),
      currency: { currency: 'EUR', exchange: eur },
    },
  },
  'local-machine': {
    why: 'the command line on a file: nobody bills anything, and the power of the machine is unknown',
    of: { function: { where: 'local', elapsedMs: 830 }, factors: selectFactors({ region: null }) },
  },
  'sovereign-region': {
    why: 'no price is known there; energy and carbon are',
    of: { usage: traffic, planned: written, factors: selectFactors({ region: 'eusc-de-east-1' }) },
  },
};

const show = (band: Band | null): string => (band ? `${band.low} / ${band.central} / ${band.high}` : 'null');

function render(why: string, receipt: Receipt): string {
  const { usage, cost, energy, carbon, perThousandRows, factors } = receipt;
  const gap = ({ resource, quantity, unit, reason }: (typeof cost.unknown)[number]) =>
    `${resource}  ${quantity} ${unit}  ${reason}`;
  const section = (title: string, lines: readonly string[]) => [title, ...lines.map((line) => `  ${line}`)];
  return `${[
    `# ${why}`,
    ...section(
      'usage',
      usage.map(({ resource, quantity, unit }) => `${resource}  ${quantity} ${unit}`),
    ),
    ...section(
      `cost  ${cost.complete ? '' : 'at least '}${cost.total} ${cost.currency}, with idle ${cost.totalWithIdle}`,
      [
        ...cost.lines.map(
          ({ resource, quantity, unit, unitPrice, amount, basis, source, validFrom }) =>
            `${resource}  ${quantity} ${unit} x ${unitPrice} = ${amount}  ${basis}, ${validFrom}, ${source}`,
        ),
        ...cost.unknown.map((line) => `unknown: ${gap(line)}`),
      ],
    ),
    ...section(`energy  ${energy.complete ? '' : 'at least '}${show(energy.wattHours)} Wh`, [
      ...energy.lines.map(
        ({ component, wattHours, pue, basis }) => `${component}  ${show(wattHours)} Wh  PUE ${pue}, ${basis}`,
      ),
      ...energy.unknown.map((line) => `unknown: ${line.component}  ${gap(line)}`),
      ...energy.omitted.map((line) => `omitted: ${line.component}  ${gap(line)}`),
    ]),
    ...section(`carbon  ${carbon.complete ? '' : 'at least '}${show(carbon.gramsCO2e)} g, ${carbon.method}`, [
      `operational ${show(carbon.operationalGramsCO2e)} g`,
      `embodied ${show(carbon.embodiedGramsCO2e)} g`,
      ...carbon.lines.flatMap((line) => [
        `${line.component}  ${show(line.gramsCO2e)} g  ${line.basis}, ${line.gridArea} ${line.gridYear} ${line.gridGramsPerKwh} g/kWh`,
        `  operational ${show(line.operationalGramsCO2e)} g, embodied ${show(line.embodiedGramsCO2e)} g`,
      ]),
      ...carbon.unknown.map((line) => `unknown: ${line.component}  ${gap(line)}`),
      ...carbon.omitted.map((line) => `omitted: ${line.component}  ${gap(line)}`),
    ]),
    ...section('per thousand rows', [
      `cost ${perThousandRows.cost}`,
      `energy ${show(perThousandRows.wattHours)} Wh`,
      `carbon ${show(perThousandRows.gramsCO2e)} g`,
    ]),
    `factors  ${factors.version}, prices ${factors.prices}, grid ${factors.grid}`,
  ].join('\n')}\n`;
}

describe('writeReceipt, as a whole', () => {
  it('has a golden receipt for each case and no other', () => {
    const files = readdirSync(folder).filter((name) => name.startsWith('ledger-') && name.endsWith('.receipt.txt'));

    expect(files.sort()).toEqual(
      Object.keys(cases)
        .map((name) => `ledger-${name}.receipt.txt`)
        .sort(),
    );
  });

  it.each(Object.entries(cases))('is the golden receipt: %s', (name, { why, of }) => {
    const receipt = render(why, writeReceipt(input(of)));

    if (process.env.UPDATE_GOLDEN) writeFileSync(fileOf(name), receipt);
    expect(receipt).toBe(readFileSync(fileOf(name), 'utf8'));
  });
});
