import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { refuseOtherFormats } from '../../../lib/csv/sniff.ts';
import { hasCode } from '../../../lib/errors.ts';

function verdict(bytes: Buffer): string {
  try {
    refuseOtherFormats(bytes);
    return 'csv';
  } catch (error) {
    return hasCode(error, 'input.not-csv') ? error.details.looksLike : 'another error';
  }
}

describe('refuseOtherFormats', () => {
  it.each([
    ['zip', Buffer.from('PK\x03\x04\x14\x00\x06\x00')],
    ['zip', Buffer.from('PK\x05\x06')],
    ['pdf', Buffer.from('%PDF-1.7\n')],
    ['parquet', Buffer.from('PAR1\x15\x04')],
    ['xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0x00])],
    ['html', Buffer.from('\n <!DOCTYPE html><html>')],
    ['html', Buffer.from('<!-- saved --><p>')],
    ['html', Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
    ['json', Buffer.from('{"a": 1, "b": 2}')],
    ['json', Buffer.from('[\n  {"a": 1}\n]')],
    ['json', Buffer.from('[[1, 2], [3, 4]]')],
    ['binary', gzipSync('a,b\n1,2\n')],
    ['binary', zstdCompressSync('a,b\n1,2\n')],
    ['binary', Buffer.from('a,b\n1,\x002\n')],
    ['binary', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3, 4])],
    ['binary', Buffer.from('a,b\n', 'utf16le')],
  ])('recognizes %s', (looksLike, bytes) => {
    expect(verdict(bytes)).toBe(looksLike);
  });

  it.each([
    ['', 'nothing'],
    ['a,b\n1,2\n', 'a plain file'],
    ['[id],[name]\n1,x\n', 'names in brackets'],
    ['{id},{name}\n', 'names in braces'],
    ['<5,>5\n1,2\n', 'names with less and greater'],
    ['PK,SK\n1,2\n', 'names that begin like a zip'],
    ['texte\n<b>gras</b>\n', 'HTML in the cells'],
    ['a\n\x1b[0m\n1\n2\n3\n4\n5\n6\n7\n8\n', 'a stray control character'],
  ])('lets %j pass: %s', (text) => {
    expect(verdict(Buffer.from(text))).toBe('csv');
  });

  it('does not mind a NUL deep in the data', () => {
    expect(verdict(Buffer.from(`${'a,b\n'.repeat(5000)}\x00`))).toBe('csv');
  });
});
