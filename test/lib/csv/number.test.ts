import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { numberForm, plain, readBoolean, readInteger, readLooseNumber } from '../../../lib/csv/number.ts';

const formOf = (text: string, mark = '.') =>
  numberForm(Buffer.from(text), 0, Buffer.byteLength(text), mark.charCodeAt(0));

describe('numberForm', () => {
  it.each(['0', '-0', '12', '-12.50', '0.5', '12345678901234567890'])('takes %j for a number as it stands', (text) => {
    expect(formOf(text)).toBe(plain);
    expect(formOf(text.replace('.', ','), ',')).toBe(plain);
  });

  it('takes nothing for plain that JSON would not read as the same number', () => {
    const spelling = fc.string({ unit: fc.constantFrom(...'0123456789+-.,eE '), maxLength: 8 });
    fc.assert(
      fc.property(spelling, (text) => {
        if (formOf(text) !== plain) return;

        expect(JSON.stringify(JSON.parse(`[${text}]`))).toBe(JSON.stringify([Number(text)]));
      }),
      { numRuns: 2000 },
    );
  });

  it('does not take digits for plain that no double holds', () => {
    expect(formOf('9'.repeat(309))).not.toBe(plain);
    expect(formOf('9'.repeat(5000))).not.toBe(plain);
  });
});

describe('readLooseNumber', () => {
  it.each([
    ['12.50', '12.50'],
    ['+5', '5'],
    ['.5', '0.5'],
    ['-.5', '-0.5'],
    ['5.', '5'],
    ['007', '7'],
    ['-00.10', '-0.10'],
    [' 12 ', '12'],
    ['\u00a012', '12'],
    ['1e5', '1e5'],
    ['1E+05', '1e5'],
    ['2.5e-07', '2.5e-7'],
    ['12345678901234567890', '12345678901234567890'],
  ])('reads %j as %s', (text, expected) => {
    expect(readLooseNumber(text, '.', null)).toBe(expected);
    expect(readLooseNumber(text.replace('.', ','), ',', null)).toBe(expected);
  });

  it.each([
    '',
    ' ',
    '.',
    '-',
    'e5',
    '1e',
    '1.2.3',
    '1,5',
    'NaN',
    'Infinity',
    '0x10',
    '1e999',
    '1 000',
    '--1',
    '1_0',
    '٣',
  ])('takes %j for no number', (text) => {
    expect(readLooseNumber(text, '.', null)).toBeUndefined();
  });

  it('takes a point for no decimal mark where that is the comma', () => {
    expect(readLooseNumber('1.5', ',', null)).toBeUndefined();
  });

  it.each([
    ['1.234.567,50', ',', '.', '1234567.50'],
    ['-1 234,5', ',', ' ', '-1234.5'],
    ['1\u202f234', ',', ' ', '1234'],
    ["12'345.5", '.', "'", '12345.5'],
    ['123', ',', '.', '123'],
  ])('reads %j with mark %j and groups of %j', (text, mark, thousands, expected) => {
    expect(readLooseNumber(text, mark, thousands)).toBe(expected);
  });

  it.each([
    ['12.5', ',', '.'],
    ['1.2345', ',', '.'],
    ['1.23.456', ',', '.'],
    ['1234.567', ',', '.'],
    ['.123', ',', '.'],
    ['1,234.567', ',', '.'],
  ])('takes %j with mark %j for wrongly grouped by %j', (text, mark, thousands) => {
    expect(readLooseNumber(text, mark, thousands)).toBeUndefined();
  });

  it('gives JSON numbers only, of the same value', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const canonical = readLooseNumber(String(value), '.', null)!;

        expect(JSON.parse(canonical)).toBe(value === 0 ? JSON.parse(canonical) : value);
        expect(Math.abs(Number(canonical))).toBe(Math.abs(value));
      }),
    );
  });
});

describe('readInteger', () => {
  it('reads whole numbers, also those exported with zeros behind the mark', () => {
    expect(['5', '-5', '+5', '5.0', '5.000', '007'].map((text) => readInteger(text, '.', null))).toEqual([
      '5',
      '-5',
      '5',
      '5',
      '5',
      '7',
    ]);
    expect(readInteger('5,0', ',', null)).toBe('5');
    expect(readInteger('9007199254740993', '.', null)).toBe('9007199254740993');
  });

  it('reads nothing else', () => {
    expect(['5.1', '1e3', 'x', ''].map((text) => readInteger(text, '.', null))).toEqual(Array(4).fill(undefined));
  });
});

describe('readBoolean', () => {
  it('reads true and false in any case, 1 and 0, and nothing else', () => {
    expect(['true', 'TRUE', 'True', '1', ' true'].map(readBoolean)).toEqual(Array(5).fill(true));
    expect(['false', 'False', '0'].map(readBoolean)).toEqual(Array(3).fill(false));
    expect(['', 'yes', 'vrai', 't', '1.0', '2'].map(readBoolean)).toEqual(Array(6).fill(undefined));
  });
});
