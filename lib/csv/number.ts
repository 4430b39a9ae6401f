/** Numbers as people write them in cells, looked at as bytes. */

/** `notNumber`; `plain`: already a JSON number but for its decimal mark; `loose`: in another spelling (`+5`, `.5`, `007`, ` 1 `), if one at all. */
export const notNumber = 0;
export const plain = 1;
export const loose = 2;
export type NumberForm = typeof notNumber | typeof plain | typeof loose;

/** Fewer digits than the largest double has, so that no plain number is read as infinite. */
const longestPlain = 300;
const zero = 0x30;
const nine = 0x39;
const minus = 0x2d;

/**
 * What `bytes[start .. end)` is, with `mark` as the byte of the decimal mark. `plain` follows RFC 8259, section 6, so that its
 * text may stand in a JSON body as it is.
 */
export function numberForm(bytes: Buffer, start: number, end: number, mark: number): NumberForm {
  if (end - start > longestPlain) return looseForm(bytes, start, end, mark);
  let index = start;
  if (bytes[index] === minus) index++;
  const integerStart = index;
  while (index < end && isDigit(bytes[index]!)) index++;
  const integerDigits = index - integerStart;
  if (integerDigits === 0 || (integerDigits > 1 && bytes[integerStart] === zero))
    return looseForm(bytes, start, end, mark);
  if (index === end) return plain;
  if (bytes[index] === mark) {
    const fractionStart = ++index;
    while (index < end && isDigit(bytes[index]!)) index++;
    if (index === fractionStart) return looseForm(bytes, start, end, mark);
    if (index === end) return plain;
  }
  return looseForm(bytes, start, end, mark);
}

const isDigit = (byte: number): boolean => byte >= zero && byte <= nine;

/** The rare spellings are left to a pattern: numbers with an exponent are among them, because `1E5` and `1e5` are one number. */
function looseForm(bytes: Buffer, start: number, end: number, mark: number): NumberForm {
  if (end - start > longestNumber) return notNumber;
  // A no-break space around a number: only its reader, who knows the encoding, can tell.
  for (let index = start; index < end; index++) if (bytes[index]! > 0x7f) return loose;
  return readLooseNumber(bytes.toString('latin1', start, end), String.fromCharCode(mark), null) === undefined
    ? notNumber
    : loose;
}

/** Longer than any number anybody means; keeps the pattern cheap. */
const longestNumber = 400;
const loosePattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * The canonical spelling of a number in a cell, a JSON number with a point: no plus, no leading zeros, no spaces around it, no
 * grouping. The digits stay as they are (`12,50` is `12.50`). Undefined when it is none, or too large for a double.
 */
export function readLooseNumber(text: string, mark: string, thousands: string | null): string | undefined {
  let trimmed = alikeBlanks(text.trim(), thousands);
  if (thousands !== null && trimmed.includes(thousands)) {
    if (!isGrouped(trimmed, mark, thousands)) return undefined;
    trimmed = trimmed.replaceAll(thousands, '');
  }
  if (mark !== '.') {
    if (trimmed.includes('.')) return undefined;
    trimmed = trimmed.replace(mark, '.');
  }
  const match = loosePattern.exec(trimmed);
  if (match === null) return undefined;
  const [, sign, integer = '', fraction = '', exponent] = match;
  if (integer === '' && fraction === '') return undefined;
  const whole = integer.replace(/^0+(?=\d)/, '') || '0';
  const canonical = `${sign === '-' ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}${exponent === undefined ? '' : `e${Number(exponent)}`}`;
  return Number.isFinite(Number(canonical)) ? canonical : undefined;
}

/** Where thousands are grouped by a blank, the no-break and narrow ones that spreadsheets write are the same. */
export function alikeBlanks(text: string, thousands: string | null): string {
  return thousands !== null && /\s/.test(thousands) ? text.replace(/\s/g, thousands) : text;
}

/** Groups of three before the decimal mark, the first of one to three digits. */
function isGrouped(text: string, mark: string, thousands: string): boolean {
  const [integer = '', ...rest] = text.replace(/^[+-]/, '').split(mark);
  const groups = integer.split(thousands);
  return (
    !rest.some((part) => part.includes(thousands)) &&
    groups.every((group, position) => (position === 0 ? /^\d{1,3}$/ : /^\d{3}$/).test(group))
  );
}

/** `5`, or `5.0` as a column of integers with gaps is often exported; undefined for anything else. */
export function readInteger(text: string, mark: string, thousands: string | null): string | undefined {
  const number = readLooseNumber(text, mark, thousands);
  return number === undefined ? undefined : /^(-?\d+)(?:\.0+)?$/.exec(number)?.[1];
}

/** `true` and `false` in any case, `1` and `0`. */
export function readBoolean(text: string): boolean | undefined {
  switch (text.trim().toLowerCase()) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      return undefined;
  }
}
