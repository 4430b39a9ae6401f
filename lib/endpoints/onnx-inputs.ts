/** Turns cells into the tensors that a model takes. */
import type { Cell, Feature } from '../csv/types.ts';
import { TamisError } from '../errors.ts';
import type { OnnxPlan } from './onnx-signature.ts';
import type { OnnxInput, OnnxValue } from './onnx-worker.ts';

type Rows = readonly (readonly Cell[])[];
type NumberArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** Where each input of the model finds its cells. */
export type OnnxLayout = readonly { readonly value: OnnxValue; readonly positions: readonly number[] }[];

/**
 * Throws `config.feature-not-in-model` when features and inputs do not match. It names inputs of the model, and features by number:
 * a feature's own name may be a header of the file.
 */
export function layoutFor(plan: OnnxPlan, features: readonly Feature[]): OnnxLayout {
  if (plan.layout === 'table') {
    const count = plan.featureCount ?? features.length;
    if (count !== features.length)
      throw mismatch(numbersBetween(Math.min(count, features.length), Math.max(count, features.length)));
    return [{ value: plan.input, positions: features.map((_, position) => position) }];
  }
  const layout = plan.inputs.map((value) => ({
    value,
    positions: [features.findIndex(({ name }) => name === value.name)],
  }));
  const missing = layout.filter(({ positions }) => positions[0] === -1).map(({ value }) => value.name);
  const names = new Set(plan.inputs.map(({ name }) => name));
  const surplus = features.flatMap(({ name }, position) => (names.has(name) ? [] : [`feature ${position + 1}`]));
  if (missing.length > 0 || surplus.length > 0) throw mismatch([...missing, ...surplus]);
  return layout;
}

function mismatch(features: readonly string[]): TamisError {
  return new TamisError('config.feature-not-in-model', { features });
}

function numbersBetween(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `feature ${from + index + 1}`);
}

/** undefined when a cell cannot stand in its tensor: a text among numbers, a fraction or nothing among whole numbers. */
export function encodeInputs(layout: OnnxLayout, rows: Rows): readonly OnnxInput[] | undefined {
  const inputs: OnnxInput[] = [];
  for (const { value, positions } of layout) {
    const data = value.type === 'string' ? encodeTexts(rows, positions) : encodeNumbers(value.type, rows, positions);
    if (data === undefined) return undefined;
    const dims = value.shape.length === 1 ? [rows.length] : [rows.length, positions.length];
    inputs.push({ name: value.name, type: value.type, data, dims });
  }
  return inputs;
}

function encodeTexts(rows: Rows, positions: readonly number[]): string[] {
  return rows.flatMap((row) => positions.map((position) => String(row[position] ?? '')));
}

function encodeNumbers(type: string, rows: Rows, positions: readonly number[]): NumberArray | undefined {
  const size = rows.length * positions.length;
  if (type === 'float32') return encodeFloats(new Float32Array(size), rows, positions);
  if (type === 'float64') return encodeFloats(new Float64Array(size), rows, positions);
  return encodeWholeNumbers(type, size, rows, positions);
}

/** Every row of an embedded job comes through here: no allocation a cell. */
function encodeFloats<A extends Float32Array | Float64Array>(
  data: A,
  rows: Rows,
  positions: readonly number[],
): A | undefined {
  let at = 0;
  for (const row of rows) {
    for (let column = 0; column < positions.length; column += 1) {
      const cell = row[positions[column]!];
      if (typeof cell === 'number') data[at] = cell;
      else if (cell === null || cell === undefined) data[at] = Number.NaN;
      else if (typeof cell === 'boolean') data[at] = cell ? 1 : 0;
      else return undefined;
      at += 1;
    }
  }
  return data;
}

function encodeWholeNumbers(
  type: string,
  size: number,
  rows: Rows,
  positions: readonly number[],
): NumberArray | undefined {
  const numbers = encodeFloats(new Float64Array(size), rows, positions);
  if (numbers === undefined || !numbers.every(Number.isSafeInteger)) return undefined;
  if (type === 'int64') return BigInt64Array.from(numbers, BigInt);
  return type === 'bool' ? Uint8Array.from(numbers) : Int32Array.from(numbers);
}
