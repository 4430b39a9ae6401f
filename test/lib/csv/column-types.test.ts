import { describe, expect, it } from '@jest/globals';
import { decideTypes, headBytes } from '../../../lib/csv/column-types.ts';
import { detectLayout } from '../../../lib/csv/dialect.ts';
import { readHeader, selectFeatures } from '../../../lib/csv/header.ts';
import type { CsvOptions, FeatureRequest, FeatureType } from '../../../lib/csv/types.ts';
import { isTamisError } from '../../../lib/errors.ts';
import { routeCsv } from './route-csv.ts';

interface Given {
  readonly csv?: Partial<CsvOptions>;
  readonly features?: '*' | readonly FeatureRequest[];
  readonly modelTypes?: Readonly<Record<string, FeatureType>>;
  readonly isComplete?: boolean;
}

function decide(text: string, { csv, features = '*', modelTypes, isComplete = true }: Given = {}) {
  const options = { ...routeCsv, ...csv };
  const head = Buffer.from(text);
  const layout = detectLayout(head, isComplete, options);
  const { maxRecordBytes } = options;
  const header = readHeader({ head, isComplete, bomBytes: 0, layout, encoding: 'utf-8', maxRecordBytes })!;
  const { dialect, features: typed } = decideTypes({
    head,
    isComplete,
    recordsStart: header.byteLength,
    columnCount: header.columns.length,
    layout,
    decimal: options.decimal,
    encoding: 'utf-8',
    maxRecordBytes,
    features: selectFeatures(header.columns, features),
    modelTypes,
  });
  return { decimal: dialect.decimal, types: typed.map(({ type }) => type).join(' ') };
}

const column = (...cells: string[]) => `x;y\n${cells.map((cell) => `${cell};z\n`).join('')}`;
const named = (name: string, type?: FeatureType): FeatureRequest => ({ column: name, as: name, ...(type && { type }) });

describe('decideTypes', () => {
  it.each([
    ['number', ['1', '-2', '0', '0.5', '-0.5', '12.50']],
    ['number', ['1e-05', '1.5e+10', '1.5E3', '2E+3']],
    ['number', ['.5', '-.25']],
    ['number', [' 1', '2 ']],
    ['number', ['1', '', '']],
    ['number', ['12345678901234567890']],
    ['text', ['1', '01']],
    ['text', ['01000']],
    ['text', ['-01']],
    ['text', ['12E4']],
    ['text', ['+1']],
    ['text', ['1', 'NA']],
    ['text', ['1', 'NaN']],
    ['text', ['1', 'Infinity']],
    ['text', ['0x10']],
    ['text', ['1.2.3']],
    ['text', ['1 000']],
    ['text', ['true', 'false']],
    ['text', ['', '']],
    ['text', ['2026-01-01']],
    ['text', ['1', ' ']],
    ['text', ['"1"x']],
  ])('takes a column for %s when its cells are %j', (type, cells) => {
    expect(decide(column(...cells), { features: [named('x')] }).types).toBe(type);
  });

  it('takes a quoted number for a number', () => {
    expect(decide('a,b\n"1","x"\n"2.5","y"\n').types).toBe('number text');
  });

  it('takes only the configured tokens for missing', () => {
    expect(decide(column('1', 'NA'), { csv: { missing: ['NA'] }, features: [named('x')] }).types).toBe('number');
    expect(decide(column('1', ''), { csv: { missing: ['NA'] }, features: [named('x')] }).types).toBe('text');
  });

  it('prefers the configured type, then the model’s', () => {
    const features = [named('a', 'text'), named('b'), named('c')];
    const modelTypes = { a: 'number', b: 'integer', toString: 'boolean' } as const;

    expect(decide('a,b,c\n1,x,2\n', { features, modelTypes }).types).toBe('text integer number');
    expect(decide('a,toString\n1,x\n', { modelTypes: {} }).types).toBe('number text');
  });

  it('leaves records out that will be rejected', () => {
    expect(decide('a,b\n1,2\nx\nx,y,z\n"x"y,z\n3,4\n').types).toBe('number number');
  });

  it('looks at no record that ends behind the first MiB', () => {
    const start = `a,b\n${'1,2\n'.repeat((headBytes - 8) / 4)}`;

    expect(decide(`${start}1,x\n`).types).toBe('number text');
    expect(decide(`${start}11,x\n`).types).toBe('number number');
    expect(decide(`${start}1,x\nx,x\n`, { isComplete: false }).types).toBe('number text');
  });

  it('does not take a record for complete that the head cuts', () => {
    expect(decide('a;b\n1;2\n3;x', { isComplete: false }).types).toBe('number number');
    expect(decide('a;b\n1;2\n3;x').types).toBe('number text');
  });

  describe('decimal mark', () => {
    it.each([
      [',', 'a;b\n12,5;x\n'],
      [',', 'a;b\n12,5;3\n'],
      [',', 'a\tb\n-0,5\t7\n'],
      ['.', 'a;b\n12.5;x\n'],
      ['.', 'a;b\n12;3\n'],
      ['.', 'a,b\n12.5,3\n'],
      ['.', 'a,b\n"12,5",3\n'],
      ['.', 'a;b\nx 1,5;3\n'],
      ['.', 'a;b\n1,5,6;3\n'],
      [',', 'a;b\n12,5;v 1.2\n'],
      [',', 'a;b\n12,5;x\nn/a;y\n'],
      ['.', 'a;b\n12,5;x\n1.5;y\nn/a;z\n'],
    ])('is %s for %j', (decimal, text) => {
      expect(decide(text).decimal).toBe(decimal);
    });

    it('makes numbers of the cells that are written with it', () => {
      expect(decide('a;b\n12,5;x\n3;y\n')).toEqual({ decimal: ',', types: 'number text' });
      expect(decide('a,b\n"12,5",3\n')).toEqual({ decimal: '.', types: 'text number' });
      expect(decide('a;b\n12,5;1.5\n', { csv: { decimal: ',' } })).toEqual({ decimal: ',', types: 'number text' });
    });

    it.each(['a;b\n12,5;3.5\n', 'a;b\n12,5;x\n3.5;y\n', 'a;b\n1.234,5;x\n', 'a;b\n1,234,567.5;x\n'])(
      'is ambiguous for %j',
      (text) => {
        let code: string | undefined;
        try {
          decide(text);
        } catch (error) {
          code = isTamisError(error) ? error.code : undefined;
        }

        expect(code).toBe('input.decimal-ambiguous');
      },
    );

    it('is ambiguous for a feature that is configured as a number, whatever else stands in its column', () => {
      expect(() => decide('a;b\n12,5;x\n1.5;y\nx;z\n', { features: [named('a', 'number')] })).toThrow(
        'input.decimal-ambiguous',
      );
    });

    it('is not made ambiguous by columns that are not sent, and is theirs when the features have none', () => {
      expect(decide('a;version\n12,5;1.5\n', { features: [named('a')] }).decimal).toBe(',');
      expect(decide('a;b\nx;12,5\n', { features: [named('a')] }).decimal).toBe(',');
      expect(decide('a;b;c\nx;12,5;1.5\n', { features: [named('a')] }).decimal).toBe('.');
    });
  });

  describe('thousands', () => {
    it.each([
      ['.', ',', '1.234.567,5'],
      ['.', ',', '1.234'],
      [',', '.', '1,234.5'],
      [' ', ',', '1 234,5'],
      [' ', ',', '1\u00a0234,5'],
      [' ', ',', '1\u202f234,5'],
      ["'", '.', "1'234.5"],
    ])('%j is removed from numbers, and %j is their decimal mark', (thousands, decimal, cell) => {
      expect(decide(column(cell), { csv: { thousands }, features: [named('x')] })).toEqual({
        decimal,
        types: 'number',
      });
    });

    it('does not make a number of what is not grouped by three', () => {
      expect(decide(column('12.5'), { csv: { thousands: '.' }, features: [named('x')] }).types).toBe('text');
      expect(decide(column('1.23.456'), { csv: { thousands: '.' }, features: [named('x')] }).types).toBe('text');
    });
  });
});
