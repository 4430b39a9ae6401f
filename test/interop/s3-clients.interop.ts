/** `npm start` with the clients that people have: whatever uploads the file, its rows come back with the labels they deserve. */
import { spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { makeRows } from '../../bench/make-rows.ts';
import { bucket, type LocalStack, root, startLocalStack } from './local-stack.ts';
import { binOf } from './s3-clients-install.ts';

const installed = join(root, '.interop', 's3-clients');
const bin = binOf(installed);
const python = (script: string): readonly string[] => [join(root, 'test', 'interop', 'python', script)];
const plain = join(root, 'samples', 'wine.csv');
const spoilt = join(root, 'samples', 'a few bad rows.csv');
/** More than two parts of 8 MiB, which is what the AWS command line cuts into. */
const LARGE_ROW_COUNT = 260_000;

let folder: string;
let large: string;
let stack: LocalStack;
let sample: readonly string[];
let verdicts: readonly string[];

/** Nothing of whoever runs the tests: no profile, no keys, no proxy. */
const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^AWS_|_PROXY$/i.test(name))),
  PATH: `${bin}${delimiter}${process.env['PATH']}`,
  AWS_CONFIG_FILE: join(installed, 'no-config'),
  AWS_SHARED_CREDENTIALS_FILE: join(installed, 'no-credentials'),
  AWS_EC2_METADATA_DISABLED: 'true',
  PYTHONUTF8: '1',
};

interface Run {
  readonly input?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Standard output. Throws what it said on standard error when it does not end with status 0. */
function run(program: string, args: readonly string[], { input = '', variables = {} }: Run = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    env: { ...environment, ...variables },
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${status ?? error?.message}\n${stderr}`);
  return stdout;
}

const anyone = { AWS_ACCESS_KEY_ID: 'anyone', AWS_SECRET_ACCESS_KEY: 'anything' };
const at = (key: string): string => `s3://${bucket}/${key}`;

function aws(args: readonly string[], { input, variables = anyone }: Run = {}): string {
  const where = ['--endpoint-url', stack.endpoint, '--region', 'eu-west-3'];
  return run(join(bin, 'aws'), [...where, ...args], { ...(input === undefined ? {} : { input }), variables });
}

const awsEtag = (key: string): string =>
  aws(['s3api', 'head-object', '--bucket', bucket, '--key', key, '--query', 'ETag', '--output', 'text'])
    .trim()
    .replaceAll('"', '');

/** What each action of python/boto3_client.py came to. */
function boto3(...actions: readonly (readonly [string, ...unknown[]])[]): unknown[] {
  const args = [...python('boto3_client.py'), stack.endpoint, bucket];
  return JSON.parse(run(join(bin, 'python'), args, { input: JSON.stringify(actions) })) as unknown[];
}

/** The label of each row, from a file that Tamis wrote. */
function labelsIn(text: string, separator = ','): readonly string[] {
  const records = parse(text, { bom: true, columns: true, delimiter: separator }) as Record<string, string>[];
  return records.map((record) => record['prediction'] ?? record['cultivar']!);
}

/** The header and these rows of the sample, rows numbered from 1. */
const excerpt = (from: number, to: number): string => `${[sample[0], ...sample.slice(from, to + 1)].join('\n')}\n`;

/** The sample whole, its lines untouched, each with the label that scikit-learn gives it. */
function expectClassified(text: string): void {
  expect(text.split('\n').filter((line, row) => line.startsWith(`${sample[row]},`))).toHaveLength(81);
  expect(labelsIn(text)).toEqual(verdicts);
}

async function expectLargeClassified(name: string, output: string): Promise<void> {
  const card = join(root, 'models', 'wine.json');
  const said = run(join(bin, 'python'), [...python('judge_onnx.py'), card, large, output]);
  const { furthest, ...judged } = JSON.parse(said) as { furthest: number } & Record<string, unknown>;
  expect([name, judged]).toEqual([
    name,
    { rows: [LARGE_ROW_COUNT, LARGE_ROW_COUNT], untouched: LARGE_ROW_COUNT, sameLabel: LARGE_ROW_COUNT },
  ]);
  expect(furthest).toBeLessThanOrEqual(1e-6);
}

beforeAll(async () => {
  folder = await mkdtemp(join(installed, 'run-'));
  large = join(folder, 'large.csv');
  await pipeline(
    Readable.from(makeRows({ rowCount: LARGE_ROW_COUNT, dialect: 'plain', seed: 7 })),
    createWriteStream(large),
  );
  sample = (await readFile(plain, 'utf8')).trimEnd().split('\n');
  const judged = parse(await readFile(join(root, 'models', 'wine.verdicts.csv')), { columns: true }) as {
    readonly missing: string;
    readonly label: string;
  }[];
  verdicts = judged.filter(({ missing }) => missing === '').map(({ label }) => label);
  stack = await startLocalStack();
}, 120_000);

afterAll(async () => {
  await stack?.clear();
  await rm(folder, { recursive: true, force: true });
});

/** Lines that begin with `aws `, as a shell gets them. */
const awsLines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('aws '));

describe('the AWS command line', () => {
  it('classifies what the line in the README uploads', async () => {
    const lines = awsLines(await readFile(join(root, 'README.md'), 'utf8'));
    expect(lines).toHaveLength(1);

    run('sh', ['-c', lines[0]!.replace('127.0.0.1:4569', `127.0.0.1:${stack.port}`)]);

    const { outcome } = await stack.summaryOf('wine/wine.csv', awsEtag('input/wine/wine.csv'));
    expect(outcome).toBe('complete');
    expectClassified(aws(['s3', 'cp', at('output/wine/wine.csv'), '-']));
  }, 60_000);

  it('runs the lines that npm start prints, as they stand', async () => {
    const lines = awsLines(stack.said());
    expect(lines).toHaveLength(2);

    const [, listed] = lines.map((line) => run('sh', ['-c', line]));

    expect(listed).toContain(' output/wine/wine.csv.summary.json\n');
    await stack.summaryOf('wine/wine.csv', awsEtag('input/wine/wine.csv'));
  }, 60_000);

  it.each([
    { name: 'no signature', args: ['--no-sign-request'], variables: {} },
    { name: 'any credentials', args: [], variables: anyone },
    { name: 'a session token', args: [], variables: { ...anyone, AWS_SESSION_TOKEN: 'of any kind' } },
    { name: 'no checksum', args: [], variables: { ...anyone, AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required' } },
    { name: 'a SHA-256', args: ['--checksum-algorithm', 'SHA256'], variables: anyone },
    { name: 'a type and metadata', args: ['--content-type', 'text/csv', '--metadata', 'by=me'], variables: anyone },
  ])(
    'with $name uploads a file and fetches its result',
    async ({ name, args, variables }) => {
      const key = `wine/cp ${name}.csv`;

      aws(['s3', 'cp', plain, at(`input/${key}`), ...args], { variables });

      const { rows } = await stack.summaryOf(key, awsEtag(`input/${key}`));
      expect(rows).toMatchObject({ read: 80, classified: 80, rejected: 0 });
      const unsigned = 'AWS_ACCESS_KEY_ID' in variables ? [] : ['--no-sign-request'];
      expectClassified(aws(['s3', 'cp', at(`output/${key}`), '-', ...unsigned], { variables }));
    },
    60_000,
  );

  it('uploads from standard input and reads five rejects back', async () => {
    const key = 'wine/piped.csv';

    aws(['s3', 'cp', '-', at(`input/${key}`)], { input: await readFile(spoilt, 'utf8') });

    const { outcome, rows } = await stack.summaryOf(key, awsEtag(`input/${key}`));
    expect({ outcome, ...rows }).toMatchObject({
      outcome: 'complete-with-rejects',
      read: 30,
      classified: 25,
      rejected: 5,
    });
    const rejects = parse(aws(['s3', 'cp', at(`output/${key}.rejects.csv`), '-']), { columns: true });
    expect((rejects as Record<string, string>[]).map(({ row, code }) => [row, code])).toEqual([
      ['4', 'row.field-count'],
      ['9', 'row.type'],
      ['15', 'row.field-count'],
      ['21', 'row.quote'],
      ['27', 'row.quote'],
    ]);
    const spoiltRows = new Set([4, 9, 15, 21, 27]);
    expect(labelsIn(aws(['s3', 'cp', at(`output/${key}`), '-']))).toEqual(
      verdicts.slice(0, 30).filter((_, index) => !spoiltRows.has(index + 1)),
    );
  }, 60_000);

  it('syncs a folder up and its results down, and has nothing to do the second time', async () => {
    const results = join(folder, 'results');
    const up = ['s3', 'sync', '--no-progress', join(root, 'samples'), at('input/wine/synced')];
    const down = ['s3', 'sync', '--no-progress', at('output/wine/synced'), results];

    const first = aws(up);
    const second = aws(up);

    expect(first.trim().split('\n')).toHaveLength((await readdir(join(root, 'samples'))).length);
    expect(second).toBe('');
    for (const name of ['wine.csv', 'wine.csv.gz', 'spreadsheet.csv', 'a few bad rows.csv']) {
      await stack.summaryOf(`wine/synced/${name}`, awsEtag(`input/wine/synced/${name}`));
    }
    // French headers under the English route; the README and the script beside the samples are no jobs.
    const french = "wine/synced/vins d'été.csv";
    const { code } = await stack.failureOf(french, awsEtag(`input/${french}`));
    expect(code).toBe('input.column-missing');
    aws(down);
    expect((await readdir(results)).sort()).toEqual([
      'a few bad rows.csv',
      'a few bad rows.csv.rejects.csv',
      'a few bad rows.csv.summary.json',
      'spreadsheet.csv',
      'spreadsheet.csv.summary.json',
      "vins d'été.csv.error.json",
      'wine.csv',
      'wine.csv.gz',
      'wine.csv.gz.summary.json',
      'wine.csv.summary.json',
    ]);
    expectClassified(await readFile(join(results, 'wine.csv'), 'utf8'));
    expectClassified(gunzipSync(await readFile(join(results, 'wine.csv.gz'))).toString());
    expect(labelsIn(await readFile(join(results, 'spreadsheet.csv'), 'utf8'))).toEqual(verdicts);
    expect(aws(down)).toBe('');
  }, 120_000);

  it("gives a French office's file back as it came, with labels", async () => {
    const file = join(root, 'samples', "vins d'été.csv");
    const key = "vins/vins d'été (œuvre).csv";
    const fetched = join(folder, 'french.csv');

    aws(['s3', 'cp', file, at(`input/${key}`)]);

    await stack.summaryOf(key, awsEtag(`input/${key}`));
    aws(['s3', 'cp', at(`output/${key}`), fetched]);
    const [given, written] = await Promise.all([file, fetched].map((path) => readFile(path, 'latin1')));
    const lines = written!.split('\r\n');
    expect(given!.split('\r\n').filter((line, row) => lines[row]?.startsWith(line))).toHaveLength(82);
    expect(labelsIn(new TextDecoder('windows-1252').decode(Buffer.from(written!, 'latin1')), ';')).toEqual(verdicts);
  }, 60_000);

  it('uploads a large file in three parts and fetches all its rows, classified', async () => {
    const key = 'wine/large by aws.csv';
    const fetched = join(folder, 'large by aws.csv');

    aws(['s3', 'cp', '--no-progress', large, at(`input/${key}`)]);

    const etag = awsEtag(`input/${key}`);
    expect(etag).toMatch(/^[0-9a-f]{32}-3$/);
    const { rows } = await stack.summaryOf(key, etag);
    expect(rows).toMatchObject({ read: LARGE_ROW_COUNT, classified: LARGE_ROW_COUNT });
    aws(['s3', 'cp', '--no-progress', at(`output/${key}`), fetched]);
    await expectLargeClassified('aws', fetched);
  }, 180_000);

  it('copies and moves inside the bucket, small or in parts, and what lands under a route is classified', async () => {
    aws(['s3', 'cp', plain, at('archive/small.csv')]);
    aws(['s3', 'cp', '--no-progress', large, at('archive/large.csv')]);

    aws(['s3', 'cp', at('archive/small.csv'), at('input/wine/copied.csv')]);
    aws(['s3', 'mv', '--no-progress', at('archive/large.csv'), at('input/wine/moved.csv')]);

    await stack.summaryOf('wine/copied.csv', awsEtag('input/wine/copied.csv'));
    expectClassified(aws(['s3', 'cp', at('output/wine/copied.csv'), '-']));
    const { rows } = await stack.summaryOf('wine/moved.csv', awsEtag('input/wine/moved.csv'));
    expect(rows).toMatchObject({ read: LARGE_ROW_COUNT, classified: LARGE_ROW_COUNT });
    expect(aws(['s3', 'ls', at('archive/')])).toMatch(/^\S+ \S+ +\d+ small\.csv\n$/);
  }, 180_000);

  it('is told in an error file that a key lies under no route', async () => {
    const key = 'nowhere/wine.csv';

    aws(['s3', 'cp', plain, at(`input/${key}`)]);

    const { code } = await stack.failureOf(key, awsEtag(`input/${key}`));
    expect(code).toBe('input.no-route');
  }, 60_000);

  it('deletes an input and everything under a prefix, and leaves the results alone', async () => {
    const names = ['one.csv', 'two.csv'];
    for (const name of names) {
      aws(['s3', 'cp', plain, at(`input/wine/short-lived/${name}`)]);
      await stack.summaryOf(`wine/short-lived/${name}`, awsEtag(`input/wine/short-lived/${name}`));
    }

    aws(['s3', 'rm', at('input/wine/short-lived/one.csv')]);
    const left = aws(['s3', 'ls', '--recursive', at('input/wine/short-lived/')]);
    aws(['s3', 'rm', '--recursive', at('input/wine/short-lived/')]);

    expect(left).toMatch(/^\S+ \S+ +\d+ input\/wine\/short-lived\/two\.csv\n$/);
    expect(aws(['s3api', 'list-objects-v2', '--bucket', bucket, '--prefix', 'input/wine/short-lived/'])).not.toContain(
      'Contents',
    );
    for (const name of names) expectClassified(aws(['s3', 'cp', at(`output/wine/short-lived/${name}`), '-']));
  }, 60_000);
});

/** As people and programs name their files. */
const names = [
  'with spaces  two.csv',
  'a+b.csv',
  '100%.csv',
  'a%20b%2Fc.csv',
  "d'été.csv",
  "d'e\u0301te\u0301.csv",
  'ςίγμα Łódź Ünïcode.csv',
  '日本語 🍷.csv',
  'a&b=c;d,e@f!$.csv',
  '(a)~*[b]{c}^`|.csv',
  'what?#now.csv',
  '<"quoted">.csv',
  'back\\slash.csv',
  'line\nfeed\ttab.csv',
  'double//slash.csv',
  'folder.csv',
  'folder.csv/inside.csv',
  'dots/./and/../../up.csv',
];

describe('boto3', () => {
  it.each(['none', 's3v4', 's3'])(
    'classifies what it puts with signature version %s',
    async (signature) => {
      const key = `wine/put ${signature}.csv`;

      const [etag] = boto3(['put', `input/${key}`, excerpt(1, 80), signature]);

      await stack.summaryOf(key, etag as string);
      const [text] = boto3(['read', `output/${key}`, signature]);
      expectClassified(text as string);
    },
    60_000,
  );

  it('uploads a large file in parts of its own and fetches all its rows, classified', async () => {
    const key = 'wine/large by boto3.csv';
    const fetched = join(folder, 'large by boto3.csv');

    const [etag] = boto3(['upload', `input/${key}`, large]);

    expect(etag).toMatch(/^[0-9a-f]{32}-4$/);
    const { rows, output } = await stack.summaryOf(key, etag as string);
    expect(rows).toMatchObject({ read: LARGE_ROW_COUNT, classified: LARGE_ROW_COUNT });
    boto3(['download', `output/${key}`, fetched]);
    expect((await readFile(fetched)).length).toBe(output.bytes);
    await expectLargeClassified('boto3', fetched);
  }, 180_000);

  it('finds the result of every key under the same name, whatever its characters', async () => {
    const keys = names.map((name) => `wine/names/${name}`);

    const etags = boto3(
      ...keys.map((key, index) => ['put', `input/${key}`, excerpt(index + 1, index + 3)] as const),
    ) as string[];
    for (const [index, key] of keys.entries()) await stack.summaryOf(key, etags[index]!);

    const texts = boto3(...keys.map((key) => ['read', `output/${key}`] as const)) as string[];
    expect(texts.map((text) => labelsIn(text))).toEqual(keys.map((_, index) => verdicts.slice(index, index + 3)));
    const summaries = boto3(...keys.map((key) => ['read', `output/${key}.summary.json`] as const)) as string[];
    expect(summaries.map((text) => (JSON.parse(text) as { input: { uri: string } }).input.uri)).toEqual(
      keys.map((key) => at(`input/${key}`)),
    );
  }, 120_000);

  it('and the AWS command line list the same keys, page by page and all at once', () => {
    const prefix = 'output/wine/names/';
    const inByteOrder = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));
    const expected = names.flatMap((name) => [`${prefix}${name}`, `${prefix}${name}.summary.json`]).sort(inByteOrder);

    const [pages, whole] = boto3(['list_keys', prefix, 3], ['list_keys', prefix, 1000]);
    const listed = aws(['s3', 'ls', '--recursive', at(prefix)]);

    expect(pages).toEqual(expected);
    expect(whole).toEqual(expected);
    expect(listed.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ /gm, '')).toBe(`${expected.join('\n')}\n`);
  }, 60_000);

  it.each(['s3v4', 's3'])(
    'signs URLs (%s) with which anyone uploads a file and fetches its result',
    async (signature) => {
      const key = `wine/presigned ${signature} + é.csv`;
      const [putUrl, getUrl] = boto3(
        ['presign', 'put_object', `input/${key}`, signature],
        ['presign', 'get_object', `output/${key}`, signature],
      ) as string[];

      const put = await fetch(putUrl!, { method: 'PUT', body: await readFile(plain) });

      expect(put.status).toBe(200);
      await stack.summaryOf(key, put.headers.get('etag')!.replaceAll('"', ''));
      const got = await fetch(getUrl!);
      expect(got.status).toBe(200);
      expectClassified(await got.text());
    },
    60_000,
  );

  it('finds the results of the newest of two uploads of one key', async () => {
    const key = 'wine/twice.csv';

    const [, newest] = boto3(['put', `input/${key}`, excerpt(1, 10)], ['put', `input/${key}`, excerpt(11, 30)]);

    await stack.summaryOf(key, newest as string);
    const [text] = boto3(['read', `output/${key}`]);
    expect(labelsIn(text as string)).toEqual(verdicts.slice(10, 30));
  }, 60_000);

  it('deletes many keys in one request, whatever their characters', () => {
    const keys = names.map((name) => `input/wine/names/${name}`);

    const [said, left] = boto3(['delete', keys], ['list_keys', 'input/wine/names/', 1000]);

    expect(said).toEqual([keys, []]);
    expect(left).toEqual([]);
  }, 60_000);
});

describe('the stack behind the clients', () => {
  it('has told of no internal error', () => {
    expect(stack.said()).not.toMatch(/internal\.|InternalError/);
  });

  it('ends with status 0 on Ctrl-C and leaves both ports free', async () => {
    expect(await stack.interrupt()).toBe(0);

    await expect(fetch(stack.endpoint)).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${stack.lambdaPort}`)).rejects.toThrow();
  }, 30_000);
});
