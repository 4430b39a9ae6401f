import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { encodeText, toOwnBytes } from '../../../lib/csv/encoding.ts';
import type { Dialect, Encoding, LineEnd } from '../../../lib/csv/types.ts';
import { type AppendedCell, makeOutputWriter, type OutputWriterOptions, quoteText } from '../../../lib/csv/write.ts';
import { scanBlocks } from './blocks.ts';

const dialect: Dialect = {
  delimiter: ',',
  quote: '"',
  lineEnd: '\n',
  decimal: '.',
  thousands: null,
  header: true,
  missing: [''],
};

/** The output for a file whose every record gets the same cells. `content` is what is scanned. */
function output(
  content: Buffer | string,
  cells: readonly AppendedCell[],
  given: Partial<OutputWriterOptions> = {},
): Buffer {
  const options = { dialect, encoding: () => 'utf-8' as Encoding, outputEncoding: 'same' as const, ...given };
  const writer = makeOutputWriter(options);
  const { blocks } = scanBlocks(Buffer.from(content as string), [1_000_000], {
    dialect: options.dialect,
    encoding: options.encoding,
    fieldCount: undefined,
  });
  for (const block of blocks) for (let index = 0; index < block.count; index++) writer.record(block, index, cells);
  return writer.take();
}

describe('makeOutputWriter', () => {
  it('puts the cells between the record and its own line end', () => {
    expect(output('a,"b\nc"\nd,e', ['yes', 0.5]).toString()).toBe('a,"b\nc",yes,0.5\nd,e,yes,0.5');
    expect(
      output('a;b\r\n', ['yes', 0.25], { dialect: { ...dialect, delimiter: ';', lineEnd: '\r\n' } }).toString(),
    ).toBe('a;b;yes;0.25\r\n');
  });

  it('leaves a cell empty when the service gives nothing', () => {
    expect(output('a\n', ['yes', undefined]).toString()).toBe('a,yes,\n');
  });

  it('writes scores in the decimal mark of the file, quoted where that is the delimiter', () => {
    expect(output('a\n', [0.1234], { dialect: { ...dialect, delimiter: ';', decimal: ',' } }).toString()).toBe(
      'a;0,1234\n',
    );
    expect(output('a\n', [0.1234], { dialect: { ...dialect, decimal: ',' } }).toString()).toBe('a,"0,1234"\n');
    expect(output('a\n', [0.1234], { dialect: { ...dialect, decimal: ',', quote: null } }).toString()).toBe(
      'a,0.1234\n',
    );
  });

  it('writes scores in the shortest form that reads back the same', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (score) => {
        const [, written] = output('a\n', [score]).toString().trimEnd().split(',');

        expect(Number(written)).toBe(score);
        expect(written).toBe(String(score));
      }),
    );
  });

  it('starts with the BOM and the header of the file, and the names behind it', () => {
    const writer = makeOutputWriter({ dialect, encoding: () => 'utf-8', outputEncoding: 'same' });

    writer.header(Buffer.from('\ufeff'), Buffer.from('a,"b"'), ['prediction', 'score, of it'], '\r\n');

    expect(writer.take().toString()).toBe('\ufeffa,"b",prediction,"score, of it"\r\n');
    expect(writer.take()).toHaveLength(0);
  });

  it('keeps the BOM of a file without header', () => {
    const writer = makeOutputWriter({
      dialect: { ...dialect, header: false },
      encoding: () => 'utf-16be',
      outputEncoding: 'same',
    });

    writer.header(Buffer.from([0xfe, 0xff]), Buffer.alloc(0), [], '');

    expect([...writer.take()]).toEqual([0xfe, 0xff]);
  });

  it.each<[Encoding, number[]]>([
    ['utf-16le', [0xff, 0xfe]],
    ['utf-16be', [0xfe, 0xff]],
  ])('writes %s as it was read', (encoding, bom) => {
    const writer = makeOutputWriter({ dialect, encoding: () => encoding, outputEncoding: 'same' });

    writer.header(Buffer.from(bom), Buffer.from('é'), ['p'], '\n');

    const expected = Buffer.from('\ufeffé,p\n', 'utf16le');
    expect(writer.take().equals(encoding === 'utf-16be' ? expected.swap16() : expected)).toBe(true);
  });

  it('appends in the encoding of the file', () => {
    const content = Buffer.from('\xe9\n', 'latin1');

    expect(output(content, ['à vérifier €'], { encoding: () => 'windows-1252' }).toString('latin1')).toBe(
      '\xe9,\xe0 v\xe9rifier \x80\n',
    );
    expect(output(content, ['€'], { encoding: () => 'iso-8859-15' }).toString('latin1')).toBe('\xe9,\xa4\n');
  });

  it('follows an encoding that is decided on the way', () => {
    let encoding: Encoding = 'utf-8';
    const writer = makeOutputWriter({ dialect, encoding: () => encoding, outputEncoding: 'same' });
    const block = scanBlocks(Buffer.from('a\n'), [10], { fieldCount: 1 }).blocks[0]!;

    writer.record(block, 0, ['é']);
    expect(writer.take().toString('latin1')).toBe('a,\xc3\xa9\n');
    encoding = 'windows-1252';
    writer.record(block, 0, ['é']);
    expect(writer.take().toString('latin1')).toBe('a,\xe9\n');
  });

  it('re-encodes everything when the route wants UTF-8', () => {
    const latin = Buffer.from('\xe9\x80\n', 'latin1');

    for (const outputEncoding of ['utf-8', 'utf-8-bom'] as const) {
      const options = { outputEncoding, encoding: () => 'windows-1252' as Encoding };
      expect(output(latin, ['Ω'], options).toString()).toBe('é€,Ω\n');
      expect(output('é€\n', ['Ω'], { outputEncoding, encoding: () => 'utf-16le' }).toString()).toBe('é€,Ω\n');
      expect(output('é€\n', ['Ω'], { outputEncoding }).toString()).toBe('é€,Ω\n');
    }
  });

  it.each([
    ['utf-8', 'a,p\n'],
    ['utf-8-bom', '\ufeffa,p\n'],
  ] as const)('writes a BOM with %s only if its name says so, whatever the file has', (outputEncoding, expected) => {
    for (const bom of [Buffer.alloc(0), Buffer.from('\ufeff'), Buffer.from([0xff, 0xfe])]) {
      const writer = makeOutputWriter({ dialect, encoding: () => 'utf-8', outputEncoding });
      writer.header(bom, Buffer.from('a'), ['p'], '\n');

      expect(writer.take().toString()).toBe(expected);
    }
  });

  it('is read back by csv-parse as the file and the new columns, in every dialect and encoding', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab1 ,;|\t"\'\n\ré€'), maxLength: 8 });
    fc.assert(
      fc.property(
        fc.constantFrom<Dialect['delimiter'][]>(',', ';', '\t', '|'),
        fc.constantFrom<LineEnd[]>('\n', '\r\n', '\r'),
        fc.constantFrom<Encoding[]>('utf-8', 'windows-1252', 'utf-16le'),
        fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 8 }),
        (delimiter, lineEnd, encoding, rows) => {
          const own = { ...dialect, delimiter, lineEnd };
          const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
          const content = rows.map(([cell]) => quoted(cell) + delimiter + quoted(cell) + lineEnd).join('');
          const writer = makeOutputWriter({ dialect: own, encoding: () => encoding, outputEncoding: 'same' });
          const { blocks } = scanBlocks(encodeText(content, encoding), [1_000_000], {
            dialect: own,
            encoding: () => encoding,
          });
          let row = 0;
          for (const block of blocks)
            for (let index = 0; index < block.count; index++) writer.record(block, index, [rows[row++]![1]]);

          const bytes = writer.take();

          const expected = rows.map(([cell, appended]) => [
            cell,
            cell,
            /^[=+\-@\t\r]/.test(appended) ? `'${appended}` : appended,
          ]);
          const scanned = expected.map((cells) => cells.map(quoted).join(delimiter) + lineEnd).join('');
          const decoded = encoding === 'utf-16le' ? bytes.toString('utf16le') : new TextDecoder(encoding).decode(bytes);
          expect(parse(decoded, { delimiter, record_delimiter: lineEnd })).toEqual(
            parse(scanned, { delimiter, record_delimiter: lineEnd }),
          );
          expect(bytes.length).toBeGreaterThan(toOwnBytes(encodeText(content, encoding), encoding).length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('quoteText', () => {
  it.each([
    ['oui', 'oui'],
    ['', ''],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['a;b', 'a;b'],
    [' a ', ' a '],
    ['=1+1', "'=1+1"],
    ['+cmd', "'+cmd"],
    ['-', "'-"],
    ['-a', "'-a"],
    ['@x', "'@x"],
    ['\tx', "'\tx"],
    ['\rx', '"\'\rx"'],
    ['=a,b', '"\'=a,b"'],
    ['-1', '-1'],
    ['+1.5', '+1.5'],
    ['-1e5', '-1e5'],
    ['-1-1', "'-1-1"],
  ])('writes %j as %j', (text, expected) => {
    expect(quoteText(text, dialect)).toBe(expected);
  });

  it('doubles the quote of the dialect', () => {
    expect(quoteText('l\'eau, d"or', { delimiter: ',', quote: "'" })).toBe("'l''eau, d\"or'");
  });

  it('makes blanks of what would need quotes where there are none', () => {
    expect(quoteText('a,b\r\n"c"', { delimiter: ',', quote: null })).toBe('a b  "c"');
  });
});
