import { Buffer } from 'node:buffer';
import { TamisError } from '../errors.ts';
import type { Encoding } from './types.ts';
import { encodeUtf16, isUtf16 } from './utf16.ts';

/** Windows-1252 from 0x80 to 0x9F; elsewhere it is Latin-1. https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/WINDOWS/CP1252.TXT (2026-11-23) */
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
/** Where ISO-8859-15 differs from Latin-1. https://www.unicode.org/Public/MAPPINGS/ISO8859/8859-15.TXT (2026-11-23) */
const latin9 = {
  '\xa4': '€',
  '\xa6': 'Š',
  '\xa8': 'š',
  '\xb4': 'Ž',
  '\xb8': 'ž',
  '\xbc': 'Œ',
  '\xbd': 'œ',
  '\xbe': 'Ÿ',
};

type SingleByte = 'windows-1252' | 'iso-8859-15';

/** Latin-1 characters that stand for others in the encoding, and the way back. */
const fromLatin1: Readonly<Record<SingleByte, ReadonlyMap<string, string>>> = {
  'windows-1252': new Map([...windows1252].map((char, index) => [String.fromCharCode(0x80 + index), char])),
  'iso-8859-15': new Map(Object.entries(latin9)),
};
const toLatin1: Readonly<Record<SingleByte, ReadonlyMap<string, string>>> = {
  'windows-1252': inverse(fromLatin1['windows-1252']),
  'iso-8859-15': inverse(fromLatin1['iso-8859-15']),
};
const differing = { 'windows-1252': /[\x80-\x9f]/g, 'iso-8859-15': /[\xa4\xa6\xa8\xb4\xb8\xbc-\xbe]/g };
const undefinedInWindows1252 = new Set('\x81\x8d\x8f\x90\x9d');

function inverse(map: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...map].map(([latin1, char]) => [char, latin1]));
}

function isSingleByte(encoding: Encoding): encoding is SingleByte {
  return encoding === 'windows-1252' || encoding === 'iso-8859-15';
}

/** Text of `bytes[start .. end)` as scanned (UTF-16 in its transcoded form). Meant for sound records: what is invalid comes out as some character. */
export function decodeText(bytes: Buffer, start: number, end: number, encoding: Encoding): string {
  if (!isSingleByte(encoding)) return bytes.toString('utf8', start, end);
  const text = bytes.toString('latin1', start, end);
  const pattern = differing[encoding];
  return text.search(pattern) < 0 ? text : text.replace(pattern, (char) => fromLatin1[encoding].get(char)!);
}

function encodeChar(char: string, encoding: SingleByte): string | undefined {
  const mapped = toLatin1[encoding].get(char);
  if (mapped !== undefined)
    return undefinedInWindows1252.has(mapped) && encoding === 'windows-1252' ? undefined : mapped;
  return char.length > 1 || char > '\xff' || fromLatin1[encoding].has(char) ? undefined : char;
}

/** Whether the encoding has every character of `text`. */
export function isEncodable(text: string, encoding: Encoding): boolean {
  if (!isSingleByte(encoding)) return text.isWellFormed();
  return [...text].every((char) => encodeChar(char, encoding) !== undefined);
}

/**
 * Bytes of text that is appended, in the form in which the file is scanned (UTF-8 for UTF-16). A character that the encoding lacks
 * is written as `\u{1F377}`: visible, and nothing is lost. Configured names are refused before it comes to that: `refuseUnencodable`.
 */
export function encodeText(text: string, encoding: Encoding): Buffer {
  if (!isSingleByte(encoding)) return Buffer.from(text);
  let latin1 = '';
  for (const char of text) {
    latin1 += encodeChar(char, encoding) ?? `\\u{${char.codePointAt(0)?.toString(16).toUpperCase()}}`;
  }
  return Buffer.from(latin1, 'latin1');
}

/** Throws `input.text-unencodable` naming those of the configured `texts` that cannot be appended to a file in this encoding. */
export function refuseUnencodable(texts: readonly string[], encoding: Encoding): void {
  const lacking = texts.filter((text) => !isEncodable(text, encoding));
  if (lacking.length > 0) throw new TamisError('input.text-unencodable', { texts: lacking, encoding });
}

/** Bytes as they were scanned, in the file's own encoding again. */
export function toOwnBytes(scanned: Buffer, encoding: Encoding): Buffer {
  return isUtf16(encoding) ? encodeUtf16(scanned, encoding) : scanned;
}

const boms: readonly (readonly [Encoding, readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** The longest BOM that `readBom` knows, in bytes. */
export const longestBomBytes = 3;

/** The BOM at the very start of a file, and what it says; undefined when there is none. */
export function readBom(bytes: Buffer): { readonly encoding: Encoding; readonly byteLength: number } | undefined {
  const found = boms.find(([, bom]) => bom.every((byte, index) => bytes[index] === byte));
  return found && { encoding: found[0], byteLength: found[1].length };
}
