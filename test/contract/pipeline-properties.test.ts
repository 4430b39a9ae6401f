import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StubCall } from '../../lib/endpoints/stub.ts';
import type { Outcome, RawAnswer } from '../../lib/endpoints/types.ts';
import { isTamisError } from '../../lib/errors.ts';
import { type PipelineEnd, runPipeline } from './pipeline.ts';
import { brokenRules, readRejects, restore } from './pipeline-reading.ts';

/** Pieces of files as they are written and as they are broken; no `~`, which marks what is appended. */
const piece = fc.constantFrom(
  ...['a', '1', '0', '7', '8', '9', ' ', 'é', '🍷', '12.5', '1,5', '"', '""', '"a', 'b"', '"c,d"', '"e\nf"'],
  ...[
    ',',
    ',',
    ',',
    ';',
    '\t',
    '|',
    '\n',
    '\n',
    '\n',
    '\r\n',
    '\r',
    '\n\n',
    'a,b\n',
    '1,2\n',
    '"x",y\n',
    ',\n',
    "'",
    '=',
  ],
);
const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));

const knobs = fc.record({
  chunkSizeBytes: fc.integer({ min: 1, max: 40 }),
  maxRows: fc.integer({ min: 1, max: 9 }),
  maxBytes: fc.integer({ min: 1, max: 60 }),
  maxInFlight: fc.integer({ min: 1, max: 5 }),
  turns: fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }),
});
type Knobs = Parameters<Parameters<typeof knobs.map>[0]>[0];

/** Digits in a row decide its fate, so it is the same however rows are batched; each call takes its time. */
function fateOf(row: string): RawAnswer | undefined {
  if (row.includes('9')) return undefined;
  if (row.includes('8')) return {};
  return { label: row.includes('7') ? 'other' : '~A~', score: 0.5 };
}

function takingTurns(turns: readonly number[]) {
  return async ({ number, rows }: StubCall): Promise<Outcome> => {
    for (let turn = 0; turn < turns[number % turns.length]!; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    const answers = rows.map(fateOf);
    return answers.includes(undefined)
      ? { kind: 'bad-rows', status: 400 }
      : { kind: 'ok', answers: answers as RawAnswer[] };
  };
}

function run(input: Buffer, { chunkSizeBytes, turns, ...batch }: Knobs, route: object = {}, key = 'input/r/data.csv') {
  return runPipeline({
    input,
    key,
    chunkSizeBytes,
    route: { labels: ['~A~'], csv: { maxRecordBytes: 40 }, batch, ...route },
    script: takingTurns(turns),
  });
}

/** What must not depend on chunks, batches and concurrency. */
const essence = ({ end, output, rejects, error, summary }: PipelineEnd) => ({
  kind: end.kind,
  output: output?.toString('latin1'),
  rejects,
  code: error?.code,
  rows: summary?.rows,
  labels: summary?.labels,
  codes: summary?.rejectCodes,
  dialect: summary?.input.dialect,
  types: summary?.input.types,
});

describe('any CSV, however it arrives and whatever the batches', () => {
  it('is restored from output and rejects, each record once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(text, knobs, fc.constantFrom('\n', '\r\n', '\r'), async (body, how, firstLineEnd) => {
        const input = Buffer.from(`x,y${firstLineEnd}${body}`);

        const end = await run(input, how);

        expect(brokenRules(end)).toEqual([]);
        if (end.end.kind !== 'complete') {
          expect(end.error?.code).toMatch(/^(endpoint\.protocol|input\.header-invalid)$/);
          return;
        }
        const { lineEnd } = end.summary!.input.dialect as { readonly lineEnd: string };
        const { rows } = end.summary!;
        const rejects = readRejects(end.rejects);
        // Longer than `x,y` when a stray carriage return stands before the line end.
        const headerLength = end.output!.indexOf(',prediction,score');
        const restored = restore({
          input,
          output: end.output!,
          rejects,
          lineEnd,
          appended: /,~A~,0.5/,
          headerBytes: headerLength + lineEnd.length,
          outputHeaderBytes: headerLength + ',prediction,score'.length + lineEnd.length,
        });
        expect(restored).toEqual({
          lostAt: -1,
          classified: rows.classified,
          rejected: rows.rejected,
          blank: rows.blank,
          rejectedRows: rejects.map(({ row }) => row),
        });
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same bytes for any chunks, batches and concurrency', async () => {
    const header = fc.constantFrom('x,y\n', 'x;y\r\n', 'x\n', 'y\tx\n', '\uFEFFx|y\n', '"x",y\n', '\n\nx,y\n', '');
    const encode = fc.constantFrom(
      (file: string) => Buffer.from(file),
      (file: string) => Buffer.from(file, 'latin1'),
      (file: string) => Buffer.from(`\uFEFF${file}`, 'utf16le'),
    );
    await fc.assert(
      fc.asyncProperty(header, text, encode, knobs, knobs, async (first, body, toBytes, how, other) => {
        const input = toBytes(first + body);

        const [one, two] = [await run(input, how), await run(input, other)];

        expect(brokenRules(one)).toEqual([]);
        expect(essence(two)).toEqual(essence(one));
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same bytes compressed for any chunks, batches and concurrency', async () => {
    await fc.assert(
      fc.asyncProperty(text, knobs, knobs, fc.boolean(), async (body, how, other, isGzip) => {
        const bytes = Buffer.from(`x,y\n${body}`);
        const input = isGzip ? gzipSync(bytes) : zstdCompressSync(bytes);
        const key = `input/r/data.csv.${isGzip ? 'gz' : 'zst'}`;

        const [one, two] = [await run(input, how, {}, key), await run(input, other, {}, key)];

        expect(essence(two)).toEqual(essence(one));
      }),
      { numRuns: 50 },
    );
  });
});

describe('any bytes', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x22, 0x2c, 0x3b, 0x78), fc.nat(255)), { maxLength: 200 }),
  );
  const prefix = fc.constantFrom(
    '',
    'x,y\n',
    '\xef\xbb\xbfx,y\r\n',
    '\xff\xfex\0\n\0',
    '\xfe\xff\0x\0\n',
    '\x1f\x8b',
    '\x28\xb5\x2f\xfd',
    'PK\x03\x04',
  );
  const route = fc.constantFrom(
    {},
    { features: '*' },
    { csv: { quote: null } },
    { csv: { header: false, maxRecordBytes: 10 }, features: '*' },
    { csv: { encoding: 'utf-16le' } },
    { csv: { encoding: 'windows-1252', delimiter: '|' } },
    { output: { encoding: 'utf-8-bom' }, onMissing: 'reject' },
    { limits: { maxRejected: { rows: 1, share: 0.5 } } },
  );

  it('end a job with results or with one of our errors, never with anything else', async () => {
    await fc.assert(
      fc.asyncProperty(
        prefix,
        bytes,
        route,
        knobs,
        fc.constantFrom('csv', 'csv.gz', 'csv.zst'),
        async (start, rest, settings, how, suffix) => {
          const input = Buffer.concat([Buffer.from(start, 'latin1'), Buffer.from(rest as number[])]);

          const end = await run(input, how, settings, `input/r/data.${suffix}`).catch((error: unknown) => error);

          if (end instanceof Error) {
            expect(isTamisError(end)).toBe(true);
            return;
          }
          expect(brokenRules(end as PipelineEnd)).toEqual([]);
          expect((end as PipelineEnd).error?.code ?? '').not.toMatch(/^internal\./);
        },
      ),
      { numRuns: 500 },
    );
  });
});
