import { describe, expect, it } from '@jest/globals';
import type { Cell } from '../../lib/csv/types.ts';
import type { Endpoint } from '../../lib/endpoints/types.ts';
import { startMlflowStandIn } from '../stand-ins/mlflow.ts';
import { startSagemakerStandIn } from '../stand-ins/sagemaker.ts';
import { type PipelineEnd, runPipeline } from './pipeline.ts';
import { brokenRules } from './pipeline-reading.ts';

interface Shape {
  readonly title: string;
  readonly delimiter: string;
  readonly decimal: '.' | ',';
  readonly encoding: 'utf-8' | 'utf-8-bom' | 'utf-16le' | 'utf-16be' | 'latin1';
  readonly lineEnd: string;
  readonly csv?: Readonly<Record<string, unknown>>;
}

/** The first one is the endpoints' own. */
const shapes: readonly Shape[] = [
  { title: 'comma, point, UTF-8', delimiter: ',', decimal: '.', encoding: 'utf-8', lineEnd: '\n' },
  { title: 'semicolon, comma, Windows-1252', delimiter: ';', decimal: ',', encoding: 'latin1', lineEnd: '\r\n' },
  { title: 'semicolon, comma, UTF-8 with BOM', delimiter: ';', decimal: ',', encoding: 'utf-8-bom', lineEnd: '\r\n' },
  { title: 'tab, comma, UTF-16 LE', delimiter: '\t', decimal: ',', encoding: 'utf-16le', lineEnd: '\r\n' },
  { title: 'tab, point, UTF-16 BE', delimiter: '\t', decimal: '.', encoding: 'utf-16be', lineEnd: '\n' },
  { title: 'bar, comma, Windows-1252, CR', delimiter: '|', decimal: ',', encoding: 'latin1', lineEnd: '\r' },
  { title: 'semicolon, point, UTF-8, CR', delimiter: ';', decimal: '.', encoding: 'utf-8', lineEnd: '\r' },
  {
    title: 'semicolon, comma, ISO-8859-15',
    delimiter: ';',
    decimal: ',',
    encoding: 'latin1',
    lineEnd: '\n',
    csv: { encoding: 'iso-8859-15' },
  },
];

/** `!` stands for the decimal mark. Only characters that all encodings share, with the same bytes in two of them. */
const header = ['postcode', 'country', 'acidité', 'count', 'note', 'ok', 'unused'];
const records = [
  ['01000', 'NA', '12!50', '3', 'très sec', 'true', 'x'],
  ['2000', 'FR', '-0!5', '40', 'bon; "meilleur", disent-ils | oui', 'FALSE', 'y'],
  ['69007', 'NA', '1!5e-3', '', '', '1', 'z'],
  ['00003', 'null', '0', '7', 'deux\nlignes', '0', 'w'],
  ['75001', 'nan', '', '1000', "d'été\ttab", '', 'v'],
];
const features = [
  { column: 'country', as: 'pays' },
  'postcode',
  { column: 'acidité', as: 'acidity' },
  { column: 'count', type: 'integer' },
  'note',
  { column: 'ok', type: 'boolean' },
];

function fileIn({ delimiter, decimal, encoding, lineEnd }: Shape): Buffer {
  const quoted = (cell: string) => (/[",;|\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const cellIn = (cell: string) => {
    const text = cell.replace('!', decimal);
    return text.includes(delimiter) || !/^-?[\d.,e-]+$/.test(text) ? quoted(text) : text;
  };
  const text = [header, ...records]
    .map((cells) => cells.map(cellIn).join(delimiter))
    .concat('')
    .join(lineEnd);
  switch (encoding) {
    case 'utf-8':
      return Buffer.from(text);
    case 'utf-8-bom':
      return Buffer.from(`\uFEFF${text}`);
    case 'latin1':
      return Buffer.from(text, 'latin1');
    case 'utf-16le':
      return Buffer.from(`\uFEFF${text}`, 'utf16le');
    case 'utf-16be':
      return Buffer.from(`\uFEFF${text}`, 'utf16le').swap16();
  }
}

interface Outcome {
  readonly requests: readonly string[];
  /** Label and score of each record, with a point. */
  readonly answers: readonly (readonly [string, string])[];
}

interface Kind {
  readonly title: string;
  readonly run: (shape: Shape) => Promise<{ end: PipelineEnd; requests: readonly string[] }>;
}

const routeOf = (shape: Shape) => ({ features, labels: ['rouge', 'rosé'], csv: shape.csv ?? {} });

async function runStub(shape: Shape) {
  const end = await runPipeline({
    input: fileIn(shape),
    route: { ...routeOf(shape), endpoint: { kind: 'stub', labels: ['rouge', 'rosé'] } },
  });
  return {
    end,
    requests: end.calls.map(({ rows, features: sent }) => JSON.stringify([sent.map(({ name }) => name), rows])),
  };
}

async function runMlflow(shape: Shape, format: 'dataframe_split' | 'csv' | 'inputs' | 'legacy') {
  const server = await startMlflowStandIn({
    answers: 'probabilities',
    labels: ['rouge', 'rosé'],
    dialect: format === 'legacy' ? '1.30' : '3.x',
  });
  try {
    const end = await runPipeline({
      input: fileIn(shape),
      real: true,
      route: { ...routeOf(shape), endpoint: { kind: 'mlflow', url: server.url, format } },
    });
    return { end, requests: server.requests.map(({ body }) => body.toString()) };
  } finally {
    await server.close();
  }
}

async function runSagemaker(shape: Shape, contentType: string) {
  const server = await startSagemakerStandIn({ container: 'softprob' });
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' });
  try {
    const end = await runPipeline({
      input: fileIn(shape),
      real: true,
      route: {
        ...routeOf(shape),
        endpoint: { kind: 'sagemaker', name: 'wine', region: 'eu-west-3', url: server.origin, contentType },
      },
    });
    return { end, requests: server.requests.map(({ body }) => body.toString()) };
  } finally {
    restore('AWS_ACCESS_KEY_ID', AWS_ACCESS_KEY_ID);
    restore('AWS_SECRET_ACCESS_KEY', AWS_SECRET_ACCESS_KEY);
    await server.close();
  }
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** What an embedded model is handed: values, not text. */
async function runCells(shape: Shape) {
  const requests: string[] = [];
  const endpoint: Endpoint<'cells'> = {
    kind: 'onnx',
    rowFormat: 'cells',
    defaults: { maxRows: 500, maxBytes: 1_000_000, maxInFlight: 2, timeoutMs: 1_000 },
    describe: async () => ({}),
    async classify(sent, rows: readonly (readonly Cell[])[]) {
      requests.push(JSON.stringify([sent.map(({ name }) => name), rows]));
      return { kind: 'ok', answers: rows.map((_, index) => ({ probabilities: [0.5 - index / 16, 0.5 + index / 16] })) };
    },
    close: async () => undefined,
  };
  const end = await runPipeline({
    input: fileIn(shape),
    route: routeOf(shape),
    change: (tools) => ({ ...tools, openEndpoint: async () => endpoint }),
  });
  return { end, requests };
}

const kinds: readonly Kind[] = [
  { title: 'stub', run: runStub },
  { title: 'mlflow, dataframe_split', run: (shape) => runMlflow(shape, 'dataframe_split') },
  { title: 'mlflow, csv', run: (shape) => runMlflow(shape, 'csv') },
  { title: 'mlflow, inputs', run: (shape) => runMlflow(shape, 'inputs') },
  { title: 'mlflow, legacy', run: (shape) => runMlflow(shape, 'legacy') },
  { title: 'sagemaker, text/csv', run: (shape) => runSagemaker(shape, 'text/csv') },
  { title: 'sagemaker, application/json', run: (shape) => runSagemaker(shape, 'application/json') },
  { title: 'sagemaker, application/jsonlines', run: (shape) => runSagemaker(shape, 'application/jsonlines') },
  { title: 'cells of an embedded model', run: runCells },
];

async function outcomeOf(kind: Kind, shape: Shape): Promise<Outcome> {
  const { end, requests } = await kind.run(shape);
  expect(end.error).toBeUndefined();
  expect(brokenRules(end)).toEqual([]);
  expect(end.summary?.rows).toMatchObject({ read: 5, classified: 5 });
  expect(end.summary?.input.dialect).toMatchObject({ delimiter: shape.delimiter, decimal: shape.decimal });
  return { requests, answers: answersOf(end.output!, shape) };
}

/** Appended cells, read from the end of each record; the label is the only thing that looks like it. */
function answersOf(output: Buffer, { encoding, delimiter, decimal }: Shape): Outcome['answers'] {
  const bytes = Buffer.from(output);
  const text =
    encoding === 'utf-16be'
      ? bytes.swap16().toString('utf16le')
      : bytes.toString(encoding === 'utf-16le' ? 'utf16le' : encoding === 'latin1' ? 'latin1' : 'utf8');
  const bar = delimiter === '|' ? '\\|' : delimiter;
  return [...text.matchAll(new RegExp(`${bar}(rouge|rosé)${bar}([\\d.,]+)(?=[\\r\\n]|$)`, 'g'))].map((match) => [
    match[1]!,
    match[2]!.replace(decimal, '.'),
  ]);
}

describe('the same data in another dialect', () => {
  describe.each(kinds)('$title', (kind) => {
    const reference = () => outcomeOf(kind, shapes[0]!);

    it('is sent with postcodes and countries as text, in the order of the features', async () => {
      const { requests } = await reference();

      const sent = requests.join('\n');
      expect(requests.length).toBeGreaterThan(0);
      expect(sent).toContain('01000');
      expect(sent).toContain('00003');
      expect(sent).toContain('NA');
      expect(sent).not.toMatch(/unused|"x"/);
    });

    it.each(shapes.slice(1))('gives equal requests, labels and scores: $title', async (shape) => {
      const expected = await reference();

      const found = await outcomeOf(kind, shape);

      expect(found.requests).toEqual(expected.requests);
      expect(found.answers).toEqual(expected.answers);
      expect(found.answers).toHaveLength(5);
    });
  });

  it('is sent exactly as the contract says', async () => {
    const { requests } = await runMlflow(shapes[1]!, 'dataframe_split');

    expect(requests).toEqual([
      '{"dataframe_split":{"columns":["pays","postcode","acidity","count","note","ok"],"data":[' +
        '["NA","01000",12.50,3,"très sec",true],' +
        '["FR","2000",-0.5,40,"bon; \\"meilleur\\", disent-ils | oui",false],' +
        '["NA","69007",1.5e-3,null,null,true],' +
        '["null","00003",0,7,"deux\\nlignes",false],' +
        '["nan","75001",null,1000,"d\'été\\ttab",null]]}}',
    ]);
  });

  it('forwards the own bytes of a file that is in the dialect of the endpoint', async () => {
    const server = await startMlflowStandIn({ labels: ['a', 'b'] });
    const input = 'x,y\n1.50,été\n2,"b ""c"""\n,d\n';
    try {
      await runPipeline({
        input,
        real: true,
        route: { features: '*', endpoint: { kind: 'mlflow', url: server.url, format: 'csv' } },
      });
    } finally {
      await server.close();
    }

    expect(server.requests.map(({ body }) => body.toString())).toEqual([input]);
  });
});
