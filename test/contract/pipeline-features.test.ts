import { describe, expect, it } from '@jest/globals';
import type { ModelDescription } from '../../lib/endpoints/types.ts';
import { runPipeline } from './pipeline.ts';
import { readRejects } from './pipeline-reading.ts';

const sentOf = (calls: Awaited<ReturnType<typeof runPipeline>>['calls']) =>
  calls.flatMap(({ rows }) => rows.map((row) => JSON.parse(row) as unknown));

describe('what the model receives', () => {
  const cases: ReadonlyArray<
    readonly [
      title: string,
      input: string,
      route: Readonly<Record<string, unknown>>,
      sent: unknown,
      types: object | undefined,
    ]
  > = [
    [
      'only the features, in their order',
      'a,b,c\n1,x,2\n',
      { features: ['c', 'a'] },
      [[2, 1]],
      { c: 'number', a: 'number' },
    ],
    ['every column with *', 'a,b\n1,x\n', { features: '*' }, [[1, 'x']], { a: 'number', b: 'text' }],
    [
      'one column twice, under two names',
      'a\n1\n',
      { features: ['a', { column: 'a', as: 'b' }] },
      [[1, 1]],
      { a: 'number' },
    ],
    [
      'numbers where all cells are plain numbers',
      'x\n1\n-2.5\n0\n1e-3\n1.5E3\n',
      {},
      [[1], [-2.5], [0], [0.001], [1500]],
      { x: 'number' },
    ],
    ['texts where one cell has a leading zero', 'x\n1\n007\n', {}, [['1'], ['007']], { x: 'text' }],
    ['texts where one cell has a plus', 'x\n1\n+7\n', {}, [['1'], ['+7']], { x: 'text' }],
    ['texts where one cell is a word', 'x\n1\nNaN\n', {}, [['1'], ['NaN']], { x: 'text' }],
    ['texts where all cells are missing', 'x,y\n,1\n,2\n', {}, [[null], [null]], { x: 'text' }],
    ['numbers with missing cells among them', 'x,y\n1,1\n,2\n', {}, [[1], [null]], { x: 'number' }],
    [
      'only the configured tokens as missing',
      'x\nNA\n-\nnull\n1\n',
      { csv: { missing: ['-'] } },
      [['NA'], [null], ['null'], ['1']],
      { x: 'text' },
    ],
    [
      'an empty text where only a token is missing',
      'x,y\n,a\n-,b\n',
      { csv: { missing: ['-'] } },
      [[''], [null]],
      { x: 'text' },
    ],
    ['texts where a whole number has an exponent', 'x\n1\n12E4\n', {}, [['1'], ['12E4']], { x: 'text' }],
    ['the configured type', 'x\n1\n2\n', { features: [{ column: 'x', type: 'text' }] }, [['1'], ['2']], { x: 'text' }],
    [
      'loose numbers where the type is configured',
      'x\n007\n+5\n .5 \n',
      { features: [{ column: 'x', type: 'number' }] },
      [[7], [5], [0.5]],
      { x: 'number' },
    ],
    [
      'integers, also with a zero fraction',
      'x\n5\n5.0\n',
      { features: [{ column: 'x', type: 'integer' }] },
      [[5], [5]],
      { x: 'integer' },
    ],
    [
      'truth values',
      'x\ntrue\nFALSE\n1\n0\n',
      { features: [{ column: 'x', type: 'boolean' }] },
      [[true], [false], [true], [false]],
      { x: 'boolean' },
    ],
    ['points in a comma-separated file', 'x,y\n1.5,a\n', {}, [[1.5]], { x: 'number' }],
    ['commas in a quoted cell of a comma-separated file as text', 'x,y\n"1,5",a\n', {}, [['1,5']], { x: 'text' }],
    ['commas in a file with semicolons', 'x;y\n1,5;a\n', {}, [[1.5]], { x: 'number' }],
    ['points in a file with semicolons', 'x;y\n1.5;a\n', {}, [[1.5]], { x: 'number' }],
    ['grouped thousands', 'x;y\n1 234,5;a\n', { csv: { thousands: ' ' } }, [[1234.5]], { x: 'number' }],
    [
      'column names without header',
      '1;a\n',
      { csv: { header: false }, features: ['column_2', 'column_1'] },
      [['a', 1]],
      { column_2: 'text', column_1: 'number' },
    ],
    [
      'a header whose accents are written in another way',
      'de\u0301g\n1\n',
      { features: ['d\u00e9g'] },
      [[1]],
      undefined,
    ],
    ['a header with quotes and delimiters', '"a ""b"", c",y\n1,2\n', { features: ['a "b", c'] }, [[1]], undefined],
    ['cells with quotes, delimiters and newlines', 'x,y\n"a ""b"", c\nd",2\n', {}, [['a "b", c\nd']], { x: 'text' }],
  ];

  it.each(cases)('is %s', async (_, input, route, sent, types) => {
    const { calls, error, summary } = await runPipeline({ input, route });

    expect(error).toBeUndefined();
    expect(sentOf(calls)).toEqual(sent);
    if (types !== undefined) expect(summary!.input.types).toEqual(types);
  });

  it('is named as the model names it', async () => {
    const { calls } = await runPipeline({ input: 'x\n1\n', route: { features: [{ column: 'x', as: 'acidity' }] } });

    expect(calls[0]!.features).toEqual([{ index: 0, column: 'x', name: 'acidity', type: 'number' }]);
  });

  it.each<readonly [string, ModelDescription, unknown]>([
    ['of each feature', { types: { x: 'text' } }, [['1', 2]]],
    ['of all features', { everyType: 'text' }, [['1', '2']]],
  ])("has the model's own type %s, where the route states none", async (_, description, sent) => {
    const { calls } = await runPipeline({
      input: 'x,y\n1,2\n',
      route: { features: ['x', 'y'] },
      change: (tools) => ({
        ...tools,
        openEndpoint: async (...open) => ({
          ...(await tools.openEndpoint(...open)),
          describe: async () => description,
        }),
      }),
    });

    expect(sentOf(calls)).toEqual(sent);
  });

  it('has the type of the route rather than that of the model', async () => {
    const { calls } = await runPipeline({
      input: 'x,y\n1,2\n',
      route: { features: [{ column: 'x', type: 'number' }] },
      change: (tools) => ({
        ...tools,
        openEndpoint: async (...open) => ({
          ...(await tools.openEndpoint(...open)),
          describe: async () => ({ types: { x: 'text' } }),
        }),
      }),
    });

    expect(sentOf(calls)).toEqual([[1]]);
  });

  it('has the type that the first MiB gives, and rejects what comes later and is not of it', async () => {
    const head = Array.from({ length: 200_000 }, (_, index) => `${index},abc\n`).join('');

    const { summary, rejects } = await runPipeline({ input: `x,y\n${head}007,a\nword,b\n`, chunkSizeBytes: 65_536 });

    expect(head.length).toBeGreaterThan(1024 * 1024);
    expect(summary?.input.types).toEqual({ x: 'number' });
    expect(readRejects(rejects)).toMatchObject([{ row: 200_002, code: 'row.type', record: 'word,b' }]);
  });
});
