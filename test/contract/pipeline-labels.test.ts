import { describe, expect, it } from '@jest/globals';
import type { RawAnswer } from '../../lib/endpoints/types.ts';
import { answering, type PipelineRun, runPipeline } from './pipeline.ts';
import { brokenRules, readRejects } from './pipeline-reading.ts';

const numbered = (count: number) => `x,y\n${Array.from({ length: count }, (_, index) => `${index},a\n`).join('')}`;

/** Output lines behind the header, without the input's own cells. */
function appendedOf(output: Buffer | undefined, ownColumnCount = 2): string[] {
  const lines = output!.toString().trimEnd().split('\n').slice(1);
  return lines.map((line) => line.split(',').slice(ownColumnCount).join(','));
}

describe('without configured labels', () => {
  it('takes the first 100 distinct answers as labels and rejects the others', async () => {
    const { summary, rejects } = await runPipeline({
      input: numbered(400),
      script: answering(([x]) => ({ label: `class ${(x as number) % 102}` })),
    });

    expect(Object.keys(summary!.labels)).toEqual(Array.from({ length: 100 }, (_, index) => `class ${index}`));
    expect(summary!.rejectCodes).toEqual({ 'row.label-unknown': 6 });
    expect(readRejects(rejects).map(({ record }) => record)).toEqual(
      [100, 101, 202, 203, 304, 305].map((x) => `${x},a`),
    );
  });

  it('takes the same answers as labels whatever comes back first', async () => {
    const run: PipelineRun = {
      input: numbered(300),
      route: { batch: { maxRows: 7, maxInFlight: 8 } },
      script: async ({ number, rows }) => {
        for (let turn = 0; turn < (number * 5) % 11; turn++) await new Promise((resolve) => setImmediate(resolve));
        return { kind: 'ok', answers: rows.map((row) => ({ label: `class ${JSON.parse(row)[0] % 120}` })) };
      },
    };

    const { summary, rejects } = await runPipeline(run);

    expect(summary!.rows).toMatchObject({ classified: 260, rejected: 40 });
    expect(readRejects(rejects)[0]!.record).toBe('100,a');
  });

  it('takes answers of 128 characters, and none of 129, whatever the characters', async () => {
    const { summary } = await runPipeline({
      input: numbered(4),
      script: answering(([x]) => ({
        label: ['a'.repeat(128), 'b'.repeat(129), '🍷'.repeat(128), '🍷'.repeat(129)][x as number]!,
      })),
    });

    expect(Object.keys(summary!.labels)).toEqual(['a'.repeat(128), '🍷'.repeat(128)]);
    expect(summary!.rows).toMatchObject({ classified: 2, rejected: 2 });
  });

  it.each([
    ['a label alone', (text: string): RawAnswer => ({ label: text })],
    [
      'a label and its probabilities',
      (text: string): RawAnswer => ({ label: text, scores: { [text]: 0.9, other: 0.1 } }),
    ],
  ])('tolerates 1,000 answers beyond those and ends at the next (%s)', async (_, answer) => {
    const script = answering(([x]) => answer(`text ${x}`));

    const tolerated = await runPipeline({ input: numbered(1_100), script });
    const ended = await runPipeline({ input: numbered(1_101), script });

    expect(tolerated.summary?.rows).toMatchObject({ classified: 100, rejected: 1_000 });
    expect(ended.error?.code).toBe('endpoint.not-a-classifier');
    expect(brokenRules(ended)).toEqual([]);
  });

  it('writes the rejects that were found when it ends a job', async () => {
    const { error, rejects } = await runPipeline({
      input: numbered(2_000),
      route: { batch: { maxRows: 400, maxInFlight: 1 } },
      script: answering(([x]) => ({ label: `text ${x}` })),
    });

    expect(error?.code).toBe('endpoint.not-a-classifier');
    expect(readRejects(rejects).length).toBe(1_000);
  });

  it('reads whole numbers, truth values and texts as labels', async () => {
    const { output } = await runPipeline({
      input: numbered(4),
      script: answering(([x]) => ({ label: [2, true, -0, 'tiède'][x as number]! })),
    });

    expect(appendedOf(output)).toEqual(['2,', 'true,', '0,', 'tiède,']);
  });
});

describe('with configured labels', () => {
  const answers: readonly (readonly [
    title: string,
    labels: unknown,
    answer: RawAnswer,
    appended: string | undefined,
  ])[] = [
    ['the name itself', ['non', 'oui'], { label: 'oui' }, 'oui,'],
    ['the index of a class', ['non', 'oui'], { label: 1 }, 'oui,'],
    ['the index as a text', ['non', 'oui'], { label: '1' }, 'oui,'],
    ['the index as a float', ['non', 'oui'], { label: '1.0' }, 'oui,'],
    ['a truth value', ['non', 'oui'], { label: true }, 'oui,'],
    ['an index without a class', ['non', 'oui'], { label: 2 }, undefined],
    ['a fraction', ['non', 'oui'], { label: 0.5 }, undefined],
    ['a negative index', ['non', 'oui'], { label: -1 }, undefined],
    ['another text', ['non', 'oui'], { label: 'peut-être' }, undefined],
    ['a mapped number', { '-1': 'anomalie', '1': 'normal' }, { label: -1 }, 'anomalie,'],
    ['a mapped float', { '-1': 'anomalie', '1': 'normal' }, { label: '1.0' }, 'normal,'],
    ['a mapped truth value', { true: 'oui', false: 'non' }, { label: false }, 'non,'],
    ['an unmapped number', { '-1': 'anomalie', '1': 'normal' }, { label: 0 }, undefined],
    ['a label of many answers', { '5': 'ok', '6': 'ok', '9': 'défaut' }, { label: 6 }, 'ok,'],
    ['the name of an object method', { a: 'b' }, { label: 'constructor' }, undefined],
    ['probabilities by index', ['a', 'b', 'c'], { probabilities: [0.2, 0.7, 0.1] }, 'b,0.7'],
    ['probabilities by name', ['a', 'b'], { scores: { b: 0.75, a: 0.25 } }, 'b,0.75'],
    ['one probability of two classes', ['a', 'b'], { probabilities: [0.25] }, 'a,0.75'],
    [
      'a class that the route does not name, among others',
      ['a', 'b'],
      { scores: { a: 0.3, b: 0.45, c: 0.25 } },
      'b,0.45',
    ],
    [
      'a class that the route does not name, as the likeliest',
      ['a', 'b'],
      { scores: { a: 0.3, b: 0.2, c: 0.5 } },
      undefined,
    ],
    ['classes that the route does not name', ['a', 'b'], { label: 'c', scores: { c: 0.9, d: 0.1 } }, undefined],
    ['a label and its score', ['a', 'b'], { label: 1, score: 0.625 }, 'b,0.625'],
    ['a label and the probabilities, on a tie', ['a', 'b'], { label: 'b', probabilities: [0.5, 0.5] }, 'b,0.5'],
    [
      'probabilities that a map adds up',
      { x: 'rouge', y: 'rouge', z: 'blanc' },
      { scores: { x: 0.3, y: 0.3, z: 0.4 } },
      'rouge,0.6',
    ],
  ];

  it.each(answers)('reads %s', async (_, labels, answer, appended) => {
    const { output, summary } = await runPipeline({
      input: 'x,y\n1,a\n2,a\n',
      route: { labels },
      script: ({ rows }) => ({ kind: 'ok', answers: rows.map(() => answer) }),
    });

    expect(appendedOf(output)).toEqual(appended === undefined ? [] : [appended, appended]);
    expect(summary?.rejectCodes).toEqual(appended === undefined ? { 'row.label-unknown': 2 } : {});
  });

  it('ends with the labels, not with the service, when no answer is among them', async () => {
    const { error } = await runPipeline({
      input: numbered(100),
      route: { labels: ['a', 'b'], limits: { maxRejected: { rows: 10, share: 0.01 } } },
    });

    expect(error?.code).toBe('job.too-many-rejects');
  });

  it('guesses no name for the index of a class that a map does not hold', async () => {
    const { summary } = await runPipeline({
      input: numbered(2),
      route: { labels: { '1': 'normal', '-1': 'anomalie' } },
      script: answering(([x]) => (x === 1 ? { label: 1 } : { probabilities: [0.1, 0.9] })),
    });

    expect(summary).toMatchObject({ labels: { normal: 1 }, rejectCodes: { 'row.unanswered': 1 } });
  });

  it('rejects probabilities of another number of classes, row by row', async () => {
    const { summary } = await runPipeline({
      input: numbered(3),
      route: { labels: ['a', 'b', 'c'] },
      script: answering(([x]) => ({ probabilities: x === 1 ? [0.5, 0.5] : [0.5, 0.3, 0.2] })),
    });

    expect(summary).toMatchObject({ labels: { a: 2 }, rejectCodes: { 'row.unanswered': 1 } });
  });
});

describe('decide', () => {
  const probabilities = [0.1, 0.3, 0.35, 0.36, 0.5, 0.6, 0.9];
  const script = answering(([x]) => ({ probabilities: [1 - (x as number), x as number] }));
  const input = `x,y\n${probabilities.map((x) => `${x},a\n`).join('')}`;

  it.each([
    ['the highest score by default', undefined, 'non non non non non oui oui'],
    ['a threshold', { positive: 'oui', threshold: 0.35 }, 'non non oui oui oui oui oui'],
    ['a threshold of 0', { positive: 'oui', threshold: 0 }, 'oui oui oui oui oui oui oui'],
    ['a threshold of 1', { positive: 'oui', threshold: 1 }, 'non non non non non non non'],
    ['abstaining', { abstainBelow: 0.65, abstainAs: '?' }, 'non non non ? ? ? oui'],
    [
      'a threshold and abstaining, by the probability of the printed label',
      { positive: 'oui', threshold: 0.35, abstainBelow: 0.5, abstainAs: '?' },
      'non non ? ? oui oui oui',
    ],
  ])('prints %s', async (_, decide, expected) => {
    const { output, summary } = await runPipeline({
      input,
      route: { labels: ['non', 'oui'], ...(decide === undefined ? {} : { decide }) },
      script,
    });

    const labels = expected.split(' ');
    expect(appendedOf(output).map((cells) => cells.split(',')[0])).toEqual(labels);
    expect(summary?.rows).toMatchObject({ classified: 7, abstained: labels.filter((label) => label === '?').length });
    expect(Object.entries(summary!.labels).sort()).toEqual(
      [...new Set(labels)].sort().map((label) => [label, labels.filter((each) => each === label).length]),
    );
  });

  it('prints the probability of the label before abstaining', async () => {
    const { output } = await runPipeline({
      input,
      route: {
        labels: ['non', 'oui'],
        decide: { positive: 'oui', threshold: 0.35, abstainBelow: 0.5, abstainAs: '?' },
      },
      script,
    });

    expect(appendedOf(output)).toEqual(['non,0.9', 'non,0.7', '?,0.35', '?,0.36', 'oui,0.5', 'oui,0.6', 'oui,0.9']);
  });

  it('prints an empty label where abstaining has no name', async () => {
    const { output, summary } = await runPipeline({
      input: 'x,y\n0.5,a\n',
      route: { labels: ['non', 'oui'], decide: { abstainBelow: 0.9 } },
      script,
    });

    expect(appendedOf(output)).toEqual([',0.5']);
    expect(summary?.rows).toMatchObject({ classified: 1, abstained: 1 });
    expect(summary?.labels).toEqual({ '': 1 });
  });

  it('prints the likeliest of the others when the threshold is not reached, of three classes', async () => {
    const { output } = await runPipeline({
      input: 'x,y\n1,a\n2,a\n',
      route: { labels: ['a', 'b', 'c'], decide: { positive: 'a', threshold: 0.6 } },
      script: answering(([x]) => ({ probabilities: x === 1 ? [0.5, 0.2, 0.3] : [0.6, 0.1, 0.3] })),
    });

    expect(appendedOf(output)).toEqual(['c,0.3', 'a,0.6']);
  });
});

describe('models', () => {
  it('are listed with the rows that each answered', async () => {
    const { summary, output } = await runPipeline({
      input: numbered(10),
      route: { batch: { maxRows: 4, maxInFlight: 1 }, output: { model: 'version' } },
      script: ({ number, rows }) => ({
        kind: 'ok',
        answers: rows.map(() => ({ label: 'a' })),
        model: { name: 'm', version: number === 0 ? '7' : '8', reported: true },
      }),
    });

    expect(summary!.endpoint).toMatchObject({
      models: [
        { name: 'm', version: '7', reported: true, rows: 4 },
        { name: 'm', version: '8', reported: true, rows: 6 },
      ],
    });
    expect(appendedOf(output).map((cells) => cells.split(',')[2])).toEqual([
      '7',
      '7',
      '7',
      '7',
      '8',
      '8',
      '8',
      '8',
      '8',
      '8',
    ]);
  });

  it('are not credited with rows that never reached them or were refused', async () => {
    const { summary } = await runPipeline({
      input: 'x,y\n1,a\n2,a\n3\n4,a\n5\n6\n',
      route: { batch: { maxRows: 1 } },
      script: ({ rows }) =>
        rows[0] === '[2]'
          ? { kind: 'bad-rows', status: 400 }
          : { kind: 'ok', answers: rows.map(() => ({ label: 'a' })), model: { version: '7', reported: true } },
    });

    expect(summary!.rows).toMatchObject({ classified: 2, rejected: 4 });
    expect(summary!.endpoint).toMatchObject({ models: [{ version: '7', reported: true, rows: 2 }] });
  });
});
