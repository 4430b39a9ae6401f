import { describe, expect, it } from '@jest/globals';
import type { ScanOptions } from '../../../lib/csv/scan.ts';
import { makeScanner } from '../../../lib/csv/scan.ts';
import { defaultScan, scanBlocks } from './blocks.ts';

/** `code: record` of each record; must not depend on the chunks. */
function scan(text: string | Buffer, options: Partial<ScanOptions> = {}): string[] {
  const input = Buffer.from(text as string);
  const inOne = scanBlocks(input, [1_000_000], options).records;
  expect(scanBlocks(input, [1], options).records).toEqual(inOne);
  return inOne.map(({ code, bytes }) => (code === '' ? bytes : `${code}: ${bytes}`));
}

const withLineEnd = (lineEnd: '\n' | '\r\n' | '\r') => ({ dialect: { ...defaultScan.dialect, lineEnd } });

describe('makeScanner', () => {
  it('cuts records at line ends outside quotes', () => {
    expect(scan('a,b\n"c\nd","e ""f"","\ng,h')).toEqual(['a,b', '"c\nd","e ""f"","', 'g,h']);
  });

  it('knows only the line end of the file', () => {
    expect(scan('a,b\r\nc\n,d\re\r\n', withLineEnd('\r\n'))).toEqual(['a,b', 'c\n,d\re']);
    expect(scan('a,b\rc\n,d\r', withLineEnd('\r'))).toEqual(['a,b', 'c\n,d']);
    expect(scan('a,b\r\nc,d\n')).toEqual(['a,b\r', 'c,d']);
  });

  it('keeps a carriage return at the end of a file with \\r\\n as data', () => {
    expect(scan('a,b\r\nc,d\r', withLineEnd('\r\n'))).toEqual(['a,b', 'c,d\r']);
    expect(scan('a,b\r\n"c",d\r', withLineEnd('\r\n'))).toEqual(['a,b', '"c",d\r']);
    expect(scan('a,b\r\nc,"d"\r', withLineEnd('\r\n'))).toEqual(['a,b', 'row.quote: c,"d"\r']);
  });

  it('skips and counts blank lines', () => {
    const { records, blankCount } = scanBlocks(Buffer.from('\n\na,b\n\nc,d\n\n\n'), [1_000_000]);

    expect(records.map(({ bytes, line, offset }) => [bytes, line, offset])).toEqual([
      ['a,b', 3, 2],
      ['c,d', 5, 7],
    ]);
    expect(blankCount).toBe(5);
    expect(scanBlocks(Buffer.from('\n\na,b\n\nc,d\n\n\n'), [1]).blankCount).toBe(5);
  });

  it('takes a line of blanks, and one of an empty quoted cell, for records', () => {
    expect(scan(' \n""\n\n', { fieldCount: 1 })).toEqual([' ', '""']);
  });

  it('hands out a block without records when blank lines are all that is left', () => {
    const scanner = makeScanner(defaultScan);

    expect(scanner.push(Buffer.from('\n\n'))).toBeUndefined();
    expect(scanner.end()).toMatchObject({ count: 0, blankCount: 2 });
    expect(makeScanner(defaultScan).end()).toBeUndefined();
  });

  it('rejects too few and too many fields with what it found', () => {
    const { records } = scanBlocks(Buffer.from('a\nb,c\nd,e,f\n"x,y"\n'), [1_000_000]);

    expect(records.map(({ code, fieldCount }) => [code, fieldCount])).toEqual([
      ['row.field-count', 1],
      ['', 2],
      ['row.field-count', 3],
      ['row.field-count', 1],
    ]);
  });

  it('accepts any number of fields when none is given', () => {
    expect(scan('a\nb,c\n', { fieldCount: undefined })).toEqual(['a', 'b,c']);
  });

  it('rejects a stray quote up to the next line end, whatever quotes follow', () => {
    expect(scan('a"b,"c\nd,e\n')).toEqual(['row.quote: a"b,"c', 'd,e']);
    expect(scan('"a"b,"c\nd,e\n')).toEqual(['row.quote: "a"b,"c', 'd,e']);
    expect(scan('"a" ,b\nd,e\n')).toEqual(['row.quote: "a" ,b', 'd,e']);
    expect(scan('a, "b"\nd,e\n')).toEqual(['row.quote: a, "b"', 'd,e']);
  });

  it('gives quotes no meaning where the dialect has none', () => {
    expect(scan('"a,b\n"c","d\n', { dialect: { ...defaultScan.dialect, quote: null } })).toEqual(['"a,b', '"c","d']);
  });

  it('rejects only the first line of a record whose quoted field is not closed before the end of the file', () => {
    expect(scan('a,b\n"c,d\ne,f\ng,h\n')).toEqual(['a,b', 'row.quote: "c,d', 'e,f', 'g,h']);
    expect(scan('"a\nb","c\nd,e')).toEqual(['row.quote: "a', 'row.quote: b","c', 'd,e']);
    expect(scan('a,"b')).toEqual(['row.quote: a,"b']);
  });

  it('rejects only the first line of a record whose quoted field is not closed within maxRecordBytes', () => {
    const lines = 'e,f\n'.repeat(30);

    expect(scan(`a,"b\n${lines}x,"y"\n`)).toEqual(['row.quote: a,"b', ...Array(30).fill('e,f'), 'x,"y"']);
  });

  it('sees a closing quote that is the last byte of maxRecordBytes, and none behind it', () => {
    const record = (innerBytes: number) => `"x\n${'y'.repeat(innerBytes - 2)}"`;
    const options = { fieldCount: undefined };

    expect(scan(`${record(98)}\nc,d\n`, options)).toEqual([record(98), 'c,d']);
    expect(scan(`${record(99)}\nc,d\n`, options)).toEqual(['row.quote: "x', `row.quote: ${'y'.repeat(97)}"`, 'c,d']);
  });

  it('rejects a record that is longer than maxRecordBytes and ends it where it ends', () => {
    const exact = `${'x'.repeat(98)},b`;
    const long = `${'x'.repeat(150)},"quoted ""text""\nof two lines"`;

    expect(scan(`${exact}\na,b\n`)).toEqual([exact, 'a,b']);
    expect(scan(`${long}\na,b\n`)).toEqual([`row.too-long: ${long}`, 'a,b']);
    expect(scan(`"a\nb",${'x'.repeat(150)}\na,b\n`)).toHaveLength(2);
  });

  it('ends a record that is too long with the line on which its last field opens, when that is never closed', () => {
    expect(scan(`${'x'.repeat(150)},"y\na,b\n`)).toEqual([`row.quote: ${'x'.repeat(150)},"y`, 'a,b']);
  });

  it('keeps the first 1,000 bytes of a record that is too long, and tells its whole length', () => {
    for (const sizes of [[1_000_000], [7], [999, 1]]) {
      const { records } = scanBlocks(Buffer.from(`${'x'.repeat(5000)},y\na,b\n`), sizes);

      expect(records).toMatchObject([
        { code: 'row.too-long', bytes: 'x'.repeat(1000), offset: 0, length: 5002 },
        { code: '', bytes: 'a,b', offset: 5003, length: 3, line: 2 },
      ]);
    }
  });

  it('rejects records with bytes that are invalid in the encoding, and no others', () => {
    const input = Buffer.from('a,b\nc,\xe9\nd,\x81\ne,f\n', 'latin1');

    expect(scan(input, { encoding: () => 'utf-8' })).toEqual([
      'a,b',
      'row.encoding: c,\xe9',
      'row.encoding: d,\x81',
      'e,f',
    ]);
    expect(scan(input, { encoding: () => 'windows-1252' })).toEqual(['a,b', 'c,\xe9', 'row.encoding: d,\x81', 'e,f']);
    expect(scan(input, { encoding: () => 'iso-8859-15' })).toEqual(['a,b', 'c,\xe9', 'd,\x81', 'e,f']);
  });

  it.each([0x81, 0x8d, 0x8f, 0x90, 0x9d])('rejects byte %i in Windows-1252', (byte) => {
    expect(scan(Buffer.from([0x61, 0x2c, byte]), { encoding: () => 'windows-1252' })[0]).toMatch(/^row.encoding/);
  });

  it('does not cut characters at the ends of chunks', () => {
    expect(scan(Buffer.from('é,è\nà,🍷\n')).every((record) => !record.startsWith('row.'))).toBe(true);
  });

  it('reports one problem of several: quote, too long, encoding, field count', () => {
    const long = 'x'.repeat(200);

    expect(
      scan(Buffer.from(`a"\xe9${long}\n${long}\xe9\n\xe9\na\n`, 'latin1')).map((record) => record.split(':')[0]),
    ).toEqual(['row.quote', 'row.too-long', 'row.encoding', 'row.field-count']);
  });

  it('counts physical lines, also those inside quotes', () => {
    const lines = (text: string, options: Partial<ScanOptions>) =>
      scanBlocks(Buffer.from(text), [1_000_000], options).records.map(({ line }) => line);

    expect(lines('a,b\n"c\nd\n",e\nf,g\n', { line: 2 })).toEqual([2, 3, 6]);
    expect(lines('a,b\r\n"c\nd\r\n",e\r\nf\n,g\r\nh,i\r\n', withLineEnd('\r\n'))).toEqual([1, 2, 5, 7]);
    expect(lines('a,b\r"c\rd",e\rf,g\r', withLineEnd('\r'))).toEqual([1, 2, 4]);
  });

  it('counts offsets from where it is told to start', () => {
    const { records } = scanBlocks(Buffer.from('a,b\nc,d\n'), [1_000_000], { offset: 1000, line: 7 });

    expect(records.map(({ offset, line }) => [offset, line])).toEqual([
      [1000, 7],
      [1004, 8],
    ]);
  });

  it('counts offsets and lengths of UTF-16 in bytes of the file', () => {
    const { records } = scanBlocks(Buffer.from('é,b\n\n🍷,d\n'), [3], { encoding: () => 'utf-16le', offset: 2 });

    expect(records.map(({ offset, length }) => [offset, length])).toEqual([
      [2, 6],
      [12, 8],
    ]);
  });

  it('counts the length of a UTF-16 record that is too long in bytes of the file', () => {
    for (const sizes of [[1_000_000], [7]]) {
      const { records } = scanBlocks(Buffer.from(`${'é'.repeat(2000)},b\nc,d\n`), sizes, {
        encoding: () => 'utf-16be',
      });

      expect(records.map(({ offset, length }) => [offset, length])).toEqual([
        [0, 4004],
        [4006, 6],
      ]);
    }
  });
});

describe('the work of makeScanner', () => {
  const size = 200_000;
  const fill = (line: string) => line.repeat(Math.ceil(size / line.length));

  it.each([
    ['every line opens a quote', fill('"abc,d\n')],
    ['one quote is never closed', `"${fill('abc,d\n')}`],
    ['doubled quotes follow an open one', `"${fill('a""b,c\n')}`],
    ['lines of three quotes', fill('"""a\n')],
    ['lines of doubled quotes behind an open one', `"\n${fill('"",""\n')}`],
    ['both parities are well-formed', fill('x,",\n')],
    ['only line ends behind an open quote', `"${fill('\n')}`],
    ['an open quote every other kilobyte', fill(`"${'a,b\n'.repeat(300)}`)],
    ['an open quote behind a too long record', fill(`${'x'.repeat(5000)},"y\n`)],
    ['one line without end', fill('x')],
    ['one quoted field without end', `"${fill('x')}`],
    ['ordinary records', fill('abc,"d, e"\n')],
  ])('stays below three times the input when %s', (_, text) => {
    const input = Buffer.from(text);

    for (const maxRecordBytes of [100, 4000, 1_048_576]) {
      for (const sizes of [[1_000_000], [64]]) {
        const { visitedByteCount } = scanBlocks(input, sizes, { maxRecordBytes });

        expect(visitedByteCount).toBeLessThan(3 * input.length);
      }
    }
  });

  it('keeps no more memory than a few records, however long one gets', () => {
    const scanner = makeScanner({ ...defaultScan, maxRecordBytes: 10_000 });
    const chunk = Buffer.alloc(50_000, 'x');

    for (let turn = 0; turn < 200; turn++) scanner.push(chunk);
    const block = scanner.push(Buffer.from('\na,b\n'));

    expect(block).toMatchObject({ count: 2 });
    expect(block?.lengths[0]).toBe(10_000_000);
    expect(block?.bytes.buffer.byteLength).toBeLessThan(300_000);
  });
});
