/**
 * The containers' answers, told apart by shape: what a model was trained with is nowhere in the response.
 * Shapes: aws/sagemaker-xgboost-container `algorithm_mode/serve_utils.py`, the JumpStart inference scripts, the developer guide on
 * Linear Learner (read 2026-11).
 */
import { type AnswerFields, isLabel, isRecord, readAnswer, readProbabilities, readShare } from './answer.ts';
import type { RawAnswer } from './types.ts';

export interface SagemakerResponse {
  readonly text: string;
  readonly contentType: string | undefined;
  readonly rowCount: number;
  readonly fields: AnswerFields;
  parse(text: string): unknown;
}

/** Answers in row order; undefined when the response has none of the known shapes. The count may be wrong: that is for the caller to see. */
export function readSagemakerAnswers(response: SagemakerResponse): readonly RawAnswer[] | undefined {
  const text = response.text.trim();
  if (text === '') return undefined;
  const isJson = /json/i.test(response.contentType ?? '') || text.startsWith('{') || text.startsWith('[');
  if (!isJson) return readCsv(text, response.rowCount);
  const body = response.parse(text) ?? readJsonLines(text, response.parse);
  return body === undefined ? undefined : readJson(body, response);
}

function readJsonLines(text: string, parse: SagemakerResponse['parse']): unknown[] | undefined {
  const items = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map(parse);
  return items.includes(undefined) ? undefined : items;
}

function readJson(body: unknown, { rowCount, fields }: SagemakerResponse): readonly RawAnswer[] | undefined {
  if (Array.isArray(body)) return body.map((item) => readItem(item, fields));
  if (!isRecord(body)) return undefined;
  if (Array.isArray(body.predictions)) return body.predictions.map((item) => readItem(item, fields));
  if (Array.isArray(body.labels) && Array.isArray(body.probabilities)) return [readItem(body, fields)];
  if ('probabilities' in body || 'probabilities-1d' in body) return readJumpStart(body, rowCount);
  if (isRecord(body.label)) return readAutoGluonColumns(body);
  // One line of JSON lines is a row of its own.
  return rowCount === 1 && ('score' in body || 'label' in body || 'predicted_label' in body)
    ? [readItem(body, fields)]
    : undefined;
}

/** `{"probabilities":[[p0,p1],…],"predicted_label":[index,…]}`; some versions give P(class 1) alone, nested or flat. */
function readJumpStart(body: Readonly<Record<string, unknown>>, rowCount: number): readonly RawAnswer[] | undefined {
  const given = body.probabilities ?? body['probabilities-1d'];
  if (!Array.isArray(given)) return undefined;
  const isOneText = rowCount === 1 && given.length > 1 && given.every((share) => typeof share === 'number');
  const vectors: readonly unknown[] = isOneText ? [given] : given;
  const labels = body.predicted_label;
  const labelList = Array.isArray(labels) ? labels : isLabel(labels) ? [labels] : undefined;
  if (labelList !== undefined && labelList.length !== vectors.length) return undefined;
  return vectors.map((vector, row) => {
    const probabilities = readProbabilities(Array.isArray(vector) ? vector : [vector]);
    if (probabilities === undefined) return {};
    const label = labelList?.[row];
    return isLabel(label) ? { label, probabilities } : { probabilities };
  });
}

/** pandas' columns: `{"label":{"0":"yes"},"no":{"0":0.1},"yes":{"0":0.9}}`. */
function readAutoGluonColumns(body: Readonly<Record<string, unknown>>): readonly RawAnswer[] | undefined {
  const { label: labels, ...classes } = body;
  if (!isRecord(labels)) return undefined;
  const rows = Object.keys(labels).sort((a, b) => Number(a) - Number(b));
  return rows.map((row) =>
    readAutoGluonRecord(
      labels[row],
      Object.entries(classes).map(([name, column]) => [name, isRecord(column) ? column[row] : undefined]),
    ),
  );
}

function readAutoGluonRecord(label: unknown, classes: readonly (readonly [name: string, value: unknown])[]): RawAnswer {
  if (!isLabel(label)) return {};
  const scores: [string, number][] = [];
  for (const [name, value] of classes) {
    const share = readShare(value);
    if (share === undefined) return { label };
    scores.push([name, share]);
  }
  return scores.length === 0 ? { label } : { label, scores: Object.fromEntries(scores) };
}

function readItem(item: unknown, fields: AnswerFields): RawAnswer {
  if (typeof item === 'number') return readScalar(item);
  if (!isRecord(item) || fields.prediction !== null || fields.score !== null) return readAnswer(item, fields);

  const { predicted_label: predicted, probabilities, labels, score } = item;
  const vector = readProbabilities(probabilities ?? score);
  if (vector !== undefined && Array.isArray(labels) && labels.length === vector.length) {
    const scores = Object.fromEntries(labels.map((name, index) => [String(name), vector[index]!]));
    return isLabel(predicted) ? { label: predicted, scores } : { scores };
  }
  if (vector !== undefined)
    return isLabel(predicted) ? { label: predicted, probabilities: vector } : { probabilities: vector };
  if ('predicted_label' in item) return isLabel(predicted) ? { label: predicted, ...readBinary(predicted, item) } : {};
  if ('score' in item && !('label' in item)) return typeof score === 'number' ? readScalar(score) : {};

  const classes = Object.entries(item).filter(([name]) => name.endsWith('_proba'));
  if (classes.length > 0) {
    return readAutoGluonRecord(
      item.label,
      classes.map(([name, value]) => [name.slice(0, -'_proba'.length), value]),
    );
  }
  return readAnswer(item, fields);
}

/**
 * XGBoost's bare number: a class index from `multi:softmax`, the probability of class 1 from `binary:logistic`. 0 and 1 may be either,
 * and both name the same class; a score is then left out rather than invented.
 */
function readScalar(value: number): RawAnswer {
  if (Number.isInteger(value)) return { label: value };
  const share = readShare(value);
  return share === undefined ? {} : { probabilities: [share] };
}

/**
 * Linear Learner's `score` is the probability of class 1 of two. XGBoost's `probability` is that too when there are two classes,
 * otherwise that of the predicted one; where both readings are possible there is no score.
 */
function readBinary(predicted: string | number | boolean, item: Readonly<Record<string, unknown>>): RawAnswer {
  const score = readShare(item.score);
  if (score !== undefined) return { probabilities: [score] };
  const probability = readShare(item.probability);
  if (probability === undefined) return {};
  const isOfPredicted = predicted !== 0 || probability > 0.5;
  return isOfPredicted ? { score: probability } : {};
}

/** One row a line, or all rows in one line as old XGBoost containers have it. A line of several numbers holds a row's probabilities. */
function readCsv(text: string, rowCount: number): readonly RawAnswer[] {
  const lines = text.split(/\r\n|\n|\r/);
  const isOneLine = lines.length === 1 && rowCount > 1;
  return (isOneLine ? text.split(',') : lines).map(readCsvLine);
}

function readCsvLine(line: string): RawAnswer {
  const values = line
    .replace(/^\s*\[|\]\s*$/g, '')
    .split(',')
    .map((value) => value.trim().replace(/^"(.*)"$/, '$1'));
  const [first = '', second] = values;
  if (values.length === 1)
    return first === '' || /^nan$/i.test(first) ? {} : isNumeric(first) ? readScalar(Number(first)) : { label: first };
  if (values.every(isNumeric)) {
    const probabilities = readProbabilities(values.map(Number));
    return probabilities === undefined ? {} : { probabilities };
  }
  if (values.length !== 2 || isNumeric(first) || first === '') return {};
  const score = readShare(Number(second));
  return score === undefined ? { label: first } : { label: first, score };
}

function isNumeric(text: string): boolean {
  return text !== '' && Number.isFinite(Number(text));
}
