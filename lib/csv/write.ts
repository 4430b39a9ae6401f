import { decodeText, encodeText, toOwnBytes } from './encoding.ts';
import type { Dialect, Encoding, RecordBlock } from './types.ts';

/** What stands behind a record: the classification's columns, in the order of `appended`. */
export type AppendedCell = string | number | undefined;

export interface OutputWriterOptions {
  readonly dialect: Dialect;
  readonly encoding: () => Encoding;
  /** `same`: the file's own. */
  readonly outputEncoding: 'same' | 'utf-8' | 'utf-8-bom';
}

/** Puts the output together, as large pieces: each record's own bytes, what is appended, the record's own line end. */
export interface OutputWriter {
  /** `bom` and `record` as `readHeader` and `openText` give them; without a header in the file `record`, `names` and `lineEnd` are empty. */
  header(bom: Buffer, record: Buffer, names: readonly string[], lineEnd: string): void;
  record(block: RecordBlock, index: number, cells: readonly AppendedCell[]): void;
  /** Bytes added since the last call of `take`, as they are scanned. */
  readonly pendingBytes: number;
  /** What was added since the last call; the buffer is handed over. */
  take(): Buffer;
}

/** Labels and line ends: up to here a loop is faster than a call out of JavaScript. */
const shortBytes = 24;
const utf8Bom = Buffer.from([0xef, 0xbb, 0xbf]);

export function makeOutputWriter({ dialect, encoding, outputEncoding }: OutputWriterOptions): OutputWriter {
  const reencodes = outputEncoding !== 'same';
  const written = (): Encoding => (reencodes ? 'utf-8' : encoding());
  const delimiter = dialect.delimiter.charCodeAt(0);
  // Labels repeat on every row; their bytes are made once an encoding.
  let texts = new Map<string, Buffer>();
  let textsEncoding = written();
  let target = Buffer.allocUnsafeSlow(64 * 1024);
  let filled = 0;

  function reserve(sizeBytes: number): void {
    if (filled + sizeBytes <= target.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(target.length * 2, filled + sizeBytes));
    target.copy(larger, 0, 0, filled);
    target = larger;
  }

  function add(bytes: Buffer, start = 0, end = bytes.length): void {
    reserve(end - start);
    if (end - start > shortBytes) filled += bytes.copy(target, filled, start, end);
    else for (let index = start; index < end; index++) target[filled++] = bytes[index]!;
  }

  /** Bytes of the file, in the output's encoding. */
  function addOwn(bytes: Buffer, start: number, end: number): void {
    const own = encoding();
    if (reencodes && (own === 'windows-1252' || own === 'iso-8859-15'))
      add(Buffer.from(decodeText(bytes, start, end, own)));
    else add(bytes, start, end);
  }

  function addText(text: string): void {
    if (textsEncoding !== written()) {
      texts = new Map();
      textsEncoding = written();
    }
    let bytes = texts.get(text);
    if (bytes === undefined) {
      bytes = encodeText(quoteText(text, dialect), textsEncoding);
      if (texts.size < 1_000) texts.set(text, bytes);
    }
    add(bytes);
  }

  function addCell(cell: AppendedCell): void {
    reserve(1);
    target[filled++] = delimiter;
    if (cell === undefined) return;
    if (typeof cell === 'string') {
      addText(cell);
      return;
    }
    const text = formatNumber(cell, dialect);
    reserve(text.length);
    filled += target.write(text, filled, 'latin1');
  }

  return {
    header(bom, record, names, lineEnd) {
      if (outputEncoding === 'utf-8-bom') add(utf8Bom);
      // In the form in which everything is put together; `take` makes the file's own of it.
      else if (outputEncoding === 'same' && bom.length > 0) add(utf8Bom);
      addOwn(record, 0, record.length);
      for (const name of names) addCell(name);
      add(Buffer.from(lineEnd));
    },
    record(block, index, cells) {
      addOwn(block.bytes, block.starts[index]!, block.ends[index]!);
      for (const cell of cells) addCell(cell);
      add(block.bytes, block.ends[index]!, block.nexts[index]!);
    },
    get pendingBytes() {
      return filled;
    },
    take() {
      const taken = Buffer.from(target.subarray(0, filled));
      filled = 0;
      return reencodes ? taken : toOwnBytes(taken, encoding());
    },
  };
}

/** In the shortest form that reads back the same, with the file's decimal mark; with a point where that would be taken for the delimiter. */
function formatNumber(value: number, dialect: Dialect): string {
  const { decimal, delimiter, quote } = dialect;
  const point = String(value);
  const text = decimal === ',' ? point.replace('.', ',') : point;
  if (!text.includes(delimiter)) return text;
  return quote === null ? point : `${quote}${text}${quote}`;
}

/** What a spreadsheet would take for a formula (https://owasp.org/www-community/attacks/CSV_Injection, read 2026-11-23). */
const startsFormula = /^[=+\-@\t\r]/;
const isNumber = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$/;

/** Appended text in the file's dialect. Without quotes in the dialect, what would need them becomes a space. */
export function quoteText(text: string, { delimiter, quote }: Pick<Dialect, 'delimiter' | 'quote'>): string {
  const safe = startsFormula.test(text) && !isNumber.test(text) ? `'${text}` : text;
  if (quote === null) return safe.replaceAll(delimiter, ' ').replace(/[\r\n]/g, ' ');
  const needsQuotes = safe.includes(delimiter) || safe.includes(quote) || /[\r\n]/.test(safe);
  return needsQuotes ? `${quote}${safe.replaceAll(quote, quote + quote)}${quote}` : safe;
}
