import { decodeText, toOwnBytes } from './encoding.ts';
import { isValidIn } from './record-block.ts';
import type { Encoding, RecordBlock } from './types.ts';
import { utf8SequenceLength } from './utf8.ts';

/** First line of every rejects file: UTF-8, comma, `\n`. */
export const rejectsHeader = Buffer.from('row,line,offset,length,code,detail,record\n');

export interface Reject {
  /** 1-based, behind the header. */
  readonly row: number;
  readonly code: string;
  readonly detail: string;
}

/** One line of the rejects file. `offset` and `length` are bytes of the decompressed input, from which the record can be recovered. */
export function rejectLine(
  block: RecordBlock,
  index: number,
  { row, code, detail }: Reject,
  encoding: Encoding,
): Buffer {
  const record = readableRecord(block.bytes.subarray(block.starts[index]!, block.ends[index]!), encoding);
  const position = [row, block.lines[index]!, block.offsets[index]!, block.lengths[index]!].join(',');
  return Buffer.from(`${position},${code},${quote(detail)},${quote(record)}\n`);
}

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The record as text; bytes that mean nothing in the encoding as `\xNN`. */
function readableRecord(bytes: Buffer, encoding: Encoding): string {
  if (isValidIn(encoding, bytes)) return decodeText(bytes, 0, bytes.length, encoding);
  let text = '';
  let index = 0;
  while (index < bytes.length) {
    const start = index;
    while (index < bytes.length && lengthAt(bytes, index, encoding) > 0) index += lengthAt(bytes, index, encoding);
    text += decodeText(bytes, start, index, encoding);
    const invalid = index;
    while (index < bytes.length && lengthAt(bytes, index, encoding) === 0) index++;
    text += escapeBytes(toOwnBytes(bytes.subarray(invalid, index), encoding));
  }
  return text;
}

/** Bytes of the character at `index`, 0 when none begins there. */
function lengthAt(bytes: Buffer, index: number, encoding: Encoding): number {
  if (encoding === 'windows-1252' || encoding === 'iso-8859-15')
    return isValidIn(encoding, bytes.subarray(index, index + 1)) ? 1 : 0;
  return utf8SequenceLength(bytes, index, bytes.length);
}

const escapeBytes = (bytes: Buffer): string =>
  [...bytes].map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
