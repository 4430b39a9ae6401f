import { gunzipSync as gunzip, gzipSync, zstdDecompressSync as unzstd, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { answering, type PipelineRun, runPipeline } from './pipeline.ts';
import { brokenRules, readRejects, restore } from './pipeline-reading.ts';

/** Every record is `~A~` with score 0.5, so that what was appended is known. */
const always = answering(() => ({ label: '~A~', score: 0.5 }));

interface RecordCase {
  readonly title: string;
  readonly route?: PipelineRun['route'];
  readonly key?: string;
  /** Decompressed. */
  readonly input: Buffer | string;
  readonly compress?: (bytes: Buffer) => Buffer;
  readonly script?: PipelineRun['script'];
  /** Row, physical line, code, and the record's bytes (latin1). */
  readonly rejected: ReadonlyArray<readonly [row: number, line: number, code: string, record: string]>;
  readonly classified: number;
  readonly blank?: number;
}

const long = 'x'.repeat(300);
const cases: readonly RecordCase[] = [
  {
    title: 'too few fields',
    input: 'x,y\n1,2\n3\n4,5\n',
    rejected: [[2, 3, 'row.field-count', '3']],
    classified: 2,
  },
  {
    title: 'too many fields, on the last line without line end',
    input: 'x,y\n1,2\n3,4,5',
    rejected: [[2, 3, 'row.field-count', '3,4,5']],
    classified: 1,
  },
  {
    title: 'a quote inside an unquoted field: the record ends at the next line end, whatever quotes follow',
    input: 'x,y\n1,2"\n3,a"b"c"\n4,5\n',
    rejected: [
      [1, 2, 'row.quote', '1,2"'],
      [2, 3, 'row.quote', '3,a"b"c"'],
    ],
    classified: 1,
  },
  {
    title: 'anything but delimiter or line end behind a closing quote',
    input: 'x,y\n"1"z,"2\n3,4\n',
    rejected: [[1, 2, 'row.quote', '"1"z,"2']],
    classified: 1,
  },
  {
    title: 'a quoted field that is not closed before the end of the file: only its first line is rejected',
    input: 'x,y\n1,2\n3,"four\n5,6\n7,8',
    rejected: [[2, 3, 'row.quote', '3,"four']],
    classified: 3,
  },
  {
    title: 'a quoted field that is not closed within maxRecordBytes of the first byte of its record',
    route: { csv: { maxRecordBytes: 20 } },
    input: 'x,y\n3,"four\n5,6\n7,8\n9,10\n11,12"\n13,14\n',
    rejected: [
      [1, 2, 'row.quote', '3,"four'],
      [5, 6, 'row.quote', '11,12"'],
    ],
    classified: 4,
  },
  {
    title: 'a closed record longer than maxRecordBytes ends at its own end',
    route: { csv: { maxRecordBytes: 100 } },
    input: `x,y\n1,2\n3,${long}\n5,"a\nb"\n`,
    rejected: [[2, 3, 'row.too-long', `3,${long}`]],
    classified: 2,
  },
  {
    title: 'bytes that are no UTF-8 in a file that is',
    input: Buffer.concat([Buffer.from('x,y\n1,é\n2,été\n3,'), Buffer.from([0xff, 0xfe]), Buffer.from('\n4,5\n')]),
    rejected: [[3, 4, 'row.encoding', '3,\xff\xfe']],
    classified: 3,
  },
  {
    title: 'bytes that Windows-1252 leaves undefined',
    input: Buffer.from('x,y\n1,\xe9\n2,\x81\n', 'latin1'),
    rejected: [[2, 3, 'row.encoding', '2,\x81']],
    classified: 1,
  },
  {
    title: 'a cell that is not of the type of its feature',
    route: { features: [{ column: 'x', type: 'number' }] },
    input: 'x,y\n1,2\none,2\n3,4\n',
    rejected: [[2, 3, 'row.type', 'one,2']],
    classified: 2,
  },
  {
    title: 'a missing cell with onMissing: reject',
    route: { onMissing: 'reject' },
    input: 'x,y\n1,2\n,2\n"",3\n3,4\n',
    rejected: [
      [2, 3, 'row.missing', ',2'],
      [3, 4, 'row.missing', '"",3'],
    ],
    classified: 2,
  },
  {
    title: 'a row that the model refuses, found by halving',
    input: 'x,y\n1,2\n2,2\n3,2\n4,2\n5,2\n6,2\n7,2\n',
    script: answering(([x]) => (x === 3 || x === 6 ? undefined : { label: '~A~', score: 0.5 })),
    rejected: [
      [3, 4, 'row.refused', '3,2'],
      [6, 7, 'row.refused', '6,2'],
    ],
    classified: 5,
  },
  {
    title: 'an answer that is none of the configured labels',
    route: { labels: ['~A~', '~B~'] },
    input: 'x,y\n1,2\n2,2\n3,2\n',
    script: answering(([x]) => ({ label: x === 2 ? '~C~' : '~A~', score: 0.5 })),
    rejected: [[2, 3, 'row.label-unknown', '2,2']],
    classified: 2,
  },
  {
    title: 'a nonsense answer for one row',
    input: 'x,y\n1,2\n2,2\n3,2\n',
    script: answering(([x]) => (x === 2 ? {} : { label: '~A~', score: 0.5 })),
    rejected: [[2, 3, 'row.unanswered', '2,2']],
    classified: 2,
  },
  {
    title: 'the wrong number of answers whenever a certain row is among them',
    input: 'x,y\n1,2\n2,2\n3,2\n',
    script: ({ rows }) => ({
      kind: 'ok',
      answers: rows.some((row) => row === '[2]')
        ? Array(rows.length + 1).fill({ label: '~A~', score: 0.5 })
        : rows.map(() => ({ label: '~A~', score: 0.5 })),
    }),
    rejected: [[2, 3, 'row.unanswered', '2,2']],
    classified: 2,
  },
  {
    title: 'a batch that is too large for the service, down to a row that is alone',
    input: 'x,y\n1,2\n2,2\n3,2\n',
    script: ({ rows }) =>
      rows.length > 1 || rows[0] === '[3]'
        ? { kind: 'too-large', status: 413 }
        : { kind: 'ok', answers: [{ label: '~A~', score: 0.5 }] },
    rejected: [[3, 4, 'row.refused', '3,2']],
    classified: 2,
  },
  {
    title: 'blank lines, which are skipped and counted, before and behind the header too',
    input: '\n\nx,y\n\n1,2\n\n\n3\n4,5\n\n',
    rejected: [[2, 8, 'row.field-count', '3']],
    classified: 2,
    blank: 6,
  },
  {
    title: 'newlines inside quotes, which are data and physical lines',
    input: 'x,y\n1,"a\n\nb"\n2\n"3","c\nd"\n4\n',
    rejected: [
      [2, 5, 'row.field-count', '2'],
      [4, 8, 'row.field-count', '4'],
    ],
    classified: 2,
  },
  {
    title: 'carriage returns alone as line end',
    input: 'x,y\r1,2\r3\r4,5\r',
    rejected: [[2, 3, 'row.field-count', '3']],
    classified: 2,
  },
  {
    title: 'carriage return and line feed as line end, a line feed alone inside a record',
    input: 'x,y\r\n1,a\nb\r\n3\r\n4,5\r\n',
    rejected: [[2, 4, 'row.field-count', '3']],
    classified: 2,
  },
  {
    title: 'tabs as delimiter',
    input: 'x\ty\n1\t2\n3\n',
    rejected: [[2, 3, 'row.field-count', '3']],
    classified: 1,
  },
  {
    title: 'bars as delimiter',
    input: 'x|y\n1|2\n3|4|5\n',
    rejected: [[2, 3, 'row.field-count', '3|4|5']],
    classified: 1,
  },
  {
    title: 'semicolons as delimiter, behind a BOM',
    input: '\uFEFFx;y\r\n1;é\r\n3\r\n',
    rejected: [[2, 3, 'row.field-count', '3']],
    classified: 1,
  },
  {
    title: 'one column, read with the comma',
    input: 'x\n1\n2,3\n4\n',
    rejected: [[2, 3, 'row.field-count', '2,3']],
    classified: 2,
  },
  {
    title: 'a gzip file, positions in what it holds',
    key: 'input/r/data.csv.gz',
    input: 'x,y\n1,2\n3\n4,5\n',
    compress: gzipSync,
    rejected: [[2, 3, 'row.field-count', '3']],
    classified: 2,
  },
  {
    title: 'a zstd file, positions in what it holds',
    key: 'input/r/data.csv.zst',
    input: 'x,y\n1,2\n3\n4,5\n',
    compress: zstdCompressSync,
    rejected: [[2, 3, 'row.field-count', '3']],
    classified: 2,
  },
  {
    title: 'a file without header',
    route: { csv: { header: false }, features: ['column_1'] },
    input: '1,2\n3\n4,5\n',
    rejected: [[2, 2, 'row.field-count', '3']],
    classified: 2,
  },
];

describe('records, each in output or rejects', () => {
  it.each(cases)('$title', async ({ input, compress = (bytes) => bytes, rejected, classified, blank = 0, ...run }) => {
    const bytes = Buffer.from(input as string);

    const end = await runPipeline({ script: always, ...run, input: compress(bytes) });

    const rejects = readRejects(end.rejects);
    const summary = end.summary!;
    expect(end.end.kind).toBe('complete');
    expect(brokenRules(end)).toEqual([]);
    expect(rejects.map(({ row, line, code }) => [row, line, code])).toEqual(
      rejected.map(([row, line, code]) => [row, line, code]),
    );
    expect(rejects.map(({ offset, length }) => bytes.toString('latin1', offset, offset + length))).toEqual(
      rejected.map(([, , , record]) => record),
    );
    expect(summary.rows).toMatchObject({ classified, blank, read: classified + rejected.length });
    expect(restored(bytes, end, summary.input.dialect as Dialect)).toMatchObject({
      lostAt: -1,
      classified,
      rejectedRows: rejects.map(({ row }) => row),
    });
  });

  it('keeps the first 1,000 bytes of a record that is too long', async () => {
    const record = `3,${'é'.repeat(5_000)}`;

    const { rejects } = await runPipeline({
      route: { csv: { maxRecordBytes: 5_000 } },
      input: `x,y\n${record}\n1,2\n`,
    });

    const [row] = readRejects(rejects);
    expect(row).toMatchObject({ code: 'row.too-long', offset: 4, length: 10_002 });
    expect(row?.record.startsWith('3,ééé')).toBe(true);
    expect(Buffer.byteLength(row?.record ?? '')).toBeLessThanOrEqual(1_010);
  });

  it('writes invalid bytes as \\xNN and everything else of the record as text', async () => {
    const input = Buffer.concat([Buffer.from('x,y\n1,é\n2,"a\nö'), Buffer.from([0xff]), Buffer.from('"\n')]);

    const { rejects } = await runPipeline({ input });

    expect(readRejects(rejects).map(({ record }) => record)).toEqual(['2,"a\nö\\xFF"']);
  });

  it.each(['utf16le', 'utf16be'] as const)('counts positions in the bytes of a UTF-16 file (%s)', async (order) => {
    const text = '\uFEFFx;y\r\n1;é\r\n3\r\n"4;\n";🍷\r\n5\r\n';
    const bytes = order === 'utf16le' ? Buffer.from(text, 'utf16le') : Buffer.from(text, 'utf16le').swap16();

    const end = await runPipeline({ input: bytes, script: always });

    const rejects = readRejects(end.rejects);
    const own = (from: number, to: number) => {
      const slice = Buffer.from(bytes.subarray(from, to));
      return (order === 'utf16le' ? slice : slice.swap16()).toString('utf16le');
    };
    const decoded = Buffer.from(end.output!);
    expect(brokenRules(end)).toEqual([]);
    expect(rejects.map(({ row, line, offset, length }) => [row, line, own(offset, offset + length)])).toEqual([
      [2, 3, '3'],
      [4, 6, '5'],
    ]);
    expect((order === 'utf16le' ? decoded : decoded.swap16()).toString('utf16le')).toBe(
      '\uFEFFx;y;prediction;score\r\n1;é;~A~;0.5\r\n"4;\n";🍷;~A~;0.5\r\n',
    );
  });
});

interface Dialect {
  readonly lineEnd: string;
  readonly delimiter: string;
  readonly header: boolean;
}

function restored(input: Buffer, end: Awaited<ReturnType<typeof runPipeline>>, dialect: Dialect) {
  const output = end.objects.get(`output/r/data.csv`) ?? Buffer.alloc(0);
  const [gz, zst] = [end.objects.get('output/r/data.csv.gz'), end.objects.get('output/r/data.csv.zst')];
  const bytes = gz ? gunzip(gz) : zst ? unzstd(zst) : output;
  const added = `${dialect.delimiter}prediction${dialect.delimiter}score`;
  const headerEnd = dialect.header ? bytes.indexOf(added) + added.length + dialect.lineEnd.length : 0;
  const before = /^(\r\n|\n|\r)*/.exec(input.toString('latin1'))![0].length;
  const ownHeader = dialect.header ? before + bytes.indexOf(added) + dialect.lineEnd.length : 0;
  const delimiter = dialect.delimiter === '|' ? '\\|' : dialect.delimiter;
  return restore({
    input,
    output: bytes,
    rejects: readRejects(end.rejects),
    lineEnd: dialect.lineEnd,
    appended: new RegExp(`${delimiter}~A~${delimiter}0.5`),
    headerBytes: ownHeader,
    outputHeaderBytes: headerEnd,
  });
}
