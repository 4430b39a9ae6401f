/** Reads one row's answer by its shape. What is not understood is an empty answer, never a guess. */
import type { RawAnswer } from './types.ts';

/** Field names of an answer with several fields, as the route gives them; null where it gives none. */
export interface AnswerFields {
  readonly prediction: string | null;
  readonly score: string | null;
}

const unusable: RawAnswer = {};

/** Names that services give these fields, tried in this order when the route names none. */
const predictionNames = ['prediction', 'predicted_label', 'label', 'predictions'];
const scoreNames = ['score', 'probability', 'probabilities', 'confidence'];

/**
 * A text, number or boolean is the label; a list of numbers in [0, 1] the probabilities by class index; a list of `{ label, score }`
 * the probabilities by name; any other object is read by field names. A number that is not finite is no answer.
 */
export function readAnswer(value: unknown, fields: AnswerFields): RawAnswer {
  if (isLabel(value)) return { label: value };
  if (Array.isArray(value)) return readList(value);
  if (isRecord(value)) return readFields(value, fields);
  return unusable;
}

function readList(values: readonly unknown[]): RawAnswer {
  const probabilities = readProbabilities(values);
  if (probabilities !== undefined) return { probabilities };
  const [first] = values;
  if (values.length === 1 && typeof first === 'string') return { label: first };
  const scores = readNamedScores(values);
  return scores === undefined ? unusable : { scores };
}

function readNamedScores(values: readonly unknown[]): Record<string, number> | undefined {
  const entries: [string, number][] = [];
  for (const value of values) {
    const share = isRecord(value) ? readShare(value.score) : undefined;
    if (share === undefined || !isRecord(value) || typeof value.label !== 'string') return undefined;
    entries.push([value.label, share]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function readFields(value: Readonly<Record<string, unknown>>, fields: AnswerFields): RawAnswer {
  const names = Object.keys(value);
  const scoreName = nameOf(fields.score, scoreNames, value);
  const predictionName =
    nameOf(fields.prediction, predictionNames, value) ??
    (fields.prediction === null && names.length === 1 && names[0] !== scoreName ? names[0] : undefined);

  if (predictionName === undefined) {
    // Where the route names a field, an answer without it is not what was asked for.
    return fields.prediction !== null || scoreName === undefined ? unusable : readScore(value[scoreName], false);
  }
  const prediction = value[predictionName];
  if (isLabel(prediction)) {
    return { ...(scoreName === undefined ? {} : readScore(value[scoreName], true)), label: prediction };
  }
  return Array.isArray(prediction) && scoreName === undefined ? readList(prediction) : unusable;
}

function nameOf(
  configured: string | null,
  usual: readonly string[],
  value: Readonly<Record<string, unknown>>,
): string | undefined {
  if (configured !== null) return Object.hasOwn(value, configured) ? configured : undefined;
  return usual.find((name) => Object.hasOwn(value, name));
}

function readScore(value: unknown, hasLabel: boolean): RawAnswer {
  if (typeof value === 'number') {
    const score = readShare(value);
    return score === undefined || !hasLabel ? unusable : { score };
  }
  const probabilities = readProbabilities(value);
  if (probabilities !== undefined) return { probabilities };
  if (!isRecord(value)) return unusable;
  const entries: [string, number][] = [];
  for (const [name, share] of Object.entries(value)) {
    const read = readShare(share);
    if (read === undefined) return unusable;
    entries.push([name, read]);
  }
  return entries.length === 0 ? unusable : { scores: Object.fromEntries(entries) };
}

/** Whether the answers hold a label that a JSON number cannot carry: read such a response again with `parseJsonExactly`. */
export function hasRoundedLabel(answers: readonly RawAnswer[]): boolean {
  return answers.some(
    ({ label }) => typeof label === 'number' && Number.isInteger(label) && !Number.isSafeInteger(label),
  );
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isLabel(value: unknown): value is string | number | boolean {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

/** What single precision may leave beyond the bounds. */
const tolerance = 1e-6;

/** A probability, clamped to [0, 1]; undefined when `value` is none. */
export function readShare(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= -tolerance && value <= 1 + tolerance)) return undefined;
  return Math.min(1, Math.max(0, value));
}

/** A list of probabilities, each clamped to [0, 1]; undefined when one of them is none, or there are none. */
export function readProbabilities(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const shares: number[] = [];
  for (const item of value) {
    const share = readShare(item);
    if (share === undefined) return undefined;
    shares.push(share);
  }
  return shares;
}
