import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { detectLayout } from '../../../lib/csv/dialect.ts';
import type { CsvOptions } from '../../../lib/csv/types.ts';
import { routeCsv } from './route-csv.ts';

const layoutOf = (text: string, options: Partial<CsvOptions> = {}, isComplete = true) =>
  detectLayout(Buffer.from(text), isComplete, { ...routeCsv, ...options });

describe('detectLayout', () => {
  it.each([
    [',', 'a,b\n1,2\n'],
    [';', 'a;b\n1;2\n'],
    ['\t', 'a\tb\n1\t2\n'],
    ['|', 'a|b\n1|2\n'],
    [',', ''],
    [',', 'text\nhello\nworld\n'],
    [',', 'text\nhello; world\nno more\n'],
    [',', '\n\na,b\n1,2\n'],
    [';', 'alcool;cendres\n12,5;3,4\n13,5;2,1\n'],
    [';', 'prix, EUR;poids, kg\n12,5;3,4\n13,5;2,1\n'],
    [';', '"a,b";c\n"x,y";1\n'],
    [',', '"a;b",c\n"x;y",1\n'],
    ['\t', 'a\tb, c\n1\t2, 3\n'],
    [',', 'id,tags\n1,a|b\n2,c|d\n3,e\n'],
    [';', 'a;b\n1;2\n1;2;3\n4\n5;6\n'],
    [';', 'nom;avis\n1;"une ""très"" longue, ligne\navec; retour"\n2;x\n'],
    [',', 'a,b'],
    [';', 'a;b'],
  ])('finds the delimiter %j of %j', (delimiter, text) => {
    expect(layoutOf(text).delimiter).toBe(delimiter);
  });

  it('finds the delimiter of a file without header by the consistency of its records', () => {
    expect(layoutOf('1,5;2,5\n3,5;4\n', { header: false }).delimiter).toBe(';');
    expect(layoutOf('1,5;2,5\n3,5;4,5\n', { header: false }).delimiter).toBe(';');
  });

  it.each([
    ['\n', 'a,b\n1,2\r\n'],
    ['\r\n', 'a,b\r\n1,2\n'],
    ['\r', 'a,b\r1,2\r'],
    ['\r\n', 'a,b\r\r\n1,2\r\r\n'],
    ['\n', 'a,b'],
    ['\r\n', '"a\nb",c\r\n1,2\r\n'],
    ['\n', '"a\r\n""b""\r",c\n1,2\n'],
    ['\n', '"never closed,b\n1,2\n'],
  ])('finds the line end %j of %j', (lineEnd, text) => {
    expect(layoutOf(text).lineEnd).toBe(lineEnd);
  });

  it('takes what is configured as it is', () => {
    const layout = layoutOf('a,b;c\n', { delimiter: ';', quote: "'", header: false, missing: ['NA'], thousands: ' ' });

    expect(layout).toEqual({
      delimiter: ';',
      quote: "'",
      lineEnd: '\n',
      header: false,
      thousands: ' ',
      missing: ['NA'],
    });
  });

  it('gives quotes no meaning where the route says so', () => {
    expect(layoutOf('a";b"\n1;2\n', { quote: null }).delimiter).toBe(';');
    expect(layoutOf('"a\r\n1\r\n', { quote: null }).lineEnd).toBe('\r\n');
  });

  it('is not misled by a record that the end of the head cuts', () => {
    expect(layoutOf('a;b\n1;2\n3', {}, false).delimiter).toBe(';');
    expect(layoutOf(`a;b\n1;"${'x, y '.repeat(60_000)}`, {}, false).delimiter).toBe(';');
  });

  it('finds what a well-formed file was written in, whatever stands in its cells', () => {
    const dialects = fc.record({
      delimiter: fc.constantFrom(',', ';', '\t', '|'),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    });
    const cell = fc.string({ unit: fc.constantFrom(...'ab1 ,;|\t"\n\ré'), maxLength: 8 });
    fc.assert(
      fc.property(
        dialects,
        fc
          .integer({ min: 2, max: 5 })
          .chain((width) =>
            fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 20 }),
          ),
        ({ delimiter, lineEnd }, rows) => {
          const names = rows[0]!.map((_, position) => `name${position}`).join(delimiter);
          const quoted = rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(delimiter));

          const layout = layoutOf([names, ...quoted].join(lineEnd));

          expect(layout).toMatchObject({ delimiter, lineEnd });
        },
      ),
      { numRuns: 300 },
    );
  });
});
