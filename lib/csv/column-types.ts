import { TamisError } from '../errors.ts';
import type { Layout } from './dialect.ts';
import { readFields } from './fields.ts';
import type { SelectedFeature } from './header.ts';
import { alikeBlanks } from './number.ts';
import { makeScanner } from './scan.ts';
import type { Decimal, Dialect, Encoding, Feature, FeatureType } from './types.ts';

/** Types and decimal mark are decided on the records that end within the first MiB behind the BOM, the same for every part of a file. */
export const headBytes = 1024 * 1024;

export interface ColumnTypesOptions {
  /** From behind the BOM; what lies behind the first MiB is not looked at. */
  readonly head: Buffer;
  /** The head is the whole file. */
  readonly isComplete: boolean;
  /** Where the records begin in `head`. */
  readonly recordsStart: number;
  readonly columnCount: number;
  readonly layout: Layout;
  /** As configured. */
  readonly decimal: 'auto' | Decimal;
  readonly encoding: Encoding;
  readonly maxRecordBytes: number;
  readonly features: readonly SelectedFeature[];
  /** The model's own types, by the name at the model. */
  readonly modelTypes: Readonly<Record<string, FeatureType>> | undefined;
}

export interface ColumnTypes {
  readonly dialect: Dialect;
  readonly features: readonly Feature[];
}

/**
 * A feature's type is the configured one, else the model's, else `number` when all its cells are plain numbers without a leading zero
 * (and there is one), else `text`. Missing cells do not count.
 * Throws `input.decimal-ambiguous` when `decimal` is `auto`, the delimiter is no comma, and numbers of the features hold commas and points.
 */
export function decideTypes(options: ColumnTypesOptions): ColumnTypes {
  const { layout, features, modelTypes } = options;
  const columns = countCells(options);
  const stated = features.map(
    ({ name, type }) =>
      type ?? (modelTypes !== undefined && Object.hasOwn(modelTypes, name) ? modelTypes[name] : undefined),
  );
  const decimal = options.decimal === 'auto' ? decideDecimal(layout, features, stated, columns) : options.decimal;
  return {
    dialect: { ...layout, decimal },
    features: features.map(({ index, column, name }, position) => ({
      index,
      column,
      name,
      type: stated[position] ?? (isNumberColumn(columns[index]!, decimal) ? 'number' : 'text'),
    })),
  };
}

/** How many cells of a column look how. A cell is counted once. */
interface CellCounts {
  /** `12`, `1e-5`: a number whatever the decimal mark. */
  whole: number;
  /** `12.5` */
  withPoint: number;
  /** `12,5` */
  withComma: number;
  /** `1.234,5`, `1,234.5`: a number, if only one knew the marks. */
  withBoth: number;
  other: number;
}

function countCells({
  head,
  isComplete,
  recordsStart,
  columnCount,
  layout,
  encoding,
  maxRecordBytes,
}: ColumnTypesOptions) {
  const columns = Array.from(
    { length: columnCount },
    (): CellCounts => ({ whole: 0, withPoint: 0, withComma: 0, withBoth: 0, other: 0 }),
  );
  const missing = new Set(layout.missing);
  const scanner = makeScanner({
    dialect: layout,
    fieldCount: columnCount,
    maxRecordBytes,
    encoding: () => encoding,
    offset: 0,
    line: 1,
  });
  const cut = scanner.push(head.subarray(recordsStart, headBytes));
  const rest = isComplete && head.length <= headBytes ? scanner.end() : undefined;
  for (const block of [cut, rest]) {
    for (let index = 0; block !== undefined && index < block.count; index++) {
      if (block.problems[index] !== 0) continue;
      const cells = readFields(block, index, { ...layout, decimal: '.' }, encoding);
      for (let position = 0; position < columnCount; position++) {
        const cell = cells[position]!;
        if (!missing.has(cell)) columns[position]![looksOf(cell, layout.thousands)]++;
      }
    }
  }
  return columns;
}

/**
 * No plus, no leading zero, no bare exponent (`12E4` is more often a code than a number). Blanks around a number are let pass.
 * `.5` is written by statistics packages.
 */
const plainNumber = /^-?(?:(?:0|[1-9]\d*)(?:([.,])\d+)?(?:(?<=[.,]\d*)[eE][+-]?\d+|[eE][+-]\d+)?|([.,])\d+)$/;
const groupedNumber = /^-?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:,\d{3})+\.\d+)$/;

function looksOf(cell: string, thousands: string | null): keyof CellCounts {
  const trimmed = cell.trim();
  const text = thousands === null ? trimmed : ungroup(alikeBlanks(trimmed, thousands), thousands);
  const match = plainNumber.exec(text);
  if (match === null) return groupedNumber.test(text) ? 'withBoth' : 'other';
  const mark = match[1] ?? match[2];
  return mark === undefined ? 'whole' : mark === '.' ? 'withPoint' : 'withComma';
}

/** Without the configured grouping of thousands, where the grouping is one; else as it is. */
function ungroup(text: string, thousands: string): string {
  const [start = '', ...groups] = text.split(thousands);
  const last = groups.length - 1;
  const isGrouped =
    /^-?[1-9]\d{0,2}$/.test(start) &&
    groups.every((group, position) => (position === last ? /^\d{3}(?!\d)/ : /^\d{3}$/).test(group));
  return isGrouped ? text.replaceAll(thousands, '') : text;
}

function decideDecimal(
  layout: Layout,
  features: readonly SelectedFeature[],
  stated: readonly (FeatureType | undefined)[],
  columns: readonly CellCounts[],
): Decimal {
  // The mark that groups thousands cannot be the decimal mark too.
  if (layout.thousands === '.') return ',';
  if (layout.delimiter === ',' || layout.thousands === ',') return '.';
  const isRead = (type: FeatureType | undefined, { other }: CellCounts) =>
    type === 'number' || type === 'integer' || (type === undefined && other === 0);
  const sent = features.filter(({ index }, position) => isRead(stated[position], columns[index]!));
  const marks = marksIn(sent.map(({ index }) => columns[index]!));
  if (marks.hasComma && marks.hasPoint) throw new TamisError('input.decimal-ambiguous', {});
  if (marks.hasComma || marks.hasPoint) return marks.hasComma ? ',' : '.';
  // No feature is a number with decimals, but the score that is appended should be written like the file's other numbers: those of
  // columns of numbers, or else any.
  for (const group of [columns.filter(({ other }) => other === 0), columns]) {
    const { hasComma, hasPoint } = marksIn(group);
    if (hasComma || hasPoint) return hasPoint ? '.' : ',';
  }
  return '.';
}

function marksIn(columns: readonly CellCounts[]): { readonly hasComma: boolean; readonly hasPoint: boolean } {
  return {
    hasComma: columns.some(({ withComma, withBoth }) => withComma + withBoth > 0),
    hasPoint: columns.some(({ withPoint, withBoth }) => withPoint + withBoth > 0),
  };
}

function isNumberColumn({ whole, withPoint, withComma, withBoth, other }: CellCounts, decimal: Decimal): boolean {
  const withMark = decimal === ',' ? withComma : withPoint;
  const withOtherMark = decimal === ',' ? withPoint : withComma;
  return whole + withMark > 0 && withOtherMark + withBoth + other === 0;
}
