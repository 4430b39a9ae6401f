import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { rejectLine, rejectsHeader } from '../../../lib/csv/rejects.ts';
import type { Encoding } from '../../../lib/csv/types.ts';
import { makeUtf16Transcoder } from '../../../lib/csv/utf16.ts';
import { scanBlocks } from './blocks.ts';

/** The rejects file of an input of which every record is rejected, and what csv-parse reads there. */
function rejects(input: Buffer, encoding: Encoding = 'utf-8', maxRecordBytes = 10_000) {
  const { blocks } = scanBlocks(input, [1_000_000], {
    encoding: () => encoding,
    maxRecordBytes,
    fieldCount: 99,
    line: 2,
    offset: 10,
  });
  let row = 0;
  const lines = blocks.flatMap((block) =>
    Array.from({ length: block.count }, (_, index) =>
      rejectLine(block, index, { row: ++row, code: 'row.field-count', detail: 'expected 99, "found" 1' }, encoding),
    ),
  );
  const file = Buffer.concat([rejectsHeader, ...lines]).toString();
  return { file, rows: parse(file, { columns: true, record_delimiter: '\n' }) as Record<string, string>[] };
}

describe('rejectLine', () => {
  it('tells where the record is, what is wrong, and what it says', () => {
    const { file, rows } = rejects(Buffer.from('a,"b\n""c"""\n=1\n'));

    expect(file).toMatch(/^row,line,offset,length,code,detail,record\n1,2,10,11,row\.field-count,/);
    expect(rows).toEqual([
      {
        row: '1',
        line: '2',
        offset: '10',
        length: '11',
        code: 'row.field-count',
        detail: 'expected 99, "found" 1',
        record: 'a,"b\n""c"""',
      },
      expect.objectContaining({ row: '2', line: '4', offset: '22', length: '2', record: '=1' }),
    ]);
  });

  it('writes the record in UTF-8 whatever the file’s encoding', () => {
    expect(rejects(Buffer.from('caf\xe9 \x80\n', 'latin1'), 'windows-1252').rows[0]?.record).toBe('café €');
    expect(rejects(Buffer.from('café\n'), 'utf-16le').rows[0]).toMatchObject({ record: 'café', length: '8' });
  });

  it('writes invalid bytes in hexadecimal', () => {
    expect(rejects(Buffer.from('a\xe9\x80b\xc3\xa9\xff\n', 'latin1')).rows[0]?.record).toBe('a\\xE9\\x80bé\\xFF');
    expect(rejects(Buffer.from('\xe9\x81\x9d\n', 'latin1'), 'windows-1252').rows[0]?.record).toBe('é\\x81\\x9D');
  });

  it.each(['utf-16le', 'utf-16be'] as const)('writes invalid bytes of %s as they stand in the file', (encoding) => {
    const transcoder = makeUtf16Transcoder(encoding);
    const little = Buffer.from('é\ud800b', 'utf16le');
    const own = Buffer.concat([encoding === 'utf-16be' ? little.swap16() : little, Buffer.from([0x61])]);
    const scanned = Buffer.concat([transcoder.push(own), transcoder.end()]);

    const lone = encoding === 'utf-16be' ? '\\xD8\\x00' : '\\x00\\xD8';
    expect(rejects(scanned, encoding).rows[0]).toMatchObject({ record: `é${lone}b\\x61`, length: '7' });
  });

  it('holds the first 1,000 bytes of a record that is too long, and its whole length', () => {
    expect(rejects(Buffer.from(`${'x'.repeat(5000)}\n`), 'utf-8', 2000).rows[0]).toMatchObject({
      record: 'x'.repeat(1000),
      length: '5000',
    });
  });

  it('is one row of seven cells for any bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.constantFrom<Encoding[]>('utf-8', 'windows-1252', 'iso-8859-15'),
        (bytes, encoding) => {
          const input = Buffer.from(bytes);
          const { blocks } = scanBlocks(input, [7], { encoding: () => encoding });

          expect(rejects(input, encoding).rows).toHaveLength(blocks.reduce((sum, { count }) => sum + count, 0));
        },
      ),
      { numRuns: 500 },
    );
  });
});
