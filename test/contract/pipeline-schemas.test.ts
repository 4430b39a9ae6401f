import { describe, expect, it } from '@jest/globals';
import { configOf, type PipelineRun, runPipeline } from './pipeline.ts';
import { brokenRules, isErrorDocument, isSummary } from './pipeline-reading.ts';

const input = 'x,y\n1,a\n2\n3,b\n';
const price = { perHour: 0.48, currency: 'USD', utilisation: 0.3, source: 'a contract', validFrom: '2026-03-01' };
const footprint = {
  country: 'FR',
  pue: 1.2,
  wattsIdle: 60,
  wattsMax: 180,
  vcpus: 16,
  embodiedKgCO2e: 1200,
  lifetimeYears: 5,
  source: 'a data sheet',
};
const endpoint = { kind: 'stub', labels: ['a', 'b'], latencyMs: 40, model: 'm', version: '7' };

const runs: readonly (readonly [title: string, run: PipelineRun])[] = [
  ['a plain run', { input }],
  ['a run without rows', { input: '' }],
  ['a run in a function', { input, isLambda: true }],
  [
    'an endpoint with price and footprint',
    { input, isLambda: true, route: { endpoint: { ...endpoint, price, footprint } } },
  ],
  ['an endpoint of which nothing is known', { input, isLambda: true, route: { endpoint } }],
  [
    'tokens that nobody priced',
    {
      input,
      isLambda: true,
      script: ({ rows }) => ({
        kind: 'ok',
        answers: rows.map(() => ({ label: 'a' })),
        model: { name: 'm', digest: 'sha256:0', reported: true },
        usage: [{ resource: 'endpoint.input-tokens', quantity: 11, unit: 'token' }],
      }),
    },
  ],
  [
    'tags and every option',
    { input, route: { tags: { team: 'cave' }, labels: ['oui', 'non'], output: { model: 'm' } } },
  ],
];

describe('summaries', () => {
  it.each(runs)('conform to tamis.summary.schema.json: %s', async (_, run) => {
    const end = await runPipeline(run);

    expect(end.summary).toBeDefined();
    expect(brokenRules(end)).toEqual([]);
  });

  it('no longer conform without any one of their members, or with one more', async () => {
    const { summary } = await runPipeline({ input, isLambda: true });

    const names = Object.keys(summary!) as (keyof NonNullable<typeof summary>)[];
    expect(names).toHaveLength(21);
    for (const name of names) {
      const { [name]: _, ...rest } = summary!;
      expect(isSummary(rest)).toBe(false);
    }
    expect(isSummary({ ...summary, extra: 1 })).toBe(false);
    expect(isSummary({ ...summary, rows: { ...summary!.rows, read: -1 } })).toBe(false);
    expect(isSummary({ ...summary, cost: { ...summary!.cost, total: '0' } })).toBe(false);
  });

  it('say "at least" by their numbers: what is not known is named, and makes its part incomplete', async () => {
    const { summary } = await runPipeline({ input, isLambda: true, route: { endpoint } });

    for (const part of [summary!.cost, summary!.energy, summary!.carbon])
      expect(part.complete).toBe(part.unknown.length === 0);
    expect(summary!.perThousandRows.cost === null).toBe(!summary!.cost.complete);
  });

  it('name the hash of the configuration', async () => {
    const { summary } = await runPipeline({ input });

    expect(summary!.configuration).toBe(configOf().hash);
  });
});

describe('error files', () => {
  it('conform to tamis.error.schema.json, and no longer without any one of their members', async () => {
    const { error } = await runPipeline({ input: 'y\n1\n' });

    expect(isErrorDocument(error)).toBe(true);
    for (const name of Object.keys(error!).filter((each) => each !== 'route')) {
      const { [name as keyof typeof error]: _, ...rest } = error!;
      expect(isErrorDocument(rest)).toBe(false);
    }
    expect(isErrorDocument({ ...error, record: 'x' })).toBe(false);
  });
});
