import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { OnnxConfig } from '../../../lib/config/types.ts';
import type { Cell, Feature, FeatureType } from '../../../lib/csv/types.ts';
import { makeOnnxEndpoint } from '../../../lib/endpoints/onnx.ts';
import type { Endpoint, Outcome } from '../../../lib/endpoints/types.ts';

const options = { signal: new AbortController().signal, timeoutMs: 30_000 };
const opened: Endpoint[] = [];

function open(file: string, outputs?: OnnxConfig['outputs']): Endpoint<'cells'> {
  const endpoint = makeOnnxEndpoint(
    { kind: 'onnx', model: `models/${file}`, ...(outputs === undefined ? {} : { outputs }) },
    { loadModel: () => readFile(new URL(`./models/${file}`, import.meta.url)) },
  );
  opened.push(endpoint);
  return endpoint;
}

function features(...names: (string | [string, FeatureType])[]): Feature[] {
  return names.map((entry, index) => {
    const [name, type] = typeof entry === 'string' ? [entry, 'number' as const] : entry;
    return { index, column: name, name, type };
  });
}

function answersOf(outcome: Outcome) {
  if (outcome.kind !== 'ok') throw new Error(`not ok but ${outcome.kind}`);
  return outcome.answers;
}

/** Printed by models/make.py, from scikit-learn itself. */
const tensorRows = [
  [-0.39890795946121216, 0.13799411058425903, -0.3117331862449646, 0.44756507873535156],
  [-0.5853674411773682, 0.8294966220855713, 1.083486557006836, -0.9045642018318176],
  [0.7639208436012268, 0.7270479202270508, 1.5452814102172852, -1.5619908571243286],
  [1.1782293319702148, -1.0068247318267822, -0.9754837155342102, 0.00597276771441102],
  [-0.8150518536567688, -0.42632076144218445, -1.2291916608810425, -1.113391399383545],
];
const tensorLabels = [1, 1, 2, 1, 0];
const tensorFirst = [0.151365, 0.823568, 0.025067];
const fourFeatures = features('a', 'b', 'c', 'd');

afterEach(async () => {
  await Promise.all(opened.splice(0).map((endpoint) => endpoint.close()));
});

describe('makeOnnxEndpoint', () => {
  it('reports the type of a table and the digest of the file', async () => {
    const description = await open('tensor.onnx').describe(options);

    expect(description.everyType).toBe('number');
    expect(description.model).toEqual({
      name: 'tensor.onnx',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      reported: true,
    });
  });

  it('reports the types of columns by name', async () => {
    const { types } = await open('columns.onnx').describe(options);

    expect(types).toEqual({ job: 'text', age: 'number', children: 'integer' });
  });

  it('gives labels and probabilities in row order, as scikit-learn does', async () => {
    const answers = answersOf(await open('tensor.onnx').classify(fourFeatures, tensorRows, options));

    expect(answers.map(({ label }) => label)).toEqual(tensorLabels);
    const [first] = answers;
    for (const [index, share] of tensorFirst.entries()) expect(first?.probabilities?.[index]).toBeCloseTo(share, 5);
  });

  it('keeps batches apart when several are in flight', async () => {
    const endpoint = open('tensor.onnx');
    const wanted = tensorRows.map((_, at) => [tensorLabels[at], tensorLabels[(at + 1) % 5]]);

    const outcomes = await Promise.all(
      tensorRows.map((row, at) => endpoint.classify(fourFeatures, [row, tensorRows[(at + 1) % 5]!], options)),
    );

    expect(outcomes.map((outcome) => answersOf(outcome).map(({ label }) => label))).toEqual(wanted);
  });

  it('finds columns by name, whatever their order, and answers with texts', async () => {
    const rows: Cell[][] = [
      [1, 'x', 30],
      [0, 'y', 61],
      [2, '?', 22.5],
    ];

    const outcome = await open('columns.onnx').classify(
      features(['children', 'integer'], ['job', 'text'], 'age'),
      rows,
      options,
    );

    const answers = answersOf(outcome);
    expect(answers.map(({ label }) => label)).toEqual(['yes', 'yes', 'no']);
    expect(answers[2]?.probabilities?.[0]).toBeCloseTo(0.97273, 4);
  });

  it('calls a row unusable when the model computes no numbers for it, and answers the others', async () => {
    const answers = answersOf(
      await open('tensor.onnx').classify(fourFeatures, [[null, 1, 1, 1], tensorRows[2]!], options),
    );

    expect(answers[0]).toEqual({});
    expect(answers[1]?.label).toBe(2);
  });

  it.each<[string, Cell]>([
    ['a fraction', 1.5],
    ['nothing', null],
    ['a text', 'many'],
  ])('refuses %s where the model takes whole numbers', async (_, children) => {
    const outcome = await open('columns.onnx').classify(
      features(['job', 'text'], 'age', 'children'),
      [['x', 30, children]],
      options,
    );

    expect(outcome).toEqual({ kind: 'bad-rows', status: 0 });
  });

  it('uses the outputs that the route names', async () => {
    const answers = answersOf(
      await open('tensor.onnx', { label: 'label', scores: 'probabilities' }).classify(
        fourFeatures,
        tensorRows,
        options,
      ),
    );

    expect(answers).toHaveLength(5);
    await expect(open('tensor.onnx', { scores: 'nothing' }).describe(options)).rejects.toMatchObject({
      code: 'config.model-unreadable',
    });
  });

  it('says how to export a model whose probabilities are maps', async () => {
    await expect(open('zipmap.onnx').describe(options)).rejects.toMatchObject({
      code: 'config.model-zipmap',
      message: expect.stringContaining('zipmap=False'),
    });
  });

  it('refuses bytes that are no model', async () => {
    const endpoint = makeOnnxEndpoint(
      { kind: 'onnx', model: 'broken.onnx' },
      { loadModel: async () => Buffer.from('not a model') },
    );

    await expect(endpoint.describe(options)).rejects.toMatchObject({ code: 'config.model-unreadable' });
    await expect(endpoint.describe(options)).rejects.toMatchObject({ code: 'config.model-unreadable' });
  });

  it('names the inputs that have no feature and never a header of the file', async () => {
    const surplus = open('columns.onnx').classify(features('job', 'age', 'patient name'), [['x', 1, 1]], options);

    await expect(surplus).rejects.toMatchObject({
      code: 'config.feature-not-in-model',
      details: { features: ['children', 'feature 3'] },
    });
    await expect(open('tensor.onnx').classify(features('a'), [[1]], options)).rejects.toMatchObject({
      details: { features: ['feature 2', 'feature 3', 'feature 4'] },
    });
  });

  it('gives up waiting when the job is aborted, and works again afterwards', async () => {
    const endpoint = open('tensor.onnx');
    await endpoint.describe(options);

    const aborted = await endpoint.classify(fourFeatures, tensorRows, { ...options, signal: AbortSignal.abort() });
    const after = await endpoint.classify(fourFeatures, tensorRows, options);

    expect(aborted).toEqual({ kind: 'transient', status: 0 });
    expect(after.kind).toBe('ok');
  });

  it('lets its process end when it is left open after an answer', () => {
    const node = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url));
    const program = fileURLToPath(new URL('onnx-left-open.ts', import.meta.url));

    const { stdout, status } = spawnSync(node, [program], {
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
      timeout: 15_000,
    });

    expect({ stdout, status }).toEqual({ stdout: 'ok', status: 0 });
  }, 30_000);
});
