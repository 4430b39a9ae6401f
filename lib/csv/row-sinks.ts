import type { Cell, RowFormat, RowOf } from './types.ts';

/** One way to write a row; the encoder walks the features and calls it. `missing` is a null. */
export interface RowSink<Row> {
  begin(): void;
  /** A number in the plain spelling, with `mark` as the byte of its decimal mark. */
  plainNumber(bytes: Buffer, start: number, end: number, mark: number): void;
  /** `text` is a JSON number. */
  number(text: string): void;
  boolean(value: boolean): void;
  /** A text whose bytes may stand as they are; false, and nothing written, when they may not. `isUtf8`: what is above 0x7F is UTF-8. */
  plainText(bytes: Buffer, start: number, end: number, isUtf8: boolean): boolean;
  text(value: string): void;
  missing(): void;
  end(): Row;
}

/** By format; `cellCount` is how many cells a row has. */
export const rowSinks: { readonly [F in RowFormat]: (cellCount: number) => RowSink<RowOf<F>> } = {
  csv: makeCsvSink,
  json: makeJsonSink,
  cells: makeCellsSink,
};

const comma = 0x2c;
const point = 0x2e;
const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** Bytes of one row. A string put together cell by cell would cost several times as much. */
class RowBytes {
  bytes = Buffer.allocUnsafeSlow(1024);
  length = 0;

  reserve(sizeBytes: number): void {
    if (this.length + sizeBytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow((this.length + sizeBytes) * 2);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  addByte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  addText(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  addNumber(source: Buffer, start: number, end: number, mark: number): void {
    this.reserve(end - start);
    const { bytes } = this;
    let at = this.length;
    for (let index = start; index < end; index++) {
      const byte = source[index]!;
      bytes[at++] = byte === mark ? point : byte;
    }
    this.length = at;
  }

  /** Adds the bytes unless one of them, above 0x7F or not, is not `allowed`. */
  addAllowed(source: Buffer, start: number, end: number, allowed: Uint8Array, isUtf8: boolean): boolean {
    this.reserve(end - start);
    const { bytes } = this;
    let at = this.length;
    for (let index = start; index < end; index++) {
      const byte = source[index]!;
      if (byte < 0x80 ? allowed[byte] === 0 : !isUtf8) return false;
      bytes[at++] = byte;
    }
    this.length = at;
    return true;
  }
}

const allBut = (isForbidden: (byte: number) => boolean): Uint8Array =>
  Uint8Array.from({ length: 0x80 }, (_, byte) => (isForbidden(byte) ? 0 : 1));
const allowedInCsv = allBut((byte) => [quote, comma, newline, carriageReturn].includes(byte));
const allowedInJson = allBut((byte) => byte < space || byte === quote || byte === backslash);

function makeCsvSink(): RowSink<Buffer> {
  const row = new RowBytes();
  let count = 0;
  const next = (): void => {
    if (count++ > 0) row.addByte(comma);
  };
  function text(value: string): void {
    next();
    // An empty text that is not missing keeps its quotes: readers take a bare nothing for a missing cell.
    row.addText(value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  }
  return {
    begin() {
      row.length = 0;
      count = 0;
    },
    plainNumber(bytes, start, end, mark) {
      next();
      row.addNumber(bytes, start, end, mark);
    },
    number: text,
    boolean: (value) => text(String(value)),
    plainText(bytes, start, end, isUtf8) {
      if (start === end) return false;
      const before = row.length;
      if (count > 0) row.addByte(comma);
      if (row.addAllowed(bytes, start, end, allowedInCsv, isUtf8)) count++;
      else row.length = before;
      return row.length > before;
    },
    text,
    missing: next,
    end() {
      // A line with nothing on it, or blanks only, would be skipped, and the row with it.
      if (count <= 1 && isBlank(row.bytes, 0, row.length))
        return Buffer.from(`"${row.bytes.toString('latin1', 0, row.length)}"`);
      return Buffer.from(row.bytes.subarray(0, row.length));
    },
  };
}

/** Spaces and tabs, or nothing. */
export function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (bytes[index] !== 0x20 && bytes[index] !== 0x09) return false;
  return true;
}

function makeJsonSink(): RowSink<string> {
  const row = new RowBytes();
  const bracket = 0x5b;
  const next = (): void => {
    // Behind the opening bracket nothing is to be parted.
    if (row.length > 1) row.addByte(comma);
  };
  function add(cell: string): void {
    next();
    row.addText(cell);
  }
  return {
    begin() {
      row.bytes[0] = bracket;
      row.length = 1;
    },
    plainNumber(bytes, start, end, mark) {
      next();
      row.addNumber(bytes, start, end, mark);
    },
    number: add,
    boolean: (value) => add(String(value)),
    plainText(bytes, start, end, isUtf8) {
      const before = row.length;
      next();
      row.addByte(quote);
      if (!row.addAllowed(bytes, start, end, allowedInJson, isUtf8)) {
        row.length = before;
        return false;
      }
      row.addByte(quote);
      return true;
    },
    text: (value) => add(JSON.stringify(value)),
    missing: () => add('null'),
    end() {
      row.addByte(0x5d);
      return row.bytes.toString('utf8', 0, row.length);
    },
  };
}

function makeCellsSink(cellCount: number): RowSink<readonly Cell[]> {
  let cells: Cell[] = [];
  let count = 0;
  const add = (cell: Cell): void => {
    cells[count++] = cell;
  };
  return {
    begin() {
      // With its length known from the start, no list is grown and copied.
      cells = new Array<Cell>(cellCount);
      count = 0;
    },
    plainNumber: (bytes, start, end, mark) => add(readPlainNumber(bytes, start, end, mark)),
    number: (text) => add(Number(text)),
    boolean: add,
    plainText: () => false,
    text: add,
    missing: () => add(null),
    end: () => cells,
  };
}

/** Powers of ten that a double holds exactly. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const mostExactDigits = 15;

/**
 * Up to 15 digits, point or not, are a whole number and a power of ten which doubles hold exactly, so one division rounds
 * correctly (W. D. Clinger, "How to read floating point numbers accurately", 1990). Longer ones are left to `Number`.
 */
function readPlainNumber(bytes: Buffer, start: number, end: number, mark: number): number {
  const isNegative = bytes[start] === 0x2d;
  const first = isNegative ? start + 1 : start;
  if (end - first > mostExactDigits) return Number(bytes.toString('latin1', start, end).replace(',', '.'));
  let digits = 0;
  let fractionStart = end;
  for (let index = first; index < end; index++) {
    const byte = bytes[index]!;
    if (byte === mark) fractionStart = index + 1;
    else digits = digits * 10 + (byte - 0x30);
  }
  const value = digits / powersOfTen[end - fractionStart]!;
  return isNegative ? -value : value;
}
