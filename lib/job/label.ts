import type { Decide } from '../config/types.ts';
import type { RawAnswer } from '../endpoints/types.ts';
import { TamisError } from '../errors.ts';

/** What is printed beside a classified record. */
export interface Classification {
  readonly label: string;
  /** Probability in [0, 1] of the label before abstaining; undefined when the service gives none. */
  readonly score: number | undefined;
  /** Probability of each configured label, in their order; only when labels are configured and the service gives them. */
  readonly scores: readonly number[] | undefined;
  readonly abstained: boolean;
}

export interface LabelRules {
  readonly labels?: readonly string[] | Readonly<Record<string, string>>;
  readonly decide?: Decide;
  /** Whether `score_<label>` columns are wanted, so that answers without probabilities end the job. */
  readonly needsScores: boolean;
}

export type Labelled = Classification | 'row.label-unknown' | 'row.unanswered';

/** Must be called in input order: without configured labels, what a label is depends on what came before. */
export type Labeller = (answer: RawAnswer) => Labelled;

/** Contract, section 4: "the first 100 distinct answers of at most 128 characters are labels". */
const discoveredLabelsLimit = 100;
const labelLengthLimit = 128;
/** "more than 1,000 of those end the job" */
const otherAnswersLimit = 1000;

/** Throws (the labeller does) `endpoint.no-scores` and `endpoint.not-a-classifier`. */
export function makeLabeller(rules: LabelRules): Labeller {
  const name = namer(rules.labels);
  const admit = rules.labels === undefined ? discoverer() : () => true;
  const names = rules.labels === undefined ? undefined : namesOf(rules.labels);
  const { decide } = rules;
  const distributionOf = distributor(rules.labels, names, name);
  // Probabilities beside a list of labels and nothing to decide: what most models answer, without a map for each row.
  const isSimple =
    Array.isArray(rules.labels) && new Set(rules.labels).size === rules.labels.length && decide === undefined;

  return function label(answer) {
    if (isSimple && answer.scores === undefined && answer.probabilities?.length === names!.length)
      return likeliest(answer.probabilities, names!, answer.label === undefined ? undefined : name(answer.label));
    const distribution = distributionOf(answer);
    if (distribution === 'mismatch') return 'row.unanswered';
    if (rules.needsScores && distribution === undefined) throw new TamisError('endpoint.no-scores', {});
    const stated = answer.label === undefined ? undefined : name(answer.label);
    const best = distribution === undefined ? undefined : highest(distribution, stated);
    const own = best ?? stated;
    if (own === undefined) return answer.label === undefined ? 'row.unanswered' : 'row.label-unknown';
    const decided = decide === undefined ? own : applyThreshold(decide, own, distribution);
    if (decided === noLabel || !admit(decided)) return 'row.label-unknown';
    const score = distribution?.get(decided) ?? (decided === stated ? (answer.score ?? highestOf(answer)) : undefined);
    const scores =
      names !== undefined && distribution !== undefined ? names.map((each) => distribution.get(each) ?? 0) : undefined;
    if (decide?.abstainBelow !== undefined) {
      if (score === undefined) throw new TamisError('endpoint.no-scores', {});
      if (score < decide.abstainBelow) return { label: decide.abstainAs ?? '', score, scores, abstained: true };
    }
    return { label: decided, score, scores, abstained: false };
  };
}

function namesOf(labels: readonly string[] | Readonly<Record<string, string>>): readonly string[] {
  return Array.isArray(labels) ? labels : [...new Set(Object.values(labels))];
}

/** The model's own answer as a text: whole numbers without a fraction, so that `2.0` and `2` are one class. */
const textOf = (label: string | number | boolean): string => (Object.is(label, -0) ? '0' : String(label));

/** Returns undefined for an answer that is none of the labels. */
function namer(labels: LabelRules['labels']): (label: string | number | boolean) => string | undefined {
  if (labels === undefined) return textOf;
  if (Array.isArray(labels)) {
    const byName = new Set<string>(labels);
    return (label) => {
      if (typeof label === 'string' && byName.has(label)) return label;
      const index = Number(label);
      return typeof label === 'string' && !/^\d+(\.0+)?$/.test(label) ? undefined : labels[index];
    };
  }
  const byAnswer = new Map(Object.entries(labels));
  return (label) =>
    byAnswer.get(textOf(label)) ?? (typeof label === 'string' ? byAnswer.get(integerText(label)) : undefined);
}

/** `1.0` as `1`: models with float classes print them so. */
const integerText = (label: string): string => label.replace(/^(-?\d+)\.0+$/, '$1');

/** Says whether a text is a label; asked once a row, because the rows that are refused are counted. */
function discoverer(): (text: string) => boolean {
  const known = new Set<string>();
  let others = 0;
  return (text) => {
    if (known.has(text)) return true;
    if (known.size < discoveredLabelsLimit && Array.from(text).length <= labelLengthLimit) {
      known.add(text);
      return true;
    }
    others++;
    if (others > otherAnswersLimit)
      throw new TamisError('endpoint.not-a-classifier', { distinctCount: discoveredLabelsLimit });
    return false;
  };
}

type Distribution = ReadonlyMap<string, number>;

/** Stands in a distribution for the likeliest of the classes that the service names and the route does not. */
const noLabel = '\0';

/** Probability by printed label; undefined when the answer has none that can be told apart. */
function distributor(
  labels: LabelRules['labels'],
  names: readonly string[] | undefined,
  nameOf: (label: string | number) => string | undefined,
): (answer: RawAnswer) => Distribution | undefined | 'mismatch' {
  const name = labels === undefined ? String : nameOf;

  function collect(entries: Iterable<readonly [string | number, number]>): Distribution | 'mismatch' {
    const distribution = new Map<string, number>();
    for (const [own, probability] of entries) {
      const label = name(own);
      if (label !== undefined) distribution.set(label, (distribution.get(label) ?? 0) + probability);
      else if (typeof own === 'number') return 'mismatch';
      else distribution.set(noLabel, Math.max(distribution.get(noLabel) ?? 0, probability));
    }
    return distribution;
  }

  return (answer) => {
    if (answer.scores !== undefined) return collect(Object.entries(answer.scores));
    if (answer.probabilities === undefined) return undefined;
    const probabilities = expandBinary(answer.probabilities, names?.length ?? 2);
    if (Array.isArray(labels))
      return probabilities.length === labels.length ? collect(probabilities.entries()) : 'mismatch';
    // Nameless probabilities beside a label say only how sure the model is of that label.
    return answer.label === undefined ? collect(probabilities.entries()) : undefined;
  };
}

/** A single probability is that of class 1 of two (older LightGBM containers, `binary:logistic`). */
function expandBinary(probabilities: readonly number[], classCount: number): readonly number[] {
  return probabilities.length === 1 && classCount === 2 ? [1 - probabilities[0]!, probabilities[0]!] : probabilities;
}

const highestOf = (answer: RawAnswer): number | undefined =>
  answer.probabilities === undefined || answer.probabilities.length < 2 ? undefined : Math.max(...answer.probabilities);

/** One probability for each name, in their order. On a tie the model's own label, else the first. */
function likeliest(shares: readonly number[], names: readonly string[], stated: string | undefined): Classification {
  let best = 0;
  for (let index = 1; index < shares.length; index++)
    if (shares[index]! > shares[best]! || (shares[index] === shares[best] && names[index] === stated)) best = index;
  return { label: names[best]!, score: shares[best], scores: shares, abstained: false };
}

/** On a tie the model's own label, else the first. */
function highest(distribution: Distribution, stated: string | undefined): string | undefined {
  let best: string | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [label, score] of distribution) {
    if (score > bestScore || (score === bestScore && label === stated)) {
      best = label;
      bestScore = score;
    }
  }
  return best;
}

/** `positive` when its probability reaches the threshold, else the likeliest of the others. */
function applyThreshold(decide: Decide, own: string, distribution: Distribution | undefined): string {
  const { positive, threshold } = decide;
  if (positive === undefined || threshold === undefined) return own;
  if (distribution === undefined) throw new TamisError('endpoint.no-scores', {});
  if ((distribution.get(positive) ?? 0) >= threshold) return positive;
  const others = new Map([...distribution].filter(([label]) => label !== positive));
  return highest(others, own) ?? own;
}
