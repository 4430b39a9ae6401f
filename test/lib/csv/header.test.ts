import { describe, expect, it } from '@jest/globals';
import { readHeader, refuseExistingColumns, selectFeatures } from '../../../lib/csv/header.ts';
import type { Encoding, LineEnd } from '../../../lib/csv/types.ts';
import { hasCode, isTamisError } from '../../../lib/errors.ts';

interface Given {
  readonly lineEnd?: LineEnd;
  readonly header?: boolean;
  readonly encoding?: Encoding;
  readonly isComplete?: boolean;
  readonly bomBytes?: number;
  readonly maxRecordBytes?: number;
}

function read(text: string | Buffer, given: Given = {}) {
  return readHeader({
    head: Buffer.from(text as string),
    isComplete: given.isComplete ?? true,
    bomBytes: given.bomBytes ?? 0,
    layout: {
      delimiter: ',',
      quote: '"',
      lineEnd: given.lineEnd ?? '\n',
      header: given.header ?? true,
      thousands: null,
      missing: [''],
    },
    encoding: given.encoding ?? 'utf-8',
    maxRecordBytes: given.maxRecordBytes ?? 1000,
  });
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return isTamisError(error) ? { code: error.code, details: error.details } : error;
  }
  return undefined;
}

describe('readHeader', () => {
  it('reads the names and says where the records begin', () => {
    expect(read('a,"b ""x"", y",\n1,2,3\n')).toEqual({
      columns: ['a', 'b "x", y', ''],
      record: Buffer.from('a,"b ""x"", y",'),
      lineEnd: '\n',
      byteLength: 16,
      offset: 16,
      line: 2,
      blankCount: 0,
    });
  });

  it('counts BOM, blank lines and lines inside quotes', () => {
    expect(read('\r\n\r\n"a\nb",c\r\n1,2\r\n', { lineEnd: '\r\n', bomBytes: 3 })).toMatchObject({
      columns: ['a\nb', 'c'],
      record: Buffer.from('"a\nb",c'),
      byteLength: 13,
      offset: 16,
      line: 5,
      blankCount: 2,
    });
  });

  it('counts offsets of UTF-16 in the bytes of the file', () => {
    expect(read('é,b\n1,2\n', { encoding: 'utf-16le', bomBytes: 2 })).toMatchObject({ byteLength: 5, offset: 10 });
  });

  it('reads names in the encoding of the file', () => {
    expect(read(Buffer.from('degr\xe9,\x80\n', 'latin1'), { encoding: 'windows-1252' })?.columns).toEqual([
      'degré',
      '€',
    ]);
  });

  it('reads a header without line end', () => {
    expect(read('a,b')).toMatchObject({ columns: ['a', 'b'], lineEnd: '', byteLength: 3, offset: 3 });
  });

  it('keeps equal names and __proto__', () => {
    expect(read('a,__proto__,a,constructor\n')?.columns).toEqual(['a', '__proto__', 'a', 'constructor']);
  });

  it('finds no header in nothing, and none in blank lines', () => {
    expect(read('')).toBeUndefined();
    expect(read('\n\n\n')).toBeUndefined();
  });

  it.each([
    ['a stray quote', 'a"b,c\n1,2\n', {}],
    ['a quoted name that is never closed', '"a,b\n1,2\n', {}],
    ['invalid bytes', Buffer.from('a\xe9,b\n', 'latin1'), {}],
    ['more than maxRecordBytes', `${'a'.repeat(30)}\n`, { maxRecordBytes: 20 }],
    ['no end within the head', 'a,b', { isComplete: false }],
  ])('refuses a header with %s', (_, text, given) => {
    expect(errorOf(() => read(text, given))).toEqual({ code: 'input.header-invalid', details: {} });
  });

  it('names columns by position in a file without header, and leaves no byte out', () => {
    expect(read('1,2,3\n4,5,6\n', { header: false, bomBytes: 3 })).toEqual({
      columns: ['column_1', 'column_2', 'column_3'],
      record: Buffer.alloc(0),
      lineEnd: '',
      byteLength: 0,
      offset: 3,
      line: 1,
      blankCount: 0,
    });
  });

  it('counts the columns of a file without header on its first sound record', () => {
    expect(read('1,2"\n4,5,6\n', { header: false })?.columns).toHaveLength(3);
  });
});

describe('selectFeatures', () => {
  it('finds the features wherever they are, in the order of the route', () => {
    const features = [
      { column: 'c', as: 'third', type: 'text' as const },
      { column: 'a', as: 'a' },
    ];

    expect(selectFeatures(['a', 'b', 'c', 'b'], features)).toEqual([
      { index: 2, column: 'c', name: 'third', type: 'text' },
      { index: 0, column: 'a', name: 'a', type: undefined },
    ]);
  });

  it('takes all columns for *', () => {
    expect(selectFeatures(['a', '__proto__', ''], '*').map(({ index, name }) => [index, name])).toEqual([
      [0, 'a'],
      [1, '__proto__'],
      [2, ''],
    ]);
  });

  it('finds an accent written as one character or as two', () => {
    expect(selectFeatures(['degre\u0301'], [{ column: 'degré', as: 'x' }])).toHaveLength(1);
  });

  it('names all missing columns, as the configuration names them', () => {
    const features = ['x', 'a', '__proto__', 'toString'].map((column) => ({ column, as: column }));

    expect(errorOf(() => selectFeatures(['a', 'secret'], features))).toEqual({
      code: 'input.column-missing',
      details: { columns: ['x', '__proto__', 'toString'] },
    });
  });

  it('refuses a feature that is twice in the header', () => {
    const run = () => selectFeatures(['a', 'b', 'a', 'b'], [{ column: 'a', as: 'a' }]);

    expect(errorOf(run)).toEqual({ code: 'input.header-duplicate', details: { columns: ['a'] } });
  });

  it('names duplicates by position when the configuration names no column', () => {
    const run = () => selectFeatures(['secret', 'b', 'secret'], '*');

    expect(errorOf(run)).toEqual({ code: 'input.header-duplicate', details: { columns: ['#1', '#3'] } });
  });
});

describe('refuseExistingColumns', () => {
  it('names what would be appended and is there already', () => {
    expect(() => refuseExistingColumns(['a', 'b'], ['prediction', 'score'])).not.toThrow();
    try {
      refuseExistingColumns(['a', 'score'], ['prediction', 'score']);
      expect('no error').toBe('an error');
    } catch (error) {
      expect(hasCode(error, 'input.column-exists') && error.details.columns).toEqual(['score']);
    }
  });
});
