import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { isCellProblem, makeRowEncoder, type RowEncoderOptions } from '../../../lib/csv/encode.ts';
import { encodeText } from '../../../lib/csv/encoding.ts';
import type { Dialect, Encoding, Feature, FeatureType, RowFormat } from '../../../lib/csv/types.ts';
import { scanBlocks } from './blocks.ts';

const comma: Dialect = {
  delimiter: ',',
  quote: '"',
  lineEnd: '\n',
  decimal: '.',
  thousands: null,
  header: true,
  missing: [''],
};
const semicolon: Dialect = { ...comma, delimiter: ';', decimal: ',', lineEnd: '\r\n' };

const featuresOf = (...types: FeatureType[]): Feature[] =>
  types.map((type, index) => ({ index, column: `c${index}`, name: `n${index}`, type }));

/** What the endpoint receives of each record: text, values, or the code of the problem. */
function encodeAll(
  content: Buffer | string,
  format: RowFormat,
  features: readonly Feature[],
  given: Partial<RowEncoderOptions<RowFormat>> & { fieldCount?: number } = {},
): unknown[] {
  const dialect = given.dialect ?? comma;
  const fieldCount = given.fieldCount ?? features.length;
  const encoding = given.encoding ?? (() => 'utf-8' as Encoding);
  const encode = makeRowEncoder({ format, features, onMissing: 'send', ...given, dialect, fieldCount, encoding });
  const { blocks } = scanBlocks(Buffer.from(content as string), [1_000_000], {
    dialect,
    fieldCount,
    encoding,
    maxRecordBytes: 10_000,
  });
  return blocks.flatMap((block) =>
    Array.from({ length: block.count }, (_, index) => {
      expect(block.problems[index]).toBe(0);
      const row = encode(block, index);
      if (isCellProblem(row)) return `${row.code} ${row.feature.name}`;
      return Buffer.isBuffer(row) ? row.toString() : row;
    }),
  );
}

describe('makeRowEncoder', () => {
  it('writes each type as the format wants it', () => {
    const features = featuresOf('number', 'integer', 'boolean', 'text');
    const content = '1.50,7,true,"a ""b"", c"\n-0.5,8.0,0,\n';

    expect(encodeAll(content, 'json', features)).toEqual(['[1.50,7,true,"a \\"b\\", c"]', '[-0.5,8,false,null]']);
    expect(encodeAll(content, 'csv', features)).toEqual(['1.50,7,true,"a ""b"", c"', '-0.5,8,false,']);
    expect(encodeAll(content, 'cells', features)).toEqual([
      [1.5, 7, true, 'a "b", c'],
      [-0.5, 8, false, null],
    ]);
  });

  it('sends only the features, in their order', () => {
    const [a, , c] = featuresOf('text', 'text', 'text');

    expect(encodeAll('secret,x,shown\n', 'json', [c!], { fieldCount: 3 })).toEqual(['["shown"]']);
    expect(encodeAll('first,x,last\n', 'csv', [c!, a!], { fieldCount: 3 })).toEqual(['last,first']);
    expect(encodeAll('first,"x,y",last\n', 'csv', [c!, a!], { fieldCount: 3 })).toEqual(['last,first']);
  });

  it('sends text as it is', () => {
    const content = '01000\nNA\nnull\n 1 \n1e5\n"""x"""\n=1+1\n';

    expect(encodeAll(content, 'json', featuresOf('text'))).toEqual([
      '["01000"]',
      '["NA"]',
      '["null"]',
      '[" 1 "]',
      '["1e5"]',
      '["\\"x\\""]',
      '["=1+1"]',
    ]);
  });

  it('keeps the digits of integers that no double holds', () => {
    expect(encodeAll('9007199254740993\n', 'json', featuresOf('integer'))).toEqual(['[9007199254740993]']);
    expect(encodeAll('9007199254740993\n', 'json', featuresOf('number'))).toEqual(['[9007199254740993]']);
  });

  it('rejects a cell that is not of its type, naming the first such feature', () => {
    expect(encodeAll('1,x\nx,1\ny,y\n1,1\n', 'json', featuresOf('number', 'number'))).toEqual([
      'row.type n1',
      'row.type n0',
      'row.type n0',
      '[1,1]',
    ]);
    expect(encodeAll('1.5\n', 'json', featuresOf('integer'))).toEqual(['row.type n0']);
    expect(encodeAll('yes\n', 'json', featuresOf('boolean'))).toEqual(['row.type n0']);
    expect(encodeAll('NaN\n', 'cells', featuresOf('number'))).toEqual(['row.type n0']);
    expect(encodeAll('1.5\n', 'json', featuresOf('number'), { dialect: semicolon })).toEqual(['row.type n0']);
  });

  it('starts afresh behind a row that was rejected half-way', () => {
    expect(encodeAll('1,x\n2,3\n', 'csv', featuresOf('number', 'number'))).toEqual(['row.type n1', '2,3']);
    expect(encodeAll('1,x\n2,3\n', 'cells', featuresOf('number', 'number'))).toEqual(['row.type n1', [2, 3]]);
  });

  it('sends missing cells as null or nothing, or rejects them', () => {
    const features = featuresOf('number', 'text');
    const content = ',x\n1,""\n';

    expect(encodeAll(content, 'json', features)).toEqual(['[null,"x"]', '[1,null]']);
    expect(encodeAll(content, 'csv', features)).toEqual([',x', '1,']);
    expect(encodeAll(content, 'json', features, { onMissing: 'reject' })).toEqual(['row.missing n0', 'row.missing n1']);
    expect(encodeAll(content, 'csv', features, { onMissing: 'reject' })).toEqual(['row.missing n0', 'row.missing n1']);
  });

  it('takes only the configured tokens for missing', () => {
    const dialect = { ...comma, missing: ['NA', 'n/a'] };

    expect(encodeAll('NA,"n/a"\nna,\n', 'json', featuresOf('text', 'text'), { dialect })).toEqual([
      '[null,null]',
      '["na",""]',
    ]);
    expect(encodeAll('NA,x\n', 'csv', featuresOf('number', 'text'), { dialect })).toEqual([',x']);
    expect(encodeAll('\n"",x\n', 'csv', featuresOf('number', 'text'), { dialect })).toEqual(['row.type n0']);
  });

  it('writes a line that readers do not skip for a row of nothing', () => {
    expect(encodeAll('""\n" "\n  \nx\n', 'csv', featuresOf('text'))).toEqual(['""', '" "', '"  "', 'x']);
  });

  it('reads numbers with blanks around them, no-break ones too', () => {
    const content = Buffer.from(' 1 ,\xa02\n', 'latin1');

    expect(encodeAll(content, 'json', featuresOf('number', 'number'), { encoding: () => 'windows-1252' })).toEqual([
      '[1,2]',
    ]);
    expect(encodeAll(' 1 ,\u00a02\n', 'json', featuresOf('number', 'number'))).toEqual(['[1,2]']);
  });

  it('passes the bytes of the file on when they are what it would write', () => {
    const encode = makeRowEncoder({
      format: 'csv',
      features: featuresOf('text', 'number'),
      dialect: comma,
      encoding: () => 'utf-8',
      fieldCount: 2,
      onMissing: 'send',
    });
    const block = scanBlocks(Buffer.from('é,1.50\nx,+1\n'), [1_000_000]).blocks[0]!;

    const [own, rebuilt] = [encode(block, 0) as Buffer, encode(block, 1) as Buffer];

    expect([own.toString(), own.buffer === block.bytes.buffer]).toEqual(['é,1.50', true]);
    expect([rebuilt.toString(), rebuilt.buffer === block.bytes.buffer]).toEqual(['x,1', false]);
  });

  it('passes no bytes on when the encoding turns out to be another one behind the head', () => {
    let encoding: Encoding = 'utf-8';
    const encode = makeRowEncoder({
      format: 'csv',
      features: featuresOf('text', 'text'),
      dialect: comma,
      encoding: () => encoding,
      fieldCount: 2,
      onMissing: 'send',
    });
    const block = scanBlocks(Buffer.from('\xe9,x\n', 'latin1'), [1_000_000], { encoding: () => 'windows-1252' })
      .blocks[0]!;

    encoding = 'windows-1252';

    expect((encode(block, 0) as Buffer).toString()).toBe('é,x');
  });
});

describe('requests from files that say the same in different ways', () => {
  const numberCell = fc
    .tuple(fc.integer({ min: -9999, max: 9999 }), fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 4 }))
    .map(([whole, fraction]) => (fraction === '' ? String(whole) : `${whole}.${fraction}`));
  const loose = fc.constantFrom('+5', '.5', '007', '5.', '1e5', '1.5E-3', ' 7 ', '');
  const textCell = fc.string({ unit: fc.constantFrom(...'ab1 ,;"\n\réŒ'), maxLength: 6 });
  const types = fc.array(fc.constantFrom<FeatureType[]>('number', 'text', 'integer', 'boolean'), {
    minLength: 1,
    maxLength: 4,
  });
  const cellOf: Record<FeatureType, fc.Arbitrary<string>> = {
    number: fc.oneof({ weight: 5, arbitrary: numberCell }, { weight: 1, arbitrary: loose }),
    integer: fc.constantFrom('1', '-20', '3.0', '12345678901234567890', ''),
    boolean: fc.constantFrom('true', 'FALSE', '0', '1', ''),
    text: textCell,
  };
  const tables = types.chain((chosen) =>
    fc.record({
      types: fc.constant(chosen),
      rows: fc.array(fc.tuple(...chosen.map((type) => fc.tuple(cellOf[type], fc.boolean()))), {
        minLength: 1,
        maxLength: 6,
      }),
    }),
  );

  function write(
    rows: readonly (readonly (readonly [string, boolean])[])[],
    chosen: readonly FeatureType[],
    { delimiter, lineEnd, decimal }: Dialect,
    flipQuotes: boolean,
  ): string {
    return rows
      .map((row) =>
        row
          .map(([cell, wantsQuotes], position) => {
            const text = chosen[position] === 'text' ? cell : cell.replace('.', decimal);
            const needsQuotes = /[",;\r\n]/.test(text) || (row.length === 1 && text === '');
            return needsQuotes || wantsQuotes !== flipQuotes ? `"${text.replaceAll('"', '""')}"` : text;
          })
          .join(delimiter),
      )
      .map((line) => line + lineEnd)
      .join('');
  }

  it.each<RowFormat>(['csv', 'json', 'cells'])('are equal, byte for byte: %s', (format) => {
    fc.assert(
      fc.property(tables, fc.boolean(), ({ types: chosen, rows }, flipQuotes) => {
        const features = featuresOf(...chosen);
        const plainFile = write(rows, chosen, comma, false);
        const otherFile = encodeText(write(rows, chosen, semicolon, flipQuotes), 'windows-1252');

        const expected = encodeAll(plainFile, format, features);
        const found = encodeAll(otherFile, format, features, { dialect: semicolon, encoding: () => 'windows-1252' });

        expect(found).toEqual(expected);
        if (format === 'json') for (const row of found) expect(() => JSON.parse(row as string)).not.toThrow();
        if (format === 'csv') {
          for (const row of found) {
            const lines: string[][] = parse(row as string, { record_delimiter: '\n' });
            expect(lines.map((cells) => cells.length)).toEqual([chosen.length]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
