/** What an ONNX model takes and gives, read from its own metadata. */
import type { OnnxConfig } from '../config/types.ts';
import type { FeatureType } from '../csv/types.ts';
import { TamisError } from '../errors.ts';
import type { OnnxSignature, OnnxValue } from './onnx-worker.ts';

/** `table`: one tensor [rows, features], features by position. `columns`: one tensor [rows] or [rows, 1] for each feature, by name. */
export type OnnxPlan = {
  readonly label?: string;
  readonly scores?: string;
} & (
  | { readonly layout: 'table'; readonly input: OnnxValue; readonly featureCount: number | undefined }
  | { readonly layout: 'columns'; readonly inputs: readonly OnnxValue[] }
);

const featureTypes: Readonly<Record<string, FeatureType>> = {
  float32: 'number',
  float64: 'number',
  int64: 'integer',
  int32: 'integer',
  string: 'text',
  bool: 'boolean',
};

/**
 * Throws `config.model-unreadable` when this is no classifier over rows, `config.model-zipmap` when the scores are maps instead of a tensor.
 */
export function readPlan(config: OnnxConfig, { inputs, outputs }: OnnxSignature): OnnxPlan {
  const unreadable = (): TamisError => new TamisError('config.model-unreadable', { model: config.model });
  const [first] = inputs;
  if (
    first === undefined ||
    inputs.some(({ type, shape }) => featureTypes[type] === undefined || (shape[0] ?? -1) !== -1)
  ) {
    throw unreadable();
  }
  const layout = isTable(inputs)
    ? { layout: 'table' as const, input: first, featureCount: first.shape[1] === -1 ? undefined : first.shape[1] }
    : { layout: 'columns' as const, inputs };
  if (layout.layout === 'columns' && !inputs.every(isColumn)) throw unreadable();

  const label = pick(outputs, config.outputs?.label, isLabelOutput);
  const scores = pick(
    outputs,
    config.outputs?.scores,
    (output) => isScoresOutput(output) && output.name !== label?.name,
  );
  if (
    scores?.isTensor === false ||
    (label === undefined && scores === undefined && outputs.some(({ isTensor }) => !isTensor))
  ) {
    throw new TamisError('config.model-zipmap', { model: config.model });
  }
  const named = [config.outputs?.label, config.outputs?.scores];
  const found = [label?.name, scores?.name];
  if (named.some((name, index) => name !== undefined && name !== found[index])) throw unreadable();
  if (label === undefined && scores === undefined) throw unreadable();
  return {
    ...layout,
    ...(label === undefined ? {} : { label: label.name }),
    ...(scores === undefined ? {} : { scores: scores.name }),
  };
}

/** The model's type of each input by name; for a table, of every feature. */
export function typeOf(value: OnnxValue): FeatureType {
  return featureTypes[value.type]!;
}

function pick(
  outputs: readonly OnnxValue[],
  configured: string | undefined,
  isUsual: (output: OnnxValue) => boolean,
): OnnxValue | undefined {
  if (configured !== undefined) return outputs.find(({ name }) => name === configured);
  return outputs.find(isUsual);
}

function isTable(inputs: readonly OnnxValue[]): boolean {
  return inputs.length === 1 && inputs[0]!.shape.length === 2 && inputs[0]!.shape[1] !== 1;
}

function isColumn({ shape }: OnnxValue): boolean {
  return shape.length === 1 || (shape.length === 2 && shape[1] === 1);
}

/** Classes are texts or whole numbers, one a row. */
function isLabelOutput({ isTensor, type, shape }: OnnxValue): boolean {
  return isTensor && ['int64', 'int32', 'string'].includes(type) && (shape.length < 2 || shape[1] === 1);
}

/** A sequence of maps counts here too, so that it can be refused by name. */
function isScoresOutput({ isTensor, type }: OnnxValue): boolean {
  return !isTensor || type === 'float32' || type === 'float64';
}
