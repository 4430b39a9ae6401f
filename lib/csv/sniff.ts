import { TamisError } from '../errors.ts';

type LooksLike = 'binary' | 'zip' | 'html' | 'json' | 'pdf' | 'parquet' | 'xls';

/** First bytes of what is dropped by mistake. A zip is also what an .xlsx or an .ods is; gzip and zstd under a name that hides them are binary. */
const signatures: readonly (readonly [LooksLike, string])[] = [
  ['zip', 'PK\x03\x04'],
  ['zip', 'PK\x05\x06'],
  ['pdf', '%PDF-'],
  ['parquet', 'PAR1'],
  ['xls', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
  ['binary', '\x1f\x8b'],
  ['binary', '\x28\xb5\x2f\xfd'],
];

/** What the text begins with, leading blanks aside. A bracket alone is no sign of JSON: some headers are written `[a],[b]`. */
const patterns: readonly (readonly [LooksLike, RegExp])[] = [
  ['html', /^<(!--|(!doctype|\?xml|html|head|body|table|script|meta|svg)\b)/i],
  ['json', /^\{\s*["}]/],
  ['json', /^\[\s*[{[]\s*["\]}\d[-]/],
];

/** As far as a NUL is looked for: binary formats have one early, and a single one deep in the data is no reason to refuse a file. */
const sniffedBytes = 8192;

/** Throws `input.not-csv` when the decompressed (and, from UTF-16, transcoded) head cannot be a CSV. */
export function refuseOtherFormats(head: Buffer): void {
  const looksLike = recognize(head.subarray(0, sniffedBytes));
  if (looksLike !== undefined) throw new TamisError('input.not-csv', { looksLike });
}

function recognize(start: Buffer): LooksLike | undefined {
  const text = start.toString('latin1');
  const signature = signatures.find(([, bytes]) => text.startsWith(bytes));
  if (signature !== undefined) return signature[0];
  const trimmed = text.trimStart();
  return patterns.find(([, pattern]) => pattern.test(trimmed))?.[0] ?? (isBinary(start) ? 'binary' : undefined);
}

/** A NUL, or more control characters than any text has. */
function isBinary(start: Buffer): boolean {
  if (start.includes(0)) return true;
  let controlCount = 0;
  for (const byte of start) if (byte < 0x20 && (byte < 0x09 || byte > 0x0d)) controlCount++;
  return controlCount * 20 > start.length;
}
