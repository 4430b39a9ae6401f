import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { ThrownCode } from '../../lib/errors.ts';
import { answering, type PipelineRun, runPipeline } from './pipeline.ts';
import { brokenRules, readRejects } from './pipeline-reading.ts';
import { makeTestClock } from './test-clock.ts';

interface FailingCase extends PipelineRun {
  readonly title: string;
  readonly code: ThrownCode;
  /** What the sentence for people says, beside the code. */
  readonly says?: RegExp;
  readonly maxCalls?: number;
}

const rows = (count: number, row: (index: number) => string = (index) => `${index},a`) =>
  `x,y\n${Array.from({ length: count }, (_, index) => `${row(index)}\n`).join('')}`;
const gzip = gzipSync(rows(5_000));
const zstd = zstdCompressSync(Buffer.from(rows(5_000)));
const damaged = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy.fill(0x55, copy.length / 2, copy.length / 2 + 64);
  return copy;
};
const numbers = { features: [{ column: 'x', type: 'number' }] };

const cases: readonly FailingCase[] = [
  {
    title: 'commas and points both as decimal mark',
    code: 'input.decimal-ambiguous',
    input: 'x;y\n1,5;a\n2.5;b\n',
    route: numbers,
    maxCalls: 0,
  },
  {
    title: 'a feature without a column',
    code: 'input.column-missing',
    says: /"z"/,
    route: { features: ['x', 'z'] },
    input: 'x,y\n1,2\n',
    maxCalls: 0,
  },
  {
    title: 'a feature whose column is there twice',
    code: 'input.header-duplicate',
    says: /"x"/,
    input: 'x,y,x\n1,2,3\n',
    maxCalls: 0,
  },
  {
    title: 'two equal columns where every column is sent',
    code: 'input.header-duplicate',
    says: /"#1", "#3"/,
    route: { features: '*' },
    input: 'x,y,x\n1,2,3\n',
    maxCalls: 0,
  },
  {
    title: 'an input that has the column prediction',
    code: 'input.column-exists',
    says: /"prediction"/,
    input: 'x,prediction\n1,2\n',
    maxCalls: 0,
  },
  {
    title: 'an input that has a column of scores',
    code: 'input.column-exists',
    says: /"score_oui"/,
    route: { labels: ['oui', 'non'], output: { scores: true } },
    input: 'x,score_oui\n1,2\n',
    maxCalls: 0,
  },
  {
    title: 'an input that has the column of the model',
    code: 'input.column-exists',
    says: /"modèle"/,
    route: { output: { model: 'modèle' } },
    input: 'x;modèle\n1;2\n',
    maxCalls: 0,
  },
  { title: 'a header with a stray quote', code: 'input.header-invalid', input: 'x,"y"z\n1,2\n', maxCalls: 0 },
  {
    title: 'a label that the encoding of the file lacks',
    code: 'input.text-unencodable',
    says: /"żółty"/,
    route: { labels: ['żółty', 'non'] },
    input: Buffer.from('x;y\n1;\xe9t\xe9\n', 'latin1'),
    maxCalls: 0,
  },
  ...(
    [
      ['zip', Buffer.from('PK\x03\x04\x14\x00\x06\x00word/document.xml', 'latin1')],
      ['html', '<!DOCTYPE html>\n<html><body>x,y</body></html>'],
      ['html', '\n  <html>x,y\n1,2\n'],
      ['json', '{"x": [1, 2]}'],
      ['json', '[{"x": 1}]'],
      ['pdf', '%PDF-1.7\n1 0 obj'],
      ['parquet', Buffer.from('PAR1\x15\x04\x15\x00', 'latin1')],
      ['xls', Buffer.from('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00', 'latin1')],
      ['binary', Buffer.from('x,y\n1,\x00\x01\x02\x00\x00\x00', 'latin1')],
      ['binary', gzip],
    ] as const
  ).map(([looksLike, input]) => ({
    title: `a file that is ${looksLike}: ${JSON.stringify(input.toString('latin1').slice(0, 12))}`,
    code: 'input.not-csv' as const,
    says: new RegExp(`looks like ${looksLike};`),
    input,
    maxCalls: 0,
  })),
  ...(
    [
      ['a gzip file that is cut off', 'gz', gzip.subarray(0, gzip.length - 20)],
      ['a gzip file that is damaged', 'gz', damaged(gzip)],
      ['a gzip file with something behind it', 'gz', Buffer.concat([gzip, Buffer.from('rest')])],
      ['a plain file named .gz', 'gz', Buffer.from('x,y\n1,2\n')],
      ['a zstd file that is cut off', 'zst', zstd.subarray(0, zstd.length - 20)],
      ['a zstd file that is damaged', 'zst', damaged(zstd)],
      ['a plain file named .zst', 'zst', Buffer.from('x,y\n1,2\n')],
    ] as const
  ).map(([title, suffix, input]) => ({
    title,
    code: 'input.compression' as const,
    key: `input/r/data.csv.${suffix}`,
    input,
  })),
  ...(['.rejects.csv', '.summary.json', '.error.json'] as const).map((suffix) => ({
    title: `a name that ends in ${suffix}`,
    code: 'input.reserved-name' as const,
    says: new RegExp(suffix),
    key: `input/r/data.csv${suffix}`,
    input: 'x\n1\n',
    maxCalls: 0,
  })),
  { title: 'a key under no route', code: 'input.no-route', key: 'input/other/data.csv', input: 'x\n1\n', maxCalls: 0 },
  {
    title: 'more bytes than the route allows',
    code: 'limit.input-bytes',
    says: /at most 10 bytes; found 14 bytes/,
    route: { limits: { maxInputBytes: 10 } },
    input: 'x,y\n1,2\n3,4\n\n\n',
    maxCalls: 0,
  },
  {
    title: 'a model that refuses every row',
    code: 'endpoint.refuses-all',
    input: rows(10_000),
    script: () => ({ kind: 'bad-rows', status: 400 }),
    maxCalls: 100,
  },
  {
    title: 'a service that answers nonsense, whatever it is asked',
    code: 'endpoint.protocol',
    input: rows(10_000),
    script: () => ({ kind: 'protocol', status: 200 }),
    maxCalls: 200,
  },
  {
    title: 'a service that answers nonsense, and a file too short for the stop rule',
    code: 'endpoint.protocol',
    input: rows(3),
    script: () => ({ kind: 'ok', answers: [{}, {}, {}] }),
  },
  {
    title: 'nonsense only, and rejects beyond what the route tolerates',
    code: 'endpoint.protocol',
    route: { limits: { maxRejected: { rows: 10, share: 0.01 } } },
    input: rows(15),
    script: ({ rows: sent }) => ({ kind: 'ok', answers: sent.map(() => ({})) }),
  },
  {
    title: 'probabilities for another number of classes than the route has labels',
    code: 'endpoint.protocol',
    route: { labels: ['a', 'b', 'c'], limits: { maxRejected: { rows: 10, share: 0.01 } } },
    input: rows(2_000),
    script: answering(() => ({ probabilities: [0.5, 0.5] })),
  },
  {
    title: 'a service that says no',
    code: 'endpoint.refused',
    says: /HTTP 401/,
    input: rows(10_000),
    script: () => ({ kind: 'config', status: 401 }),
    maxCalls: 16,
  },
  {
    title: 'a spend limit',
    code: 'endpoint.quota',
    input: rows(10),
    script: () => ({ kind: 'quota', status: 402 }),
    maxCalls: 1,
  },
  {
    title: 'a decision that needs probabilities, and a service that gives none',
    code: 'endpoint.no-scores',
    route: { labels: ['a', 'b'], decide: { positive: 'a', threshold: 0.3 } },
    input: rows(10),
    script: answering(() => ({ label: 'a' })),
  },
  {
    title: 'columns of scores, and a service that gives none',
    code: 'endpoint.no-scores',
    route: { labels: ['a', 'b'], output: { scores: true } },
    input: rows(10),
    script: answering(() => ({ label: 'a', score: 0.5 })),
  },
  {
    title: 'another version of the model than the route states',
    code: 'endpoint.version-mismatch',
    route: { endpoint: { kind: 'stub', labels: ['a'], version: '7' } },
    input: rows(10),
    script: ({ rows: sent }) => ({
      kind: 'ok',
      answers: sent.map(() => ({ label: 'a' })),
      model: { version: '8', reported: true },
    }),
  },
  {
    title: 'no time left',
    code: 'job.out-of-time',
    input: rows(10),
    remainingMs: () => 10_000,
    maxCalls: 0,
  },
  {
    title: 'rejects beyond both limits',
    code: 'job.too-many-rejects',
    says: /11 of 100 rows rejected/,
    route: { limits: { maxRejected: { rows: 10, share: 0.1 } } },
    input: rows(100, (index) => (index < 11 ? `${index}` : `${index},a`)),
  },
];

describe('failed jobs', () => {
  it.each(cases)('$code: $title', async ({ code, says, maxCalls = Number.POSITIVE_INFINITY, ...run }) => {
    const key = run.key ?? 'input/r/data.csv';
    const old = Object.fromEntries(
      ['', '.rejects.csv', '.summary.json'].map((suffix) => [`${key.replace('input', 'output')}${suffix}`, '{}']),
    );

    const end = await runPipeline({ before: old, ...run });

    expect(end.end).toMatchObject({ kind: 'failed', error: { code } });
    expect(brokenRules(end)).toEqual([]);
    expect(end.error).toMatchObject({
      type: `urn:tamis:error:${code}`,
      code,
      redrive: false,
      input: { key, bucket: 'bucket' },
    });
    expect(end.error?.detail).toMatch(/^expected .+; found .+; .+/);
    if (says !== undefined) expect(end.error?.detail).toMatch(says);
    expect(end.calls.length).toBeLessThanOrEqual(maxCalls);
  });

  it('stops as soon as the rejects are certain to be too many, and writes those that were found', async () => {
    const end = await runPipeline({
      route: { limits: { maxRejected: { rows: 10, share: 0.01 } }, batch: { maxRows: 100, maxInFlight: 1 } },
      input: rows(100_000, (index) => (index % 10 === 0 ? `${index}` : `${index},a`)),
      chunkSizeBytes: 4096,
    });

    const rejects = readRejects(end.rejects);
    expect(end.error?.code).toBe('job.too-many-rejects');
    expect(end.error?.detail).toContain(`${rejects.length} of `);
    expect(rejects.length).toBeGreaterThan(1_000);
    expect(rejects[0]).toMatchObject({ row: 1, line: 2, code: 'row.field-count', record: '0' });
    expect(end.calls.length).toBeLessThan(500);
  });

  it.each([
    ['a line end', ''],
    ['thousands of blank lines', '\n'.repeat(3_000)],
  ])(
    'tolerates as many rejects as the limits allow, also behind the head, and whatever ends the file: %s',
    async (_, tail) => {
      const wide = 'a'.repeat(600);
      const end = await runPipeline({
        route: { limits: { maxRejected: { rows: 10, share: 0.01 } }, batch: { maxRows: 50 } },
        input: rows(2_000, (index) => (index % 100 === 0 ? `${index}` : `${index},${wide}`)) + tail,
        chunkSizeBytes: 1000,
      });

      expect(end.error).toBeUndefined();
      expect(end.summary?.rows).toMatchObject({ rejected: 20, classified: 1_980, blank: tail.length });
    },
  );

  it('goes on to the end when the share is still undecided because the input is compressed', async () => {
    const end = await runPipeline({
      key: 'input/r/data.csv.gz',
      route: { limits: { maxRejected: { rows: 10, share: 0.5 } }, batch: { maxRows: 10 } },
      input: gzipSync(rows(100, (index) => (index < 30 ? `${index}` : `${index},a`))),
    });

    expect(end.summary?.rows).toMatchObject({ rejected: 30, classified: 70 });
  });

  it('stops after a minute when the rest will clearly not fit into the time left, however far reading ran ahead', async () => {
    let clock = makeTestClock();
    const { error, calls } = await runPipeline({
      route: { batch: { maxRows: 10, maxInFlight: 1 } },
      input: rows(5_000),
      change: (tools) => {
        clock = tools.clock as typeof clock;
        return { ...tools, remainingMs: () => 300_000 - clock.monotonicMs() };
      },
      script: () => void clock.advance(10_000),
    });

    expect(error).toMatchObject({ code: 'job.out-of-time', redrive: false });
    expect(calls.length).toBeGreaterThan(5);
    expect(calls.length).toBeLessThan(10);
  });

  it('blames the time, not the service, for a call that the deadline cuts short', async () => {
    let clock = makeTestClock();
    const { error } = await runPipeline({
      input: rows(10),
      change: (tools) => {
        clock = tools.clock as typeof clock;
        return { ...tools, remainingMs: () => 40_000 - clock.monotonicMs() };
      },
      script: () => {
        clock.advance(25_000);
        return { kind: 'transient', status: 0 };
      },
    });

    expect(error).toMatchObject({ code: 'job.out-of-time', redrive: false });
  });
});

describe('a model that refuses everything', () => {
  it('is noticed after 16 rows alone and 4 from elsewhere, with one batch taken apart at a time', async () => {
    const { end, calls } = await runPipeline({
      input: rows(4_000),
      route: { batch: { maxRows: 500, maxInFlight: 4 } },
      script: () => ({ kind: 'bad-rows', status: 400 }),
    });

    const whole = calls.filter(({ rows: sent }) => sent.length === 500);
    const single = calls.filter(({ rows: sent }) => sent.length === 1).map(({ rows: sent }) => JSON.parse(sent[0]!)[0]);
    const parts = calls.filter(({ rows: sent }) => sent.length < 500);
    expect(end).toMatchObject({ error: { detail: expect.stringContaining('20 rows in a row refused') } });
    expect(whole.length).toBeLessThanOrEqual(8);
    expect(single.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, index) => index));
    expect(single.slice(16)).toHaveLength(4);
    expect(single.slice(16).every((x) => x >= 16 && x < 500)).toBe(true);
    expect(parts.every(({ rows: sent }) => sent.every((row) => JSON.parse(row)[0] < 500))).toBe(true);
  });

  it('is not assumed when one of the four others is accepted', async () => {
    const { summary, end } = await runPipeline({
      input: rows(500),
      script: answering(([x]) => ((x as number) < 100 ? undefined : { label: 'oui' })),
    });

    expect(end.kind).toBe('complete');
    expect(summary?.rows).toMatchObject({ classified: 400, rejected: 100 });
    expect(summary?.rejectCodes).toEqual({ 'row.refused': 100 });
  });

  it('is not assumed of a file of refused rows that is too short to tell', async () => {
    const { summary } = await runPipeline({ input: rows(10), script: () => ({ kind: 'bad-rows', status: 422 }) });

    expect(summary).toMatchObject({ outcome: 'complete-with-rejects', rejectCodes: { 'row.refused': 10 } });
  });
});

describe('failures that pass', () => {
  const passing = [
    ['endpoint.unreachable', { kind: 'transient', status: 0 }],
    ['endpoint.unreachable', { kind: 'transient', status: 503 }],
    ['endpoint.throttled', { kind: 'throttled', status: 429 }],
    ['endpoint.cold', { kind: 'cold', status: 503 }],
  ] as const;

  it.each(passing)('%s is thrown, and nothing is published (%j)', async (code, outcome) => {
    let objects = (): ReadonlyMap<string, Buffer> => new Map();
    const run = runPipeline({
      input: rows(1_000, (index) => (index === 3 ? '3' : `${index},a`)),
      script: () => outcome,
      look: (look) => {
        objects = look;
      },
    });

    await expect(run).rejects.toMatchObject({ code });
    expect([...objects().keys()].filter((key) => !key.startsWith('.tamis/claims/'))).toEqual(['input/r/data.csv']);
  });

  it('waits as long as a service asks, and counts what it waited', async () => {
    const { summary, calls } = await runPipeline({
      input: rows(10),
      script: ({ number }) => (number < 3 ? { kind: 'throttled', status: 429, retryAfterMs: 7_000 } : undefined),
    });

    expect(calls).toHaveLength(4);
    expect(summary?.timing.throttledMs).toBeGreaterThanOrEqual(21_000);
    expect(summary?.batches).toEqual({ sent: 1, retried: 3, split: 0 });
  });
});

describe('objects that are no jobs', () => {
  it.each([
    ['folder', 'input/r/folder/'],
    ['hidden', 'input/r/.data.csv'],
    ['hidden', 'input/r/_data.csv'],
    ['no-match', 'input/r/data.xlsx'],
    ['outside', 'output/r/data.csv'],
    ['outside', 'elsewhere.csv'],
  ])('are ignored (%s): %s', async (reason, key) => {
    const { end, objects } = await runPipeline({ key, input: 'x\n1\n' });

    expect(end).toEqual({ kind: 'ignored', reason, key });
    expect([...objects.keys()]).toEqual([key]);
  });

  it.each(['data.csv', 'DATA.CSV', 'data.tsv', 'data.txt', 'data.csv.gz', 'data.csv.zst', 'a b+é.csv'])(
    'are not those that match: %s',
    async (name) => {
      const bytes = Buffer.from('x\n1\n');
      const input = name.endsWith('gz') ? gzipSync(bytes) : name.endsWith('zst') ? zstdCompressSync(bytes) : bytes;

      const { end, output } = await runPipeline({ key: `input/r/${name}`, input });

      expect(end.kind).toBe('complete');
      expect(output?.length).toBeGreaterThan(0);
    },
  );
});

describe('files without records', () => {
  it.each([
    ['0 bytes', '', ''],
    ['only a header', 'x,y\n', 'x,y,prediction,score\n'],
    ['only a header, without line end', 'x,y', 'x,y,prediction,score'],
    ['only a header, behind a BOM', '\uFEFFx;y\r\n', '\uFEFFx;y;prediction;score\r\n'],
    ['only blank lines', '\n\n\n', ''],
    ['a header and blank lines', '\nx,y\n\n', 'x,y,prediction,score\n'],
  ])('are done with 0 rows: %s', async (title, input, output) => {
    const end = await runPipeline({ input });

    expect(brokenRules(end)).toEqual([]);
    expect(end.summary?.rows).toEqual({
      read: 0,
      classified: 0,
      abstained: 0,
      rejected: 0,
      blank: title.includes('blank') ? input.replace(/x,y\n/, '').length : 0,
    });
    expect(end.output?.toString()).toBe(output);
    expect(end.calls).toHaveLength(0);
  });

  it.each([
    ['gz', gunzipSync],
    ['zst', zstdDecompressSync],
  ] as const)('are done with 0 rows: 0 bytes, also where the name says .%s', async (suffix, decompress) => {
    const key = `input/r/data.csv.${suffix}`;

    const end = await runPipeline({ key, input: '' });

    expect(brokenRules(end)).toEqual([]);
    expect(end.summary?.rows.read).toBe(0);
    expect(decompress(end.output!)).toHaveLength(0);
  });

  it('are done with 0 rows: a BOM alone', async () => {
    const end = await runPipeline({ input: '\uFEFF' });

    expect(brokenRules(end)).toEqual([]);
    expect(end.summary?.rows.read).toBe(0);
  });
});

describe('an upload that was overtaken', () => {
  it('ends as superseded when the object is gone, and leaves nothing', async () => {
    const { end, objects } = await runPipeline({ input: undefined });

    expect(end).toMatchObject({ kind: 'superseded' });
    expect(objects.size).toBe(0);
  });

  it('ends as superseded when the object is overwritten while it is read', async () => {
    const { end, objects } = await runPipeline({
      input: rows(1_000),
      change: (tools) => ({
        ...tools,
        openEndpoint: async (...opening) => {
          const endpoint = await tools.openEndpoint(...opening);
          return {
            ...endpoint,
            async classify(...call: Parameters<typeof endpoint.classify>) {
              await tools.openStorages(() => undefined).inputs.put('input/r/data.csv', Buffer.from('x\n9\n'));
              return endpoint.classify(...call);
            },
          };
        },
      }),
    });

    expect(end).toMatchObject({ kind: 'superseded' });
    expect([...objects.keys()].filter((key) => key.startsWith('output/'))).toEqual([]);
  });
});
