import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../lib/config/read.ts';
import { type ConfigProblem, hasCode, isTamisError } from '../../../lib/errors.ts';

const contractExample = `
version: 1
residency:
  regions: eu
  declared: []
ledger:
  currency: USD
routes:
  - name: wine
    input: input/wine/
    match: ['*.csv', '*.tsv', '*.txt']
    features:
      - alcohol
      - { column: "degré d'acidité", as: acidity, type: number }
    labels: [non, oui]
    decide: { positive: oui, threshold: 0.35, abstainBelow: 0.6, abstainAs: a_verifier }
    answer: { prediction: null, score: null }
    csv: { delimiter: auto, encoding: auto, quote: '"', header: true, decimal: auto, thousands: none, missing: [''], maxRecordBytes: 1048576 }
    onMissing: send
    output: { prediction: prediction, score: score, scores: false, model: null, encoding: same }
    batch: { maxRows: 500, maxBytes: 4000000, maxInFlight: 16 }
    limits: { maxRejected: { rows: 10, share: 0.01 }, maxCost: null, maxInputBytes: null }
    tags: { costCentre: "4711" }
    endpoint:
      kind: mlflow
      url: http://127.0.0.1:5001/invocations
      auth: { scheme: bearer, secret: "env:MLFLOW_TOKEN" }
      model: wine
      price: { perHour: 0.48, currency: EUR, utilisation: 0.3, source: "contract 2026-03", validFrom: 2026-03-01 }
      footprint: { country: FR, pue: 1.2, wattsIdle: 60, wattsMax: 180, vcpus: 16, embodiedKgCO2e: 1200, lifetimeYears: 5, source: "…" }
`;

/** A route that needs nothing else, with lines of its own; each indented by four spaces. */
const routeWith = (...lines: string[]): string =>
  ['version: 1', 'routes:', '  - name: wine', '    input: input/wine/', ...lines.map((line) => `    ${line}`), ''].join(
    '\n',
  );
const features = 'features: [alcohol]';
const stub = 'endpoint: { kind: stub, labels: [non, oui] }';
const route = (...lines: string[]): string => routeWith(features, stub, ...lines);
const endpoint = (text: string): string => routeWith(features, `endpoint: ${text}`);

function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    readConfig(text, 'tamis.yml');
  } catch (error) {
    if (hasCode(error, 'config.invalid')) return error.details.problems;
    throw error;
  }
  return [];
}

function unsupportedPathsOf(text: string): readonly string[] {
  try {
    readConfig(text, 'tamis.yml');
  } catch (error) {
    if (hasCode(error, 'config.unsupported')) return error.details.paths;
    throw error;
  }
  return [];
}

const pathsOf = (text: string): string[] => problemsOf(text).map(({ path }) => path);

describe('readConfig', () => {
  it('accepts the example of the contract as it stands', () => {
    const config = readConfig(contractExample, 'tamis.yml');

    expect(config.routes[0]).toMatchObject({
      features: [
        { column: 'alcohol', as: 'alcohol' },
        { column: "degré d'acidité", as: 'acidity', type: 'number' },
      ],
      endpoint: { kind: 'mlflow', format: 'auto', price: { validFrom: '2026-03-01' } },
    });
  });

  it('fills in the defaults that the contract shows', () => {
    const { hash, ...config } = readConfig(route(), 'tamis.yml');

    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(config).toEqual({
      version: 1,
      residency: { regions: 'eu', declared: [] },
      ledger: { currency: 'USD' },
      routes: [
        {
          name: 'wine',
          input: 'input/wine/',
          match: ['*.csv', '*.tsv', '*.txt'],
          features: [{ column: 'alcohol', as: 'alcohol' }],
          answer: { prediction: null, score: null },
          csv: {
            delimiter: 'auto',
            encoding: 'auto',
            quote: '"',
            header: true,
            decimal: 'auto',
            thousands: null,
            missing: [''],
            maxRecordBytes: 1_048_576,
          },
          onMissing: 'send',
          output: { prediction: 'prediction', score: 'score', scores: false, model: null, encoding: 'same' },
          batch: {},
          limits: { maxRejected: { rows: 10, share: 0.01 }, maxCost: null, maxInputBytes: null },
          tags: {},
          endpoint: { kind: 'stub', labels: ['non', 'oui'] },
        },
      ],
    });
  });

  it('lists every problem of the file at once, each with its path', () => {
    const text = `
version: 2
residencie: {}
routes:
  - name: Wine
    input: out/
    features: [1, { colum: x }]
    labels: [a, a]
    decide: { positive: z, threshold: 2 }
    csv: { encoding: UTF-8 }
    tags: { a: 1 }
    endpoint: { kind: mlfow }
  - name: b
    input: input/x
    features: '*'
    limits: { maxCost: 3 }
    endpoint: { kind: mlflow, url: 'https://u:p@h/', auth: { scheme: bearer, secret: hunter2 }, version: 7 }
  - name: b
    input: input/x/
    endpoint: { kind: stub, labels: [a] }
  - 3
`;

    expect(pathsOf(text).sort()).toEqual(
      [
        'version',
        'residencie',
        'routes[0].name',
        'routes[0].input',
        'routes[0].features[0]',
        'routes[0].features[1].column',
        'routes[0].features[1].colum',
        'routes[0].labels[1]',
        'routes[0].decide.threshold',
        'routes[0].csv.encoding',
        'routes[0].tags.a',
        'routes[0].endpoint.kind',
        'routes[1].limits.maxCost',
        'routes[1].endpoint.url',
        'routes[1].endpoint.auth.secret',
        'routes[1].endpoint.version',
        'routes[2].name',
        'routes[2].input',
        'routes[2].features',
        'routes[3]',
      ].sort(),
    );
  });

  it('says what a mistyped key was probably meant to be', () => {
    expect(problemsOf(route('onMising: send'))).toEqual([
      {
        path: 'routes[0].onMising',
        expected: 'a known key (did you mean "onMissing"?)',
        found: 'an unknown key',
      },
    ]);
  });

  it('names the position when the file is not YAML, without repeating the line', () => {
    const problems = problemsOf('version: 1\nsecret: "hunter2\n');

    expect(problems[0]?.path).toMatch(/^line \d+, column \d+$/);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('refuses a key that stands twice in a map', () => {
    expect(problemsOf('version: 1\nversion: 1\n')).toEqual([
      expect.objectContaining({ expected: 'YAML', found: 'duplicate key' }),
    ]);
  });

  it.each([
    ['an empty file', ''],
    ['a text', 'hello'],
    ['a list', '- 1'],
    ['an alias to nothing', 'version: *nothing'],
  ])('refuses %s', (_title, text) => {
    expect(problemsOf(text)).not.toHaveLength(0);
  });

  it.each([
    ['a text', 'secret: hunter2'],
    ['a number', 'secret: 4223314'],
    ['a key of its own', 'secret: "env:X", hunter2: 4223314'],
    ['the scheme', 'secret: "env:X", scheme: hunter2'],
    ['a reference without a name', 'secret: "env:hunter2 4223314"'],
  ])('never repeats a secret that stands there as %s', (_title, wrong) => {
    const scheme = wrong.includes('scheme') ? '' : 'scheme: bearer, ';
    const problems = problemsOf(endpoint(`{ kind: mlflow, url: "http://h/", auth: { ${scheme}${wrong} } }`));

    expect(problems).not.toHaveLength(0);
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|4223314/);
  });

  it.each(['env:TOKEN', 'ssm:/tamis/token', 'file:/run/secrets/token'])('accepts the secret %s', (secret) => {
    const text = endpoint(`{ kind: mlflow, url: "https://h/", auth: { scheme: bearer, secret: "${secret}" } }`);

    expect(readConfig(text, 'tamis.yml').routes[0]?.endpoint).toMatchObject({ auth: { secret } });
  });

  it.each([
    ['azure-ml', 'endpoint.kind'],
    ['vertex-ai', 'endpoint.kind'],
    ['hugging-face', 'endpoint.kind'],
    ['openai', 'endpoint.kind'],
    ['watsonx', 'endpoint.kind'],
    ['datarobot', 'endpoint.kind'],
    ['rapidminer', 'endpoint.kind'],
    ['open-inference', 'endpoint.kind'],
  ])('refuses the kind %s as not built yet', (kind, path) => {
    expect(unsupportedPathsOf(endpoint(`{ kind: ${kind}, anything: 1 }`))).toEqual([`routes[0].${path}`]);
  });

  it('refuses a secret in Secrets Manager, a cost limit and token prices as not built yet', () => {
    const text = routeWith(
      features,
      'limits: { maxCost: 5 }',
      'endpoint:',
      '  kind: mlflow',
      '  url: https://h/',
      '  auth: { scheme: bearer, secret: "secretsmanager:name#field" }',
      '  price: { perMillionInputTokens: 1, currency: EUR, source: offer, validFrom: 2026-01-01 }',
    );

    expect(unsupportedPathsOf(text)).toEqual([
      'routes[0].endpoint.auth.secret',
      'routes[0].limits.maxCost',
      'routes[0].endpoint.price.perMillionInputTokens',
    ]);
  });

  it('ends an input prefix with a slash', () => {
    const text =
      'version: 1\nroutes: [{ name: a, input: input/a, features: "*", endpoint: { kind: stub, labels: [x] } }]';

    expect(readConfig(text, 'tamis.yml').routes[0]?.input).toBe('input/a/');
  });

  it.each([
    ["'\\t'", '\t'],
    ['"\\t"', '\t'],
    ['tab', '\t'],
    ['";"', ';'],
    ['auto', 'auto'],
  ])('reads the delimiter %s', (written, delimiter) => {
    expect(readConfig(route(`csv: { delimiter: ${written} }`), 'tamis.yml').routes[0]?.csv.delimiter).toBe(delimiter);
  });

  it.each([
    ['labels: { "-1": anomalie, "1": normal }', { '-1': 'anomalie', '1': 'normal' }],
    ['labels: [non, oui]', ['non', 'oui']],
  ])('reads %s', (line, labels) => {
    expect(readConfig(route(line), 'tamis.yml').routes[0]?.labels).toEqual(labels);
  });

  it.each([
    ['labels: [a, a]', 'labels[1]'],
    ['labels: {}', 'labels'],
    ['labels: { __proto__: a, b: c }', 'labels.__proto__'],
    ['tags: { __proto__: a }', 'tags.__proto__'],
    ['decide: { positive: peut-être, threshold: 0.5 }', 'decide.positive'],
    ['decide: { threshold: 0.5 }', 'decide.positive'],
    ['decide: { positive: oui }', 'decide.threshold'],
    ['decide: { abstainAs: x }', 'decide.abstainBelow'],
    ['decide: { positive: oui, threshold: 1.01 }', 'decide.threshold'],
    ['output: { score: prediction }', 'output.score'],
    ['output: { model: score }', 'output.model'],
    ['output: { scores: true }', 'labels'],
    ['output: { prediction: "" }', 'output.prediction'],
    ['csv: { quote: ";", delimiter: ";" }', 'csv.quote'],
    ['csv: { quote: x }', 'csv.quote'],
    ['csv: { thousands: ".", decimal: "." }', 'csv.thousands'],
    ['csv: { thousands: "12" }', 'csv.thousands'],
    ['csv: { maxRecordBytes: 0 }', 'csv.maxRecordBytes'],
    ['batch: { maxRows: 0 }', 'batch.maxRows'],
    ['batch: { maxInFlight: 1.5 }', 'batch.maxInFlight'],
    ['limits: { maxRejected: { share: 2 } }', 'limits.maxRejected.share'],
    ['limits: null', 'limits'],
    ['match: ["a/b"]', 'match[0]'],
    ['match: []', 'match'],
    ['tags: { costCentre: 4711 }', 'tags.costCentre'],
  ])('refuses %s', (line, path) => {
    expect(pathsOf(route(line))).toEqual([`routes[0].${path}`]);
  });

  it.each([
    ['features: ["*"]', 'features[0]'],
    ['features: []', 'features'],
    ['features: [a, { column: b, as: a }]', 'features[1]'],
    ['features: [{ column: a, type: date }]', 'features[0].type'],
  ])('refuses %s', (line, path) => {
    expect(pathsOf(routeWith(line, stub))).toEqual([`routes[0].${path}`]);
  });

  it('refuses a score column that has the name of another column', () => {
    const text = route('labels: [non, oui]', 'output: { prediction: score_oui, scores: true }');

    expect(pathsOf(text)).toEqual(['routes[0].output.scores']);
  });

  it('refuses score columns for labels that only the model knows', () => {
    const text = routeWith(features, 'output: { scores: true }', 'endpoint: { kind: onnx, model: m.onnx }');

    expect(pathsOf(text)).toEqual(['routes[0].labels']);
  });

  it.each([
    ['{ kind: mlflow }', 'url'],
    ['{ kind: mlflow, url: "ftp://h/" }', 'url'],
    ['{ kind: mlflow, url: "https://user:pass@h/" }', 'url'],
    ['{ kind: mlflow, url: "https://h/", format: xml }', 'format'],
    ['{ kind: mlflow, url: "https://h/", auth: { scheme: header, secret: "env:X" } }', 'auth.name'],
    ['{ kind: mlflow, url: "https://h/", timeoutMs: 0 }', 'timeoutMs'],
    ['{ kind: onnx }', 'model'],
    ['{ kind: onnx, model: "s3://bucket" }', 'model'],
    ['{ kind: onnx, model: m.onnx, url: "http://h/" }', 'url'],
    ['{ kind: sagemaker, name: "a b" }', 'name'],
    ['{ kind: sagemaker, name: a, region: europe }', 'region'],
    ['{ kind: stub, labels: [] }', 'labels'],
    ['{ kind: stub, labels: [a], faults: { throttled: 2 } }', 'faults.throttled'],
    ['{ kind: stub, labels: [a], price: { currency: EUR, source: x, validFrom: 2026-01-01 } }', 'price'],
    [
      '{ kind: stub, labels: [a], price: { perHour: 1, currency: EUR, source: x, validFrom: 2026-02-30 } }',
      'price.validFrom',
    ],
    [
      '{ kind: stub, labels: [a], price: { perThousandCalls: 1, utilisation: 0.5, currency: EUR, source: x, validFrom: 2026-02-03 } }',
      'price.perHour',
    ],
    [
      '{ kind: stub, labels: [a], footprint: { country: FR, pue: 1, wattsIdle: 5, wattsMax: 4, source: x } }',
      'footprint.wattsMax',
    ],
    [
      '{ kind: stub, labels: [a], footprint: { country: FR, pue: 1, wattsIdle: 1, wattsMax: 4, embodiedKgCO2e: 1, source: x } }',
      'footprint.lifetimeYears',
    ],
  ])('refuses the endpoint %s', (text, path) => {
    expect(pathsOf(endpoint(text))).toEqual([`routes[0].endpoint.${path}`]);
  });

  it.each([
    ['residency: { regions: europe }', 'residency.regions'],
    ['residency: { regions: [] }', 'residency.regions'],
    ['residency: { regions: [Paris] }', 'residency.regions[0]'],
    ['residency: { declared: [{ host: "https://h/", country: FR }] }', 'residency.declared[0].host'],
    ['residency: { declared: [{ host: "h:80", country: FR }] }', 'residency.declared[0].host'],
    ['residency: { declared: [{ host: h, country: France }] }', 'residency.declared[0].country'],
    ['ledger: { currency: EUR }', 'ledger.exchange'],
    [
      'ledger: { currency: EUR, exchange: { from: EUR, rate: 1, date: 2026-01-01, source: x } }',
      'ledger.exchange.from',
    ],
    [
      'ledger: { currency: EUR, exchange: { from: GBP, rate: 1, date: 2026-01-01, source: x } }',
      'ledger.exchange.from',
    ],
    [
      'ledger: { currency: EUR, exchange: { from: USD, rate: 0, date: 2026-01-01, source: x } }',
      'ledger.exchange.rate',
    ],
  ])('refuses %s', (line, path) => {
    expect(pathsOf(`${line}\n${route()}`)).toEqual([path]);
  });

  it('accepts a list of Regions of several clouds and another currency with its exchange rate', () => {
    const text = `residency: { regions: [eu-west-3, azure:francecentral, gcp:europe-west9] }
ledger: { currency: EUR, exchange: { from: USD, rate: 0.92, date: 2026-11-02, source: ECB } }
${route()}`;

    const config = readConfig(text, 'tamis.yml');

    expect(config.residency.regions).toEqual(['eu-west-3', 'azure:francecentral', 'gcp:europe-west9']);
    expect(config.ledger.exchange?.rate).toBe(0.92);
  });

  it('gives the same hash whatever the order of keys, the comments and the stated defaults', () => {
    const one = readConfig(route('onMissing: send', 'tags: { a: x, b: y }'), 'a.yml');
    const other = readConfig(`# a comment\n${route('tags: { b: y, a: x }')}`, 'b.yml');

    expect(one.hash).toBe(other.hash);
  });

  it('gives another hash when anything is configured otherwise', () => {
    expect(readConfig(route('onMissing: reject'), 'a.yml').hash).not.toBe(readConfig(route(), 'a.yml').hash);
  });

  it('reads any text or throws one of its own errors', () => {
    const value = fc.jsonValue({ maxDepth: 4 }).map((json) => JSON.stringify(json));
    const broken = fc
      .tuple(fc.nat({ max: contractExample.length }), fc.string({ unit: 'binary', maxLength: 5 }))
      .map(([at, junk]) => contractExample.slice(0, at) + junk + contractExample.slice(at + 1));

    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), value, broken), (text) => {
        try {
          return readConfig(text, 'tamis.yml').version === 1;
        } catch (error) {
          return isTamisError(error) && error.code.startsWith('config.');
        }
      }),
      { numRuns: 300 },
    );
  });

  it('accepts a header with a line break, as spreadsheets write it', () => {
    const text = JSON.stringify({
      version: 1,
      routes: [
        {
          name: 'r',
          input: 'input/r/',
          features: [{ column: 'degré\nd’acidité', as: 'acidity' }],
          endpoint: { kind: 'stub', labels: ['a'] },
        },
      ],
    });

    expect(readConfig(text, 'tamis.yml').routes[0]?.features).toEqual([{ column: 'degré\nd’acidité', as: 'acidity' }]);
  });
});
