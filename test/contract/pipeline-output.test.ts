import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { answering, runPipeline } from './pipeline.ts';
import { brokenRules, readRejects } from './pipeline-reading.ts';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const always = answering(() => ({ label: 'oui', score: 0.5 }));

describe('appended columns', () => {
  it('are prediction and score, in the delimiter and line end of the file', async () => {
    const { output } = await runPipeline({ input: 'x;y\r\n1;a\r\n2;b', script: always });

    expect(output?.toString()).toBe('x;y;prediction;score\r\n1;a;oui;0.5\r\n2;b;oui;0.5');
  });

  it('have the names of the route, quoted where they must be', async () => {
    const { output } = await runPipeline({
      input: 'x;y\n1;a\n',
      route: { output: { prediction: 'oui; ou "non"', score: 'probabilité' } },
      script: always,
    });

    expect(output?.toString()).toBe('x;y;"oui; ou ""non""";probabilité\n1;a;oui;0.5\n');
  });

  it('are the prediction alone when the score is left out', async () => {
    const { output } = await runPipeline({ input: 'x,y\n1,a\n', route: { output: { score: null } }, script: always });

    expect(output?.toString()).toBe('x,y,prediction\n1,a,oui\n');
  });

  it('hold a column of scores for each label, in their order, and the version of the model', async () => {
    const { output } = await runPipeline({
      input: 'x,y\n1,a\n',
      route: {
        labels: ['non', 'oui'],
        output: { scores: true, model: 'model' },
        endpoint: { kind: 'stub', labels: ['oui'], version: '7' },
      },
      script: answering(() => ({ scores: { oui: 0.75, non: 0.25 } })),
    });

    expect(output?.toString()).toBe('x,y,prediction,score,score_non,score_oui,model\n1,a,oui,0.75,0.25,0.75,7\n');
  });

  it('hold one column for labels that a map names twice', async () => {
    const { output } = await runPipeline({
      input: 'x,y\n1,a\n',
      route: { labels: { a: 'rouge', b: 'rouge', c: 'blanc' }, output: { scores: true } },
      script: answering(() => ({ scores: { a: 0.25, b: 0.25, c: 0.5 } })),
    });

    expect(output?.toString()).toBe('x,y,prediction,score,score_rouge,score_blanc\n1,a,rouge,0.5,0.5,0.5\n');
  });

  it('are written behind the last field of each record, also without header', async () => {
    const { output } = await runPipeline({
      input: '1,a\n2,"b\n"\n',
      route: { csv: { header: false }, features: ['column_1'] },
      script: always,
    });

    expect(output?.toString()).toBe('1,a,oui,0.5\n2,"b\n",oui,0.5\n');
  });

  it('leave equal columns that are no features as they are', async () => {
    const { output } = await runPipeline({ input: 'y,x,y\na,1,b\n', script: always });

    expect(output?.toString()).toBe('y,x,y,prediction,score\na,1,b,oui,0.5\n');
  });
});

describe('scores', () => {
  const scores = [0, 1, 0.1, 0.30000000000000004, 1 / 3, 1e-7, 1.5e-10, 5e-324, 0.9999999999999999];
  const script = answering(([x]) => ({ label: 'a', score: scores[x as number]! }));
  const rows = (delimiter: string) => scores.map((_, index) => `${index}${delimiter}a\n`).join('');

  it('are written in the shortest form that reads back the same', async () => {
    const { output } = await runPipeline({ input: `x,y\n${rows(',')}`, script });

    const written = output!
      .toString()
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[3]!);
    expect(written.map(Number)).toEqual(scores);
    expect(written).toEqual(scores.map(String));
  });

  it('have the decimal mark of the file', async () => {
    const { output } = await runPipeline({
      input: `x;y\n${rows(';').replace('0;a', '0;0,5')}`,
      script,
    });

    const written = output!
      .toString()
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(';')[3]!);
    expect(written.map((text) => Number(text.replace(',', '.')))).toEqual(scores);
    expect(written).toContain('0,30000000000000004');
    expect(written).toContain('1,5e-10');
  });

  it('are quoted where the decimal mark is the delimiter', async () => {
    const { output } = await runPipeline({
      input: 'x,y\n"1,5",a\n',
      route: { csv: { decimal: ',' } },
      script: always,
    });

    expect(output?.toString()).toBe('x,y,prediction,score\n"1,5",a,oui,"0,5"\n');
  });

  it('are empty when the service gives none', async () => {
    const { output } = await runPipeline({ input: 'x,y\n1,a\n', script: answering(() => ({ label: 'a' })) });

    expect(output?.toString()).toBe('x,y,prediction,score\n1,a,a,\n');
  });
});

describe('labels', () => {
  const cases: readonly (readonly [label: string, cell: string])[] = [
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['+SUM(A1)', `'+SUM(A1)`],
    ['-ja', `'-ja`],
    ['@cmd', `'@cmd`],
    ['\tx', `'\tx`],
    ['\rx', `"'\rx"`],
    ['-1', '-1'],
    ['+5', '+5'],
    ['-1.5e3', '-1.5e3'],
    ['a=b', 'a=b'],
    ["'quoted'", "'quoted'"],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['  a ', '  a '],
    ['', ''],
  ];

  it.each(cases)('are harmless in a spreadsheet and sound in a CSV: %j', async (label, cell) => {
    const { output } = await runPipeline({ input: 'x,y\n=1+1,a\n', script: answering(() => ({ label })) });

    expect(output?.toString()).toBe(`x,y,prediction,score\n=1+1,a,${cell},\n`);
  });

  it('are written in the encoding of the file', async () => {
    const route = { labels: ['rosé', 'à revoir – « cher »'] };
    const script = answering(([x]) => ({ label: x as number }));

    const windows = await runPipeline({ input: latin1('x;y\n0;\xe9t\xe9\n1;b\n'), route, script });
    const configured = await runPipeline({
      input: latin1('x;y\n0;\xa4\n'),
      route: { labels: ['1 €'], csv: { encoding: 'iso-8859-15' } },
      script,
    });
    const utf16 = await runPipeline({ input: Buffer.from('\uFEFFx;y\n0;ż\n', 'utf16le'), route, script });

    expect(windows.output).toEqual(
      latin1('x;y;prediction;score\n0;\xe9t\xe9;ros\xe9;\n1;b;\xe0 revoir \x96 \xab cher \xbb;\n'),
    );
    expect(windows.summary?.input.dialect).toMatchObject({ encoding: 'windows-1252' });
    expect(configured.output).toEqual(latin1('x;y;prediction;score\n0;\xa4;1 \xa4;\n'));
    expect(utf16.output).toEqual(Buffer.from('\uFEFFx;y;prediction;score\n0;ż;rosé;\n', 'utf16le'));
  });

  it('that nobody configured and that the encoding lacks stay visible', async () => {
    const { output, summary } = await runPipeline({
      input: latin1('x;y\n0;\xe9t\xe9\n'),
      script: answering(() => ({ label: 'żółty 🍷' })),
    });

    expect(output).toEqual(latin1('x;y;prediction;score\n0;\xe9t\xe9;\\u{17C}\xf3\\u{142}ty \\u{1F377};\n'));
    expect(summary?.labels).toEqual({ 'żółty 🍷': 1 });
  });
});

describe('output.encoding', () => {
  const text = 'x;y;prediction;score\n0;été €;rosé;0.5\n';
  const script = answering(() => ({ label: 'rosé', score: 0.5 }));
  const inputs = [
    ['Windows-1252', latin1('x;y\n0;\xe9t\xe9 \x80\n'), {}],
    ['ISO-8859-15', latin1('x;y\n0;\xe9t\xe9 \xa4\n'), { encoding: 'iso-8859-15' }],
    ['UTF-8', Buffer.from('x;y\n0;été €\n'), {}],
    ['UTF-8 with BOM', Buffer.from('\uFEFFx;y\n0;été €\n'), {}],
    ['UTF-16', Buffer.from('\uFEFFx;y\n0;été €\n', 'utf16le'), {}],
  ] as const;

  it.each(inputs)('writes UTF-8 with and without BOM from %s', async (_, input, csv) => {
    const plain = await runPipeline({ input, script, route: { csv, output: { encoding: 'utf-8' } } });
    const withBom = await runPipeline({ input, script, route: { csv, output: { encoding: 'utf-8-bom' } } });

    expect(plain.output?.toString()).toBe(text);
    expect(withBom.output?.toString()).toBe(`\uFEFF${text}`);
  });

  it('lets labels through that the encoding of the file lacks', async () => {
    const { output } = await runPipeline({
      input: latin1('x;y\n0;\xe9\n'),
      route: { labels: ['żółty'], output: { encoding: 'utf-8' } },
      script: answering(() => ({ label: 0 })),
    });

    expect(output?.toString()).toBe('x;y;prediction;score\n0;é;żółty;\n');
  });
});

describe('a first accent that comes late', () => {
  /** ASCII for a little more than 2 MiB. */
  const ascii = Array.from({ length: 130_000 }, (_, index) => `${index};plain text\n`).join('');
  const tail = '1;\xe9t\xe9\n2;\x80\n';
  const count = 130_002;

  it.each([
    ['Windows-1252', latin1(`x;y\n${ascii}${tail}`), 'windows-1252', latin1('ros\xe9')],
    ['UTF-8', Buffer.from(`x;y\n${ascii}1;été\n2;€\n`), 'utf-8', Buffer.from('rosé')],
    ['no accent at all', Buffer.from(`x;y\n${ascii}1;a\n2;b\n`), 'utf-8', Buffer.from('rosé')],
  ])('decides the encoding of labels before it too: %s', async (_, input, encoding, label) => {
    const configured = await runPipeline({
      input,
      route: { labels: ['rosé', 'b'] },
      script: answering(() => ({ label: 0 })),
    });
    const discovered = await runPipeline({ input, script: answering(() => ({ label: 'rosé' })) });

    for (const end of [configured, discovered]) {
      expect(brokenRules(end)).toEqual([]);
      expect(end.summary?.rows).toMatchObject({ read: count, classified: count });
      expect(end.summary?.input.dialect).toMatchObject({ encoding });
    }
    const lines = configured.output!.toString('latin1').trimEnd().split('\n');
    expect(lines).toHaveLength(count + 1);
    expect(new Set(lines.slice(1).map((line) => line.split(';')[2]))).toEqual(new Set([label.toString('latin1')]));
    expect(discovered.output!.equals(configured.output!)).toBe(true);
    expect(configured.output!.length).toBe(
      input.length + ';prediction;score'.length + count * (';'.length * 2 + label.length),
    );
  });

  it('is looked for in a compressed file too', async () => {
    const { output, summary } = await runPipeline({
      key: 'input/r/data.csv.gz',
      input: gzipSync(latin1(`x;y\n${ascii}${tail}`)),
      script: answering(() => ({ label: 'rosé' })),
    });

    expect(summary?.input.dialect).toMatchObject({ encoding: 'windows-1252' });
    expect(gunzipSync(output!).toString('latin1').split('ros\xe9')).toHaveLength(count + 1);
  });

  it.each([
    ['within the same 64 KiB', 60_000, 'utf-8'],
    ['behind them', 70_000, 'windows-1252'],
  ])('is outvoted by other accents %s', async (_, at, encoding) => {
    const first = latin1('x;y\n1;\xe9\n');
    const plain = `2;${'a'.repeat(96)}\n`;
    const filler = plain.repeat(Math.ceil((at - first.length) / plain.length));

    const { summary } = await runPipeline({ input: Buffer.concat([first, Buffer.from(`${filler}3;été\n`)]) });

    expect(summary?.input.dialect).toMatchObject({ encoding });
    expect(summary?.rejectCodes).toEqual(encoding === 'utf-8' ? { 'row.encoding': 1 } : {});
  });

  it('refuses a configured label that the encoding turns out to lack, before the first call', async () => {
    const { error, calls } = await runPipeline({
      input: latin1(`x;y\n${ascii}${tail}`),
      route: { labels: ['żółty'] },
    });

    expect(error?.code).toBe('input.text-unencodable');
    expect(calls).toHaveLength(0);
  });

  it('rejects what is invalid in the encoding that was chosen', async () => {
    const { rejects, summary } = await runPipeline({ input: latin1(`x;y\n${ascii}${tail}3;\x81\n`) });

    expect(summary?.rows).toMatchObject({ classified: count, rejected: 1 });
    expect(readRejects(rejects)).toMatchObject([{ row: count + 1, code: 'row.encoding', record: '3;\\x81' }]);
  });
});

describe('the summary', () => {
  it('says how the file was read and what the model received', async () => {
    const { summary } = await runPipeline({
      input: latin1('x;y;z;w\r\n1;1,5;a;\xe9\r\n2;;b;c\r\n'),
      route: {
        features: ['y', { column: 'x', as: 'ix', type: 'integer' }, { column: 'w', as: 'texte' }],
        tags: { costCentre: '4711' },
      },
    });

    expect(summary).toMatchObject({
      schema: 'tamis/summary/v1',
      route: 'r',
      tags: { costCentre: '4711' },
      outcome: 'complete',
      input: {
        uri: 's3://bucket/input/r/data.csv',
        dialect: { delimiter: ';', encoding: 'windows-1252', lineEnd: '\r\n', decimal: ',', header: true },
        types: { y: 'number', x: 'integer', w: 'text' },
      },
      rejects: null,
      endpoint: { kind: 'stub', residency: 'local' },
      rows: { read: 2, classified: 2, abstained: 0, rejected: 0, blank: 0 },
      batches: { sent: 1, retried: 0, split: 0 },
    });
  });
});
