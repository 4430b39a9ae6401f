import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { readConfig } from '../../lib/config/read.ts';
import type { Feature } from '../../lib/csv/types.ts';
import { makeOnnxEndpoint } from '../../lib/endpoints/onnx.ts';
import type { Endpoint, RawAnswer } from '../../lib/endpoints/types.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url));
const model = await read('models/wine.onnx');
const card = JSON.parse((await read('models/wine.json')).toString()) as {
  readonly sha256: string;
  readonly bytes: number;
  readonly features: readonly string[];
  readonly classes: readonly string[];
};
const { routes } = readConfig((await read('tamis.yml')).toString(), 'tamis.yml');

describe('the card of the model', () => {
  it('has the digest and the size of the file beside it', () => {
    expect(card.sha256).toBe(createHash('sha256').update(model).digest('hex'));
    expect(card.bytes).toBe(model.length);
  });

  it.each(routes)('has the features of route $name in their order, and its labels', ({ features, labels }) => {
    expect(features === '*' ? [] : features.map(({ as }) => as)).toEqual(card.features);
    expect(labels).toEqual(card.classes);
  });
});

describe('the samples', () => {
  it.each([
    { file: 'wine.csv', encoding: 'utf-8', delimiter: ',', route: 'wine' },
    { file: "vins d'été.csv", encoding: 'windows-1252', delimiter: ';', route: 'vins' },
    { file: 'spreadsheet.csv', encoding: 'utf-8', delimiter: ',', route: 'wine' },
    { file: 'a few bad rows.csv', encoding: 'utf-8', delimiter: ',', route: 'wine' },
  ])('$file has every column that route $route sends', async ({ file, encoding, delimiter, route }) => {
    const [header] = new TextDecoder(encoding).decode(await read(`samples/${file}`)).split(/\r?\n/);
    const { features } = routes.find(({ name }) => name === route)!;

    const columns = features === '*' ? [] : features.map(({ column }) => column);
    expect(columns).toHaveLength(13);
    expect(header!.split(delimiter)).toEqual(expect.arrayContaining(columns));
  });
});

describe('the embedded model', () => {
  const options = { signal: new AbortController().signal, timeoutMs: 30_000 };
  const features: readonly Feature[] = card.features.map((name, index) => ({
    index,
    column: name,
    name,
    type: 'number',
  }));
  let endpoint: Endpoint<'cells'>;
  let rows: (number | null)[][];
  let verdicts: { readonly label: string; readonly scores: readonly number[] }[];

  beforeAll(async () => {
    endpoint = makeOnnxEndpoint({ kind: 'onnx', model: 'models/wine.onnx' }, { loadModel: async () => model });
    const bottles = parse(await read('samples/wine.csv'), { columns: true }) as Record<string, string>[];
    const judged = parse(await read('models/wine.verdicts.csv'), { columns: true }) as Record<string, string>[];
    rows = judged.map(({ row, missing }) => {
      const bottle = bottles[Number(row) - 1]!;
      return card.features.map((name) => (name === missing ? null : Number(bottle[name])));
    });
    verdicts = judged.map((row) => ({ label: row.label!, scores: card.classes.map((name) => Number(row[name])) }));
  });
  afterAll(() => endpoint.close());

  async function classify(batch: readonly (readonly (number | null)[])[]): Promise<readonly RawAnswer[]> {
    const outcome = await endpoint.classify(features, batch, options);
    if (outcome.kind !== 'ok') throw new Error(outcome.kind);
    return outcome.answers;
  }

  it('gives the samples, whole and with a cell missing, the labels and probabilities that scikit-learn gives them', async () => {
    const answers = await classify(rows);

    expect(answers.map(({ label }) => card.classes[Number(label)])).toEqual(verdicts.map(({ label }) => label));
    // Half a step of float32 just below 1 is 3e-8.
    const differences = answers.flatMap(({ probabilities }, row) =>
      probabilities!.map((probability, index) => Math.abs(probability - verdicts[row]!.scores[index]!)),
    );
    expect(differences).toHaveLength(480);
    expect(Math.max(...differences)).toBeLessThanOrEqual(3e-8);
  });

  it('gives a row the same bits whatever rows stand beside it', async () => {
    const together = await classify(rows);

    for (const size of [1, 7, 33]) {
      const apart: RawAnswer[] = [];
      for (let at = 0; at < rows.length; at += size) apart.push(...(await classify(rows.slice(at, at + size))));
      expect(apart).toEqual(together);
    }
  });
});
