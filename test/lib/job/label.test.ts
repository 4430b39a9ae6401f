import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RawAnswer } from '../../../lib/endpoints/types.ts';
import { isTamisError } from '../../../lib/errors.ts';
import { type LabelRules, makeLabeller } from '../../../lib/job/label.ts';

const labelOf = (rules: Partial<LabelRules>, answer: RawAnswer) =>
  makeLabeller({ needsScores: false, ...rules })(answer);

const share = fc.double({ min: 0, max: 1, noNaN: true });
const name = fc.constantFrom('a', 'b', 'c', 'd', '0', '1', '__proto__', 'constructor', '');
const answer: fc.Arbitrary<RawAnswer> = fc.record(
  {
    label: fc.oneof(
      name,
      fc.integer({ min: -2, max: 4 }),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    ),
    probabilities: fc.array(share, { maxLength: 4 }),
    scores: fc.dictionary(name, share, { maxKeys: 4 }),
    score: share,
  },
  { requiredKeys: [] },
);
const labels = fc.oneof(
  fc.constant(undefined),
  fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
  fc.dictionary(name, name, { minKeys: 1, maxKeys: 4 }),
);

describe('makeLabeller', () => {
  it('prints nothing but labels of the route, whatever is answered', () => {
    fc.assert(
      fc.property(labels, fc.array(answer, { maxLength: 10 }), (configured, answers) => {
        const label = makeLabeller({ ...(configured === undefined ? {} : { labels: configured }), needsScores: false });
        const known =
          configured === undefined
            ? undefined
            : new Set(Array.isArray(configured) ? configured : Object.values(configured));
        for (const each of answers) {
          const labelled = label(each);
          if (typeof labelled === 'string') {
            expect(['row.label-unknown', 'row.unanswered']).toContain(labelled);
            continue;
          }
          if (known !== undefined) expect(known).toContain(labelled.label);
          expect(labelled.abstained).toBe(false);
          if (labelled.score !== undefined) expect(labelled.score).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('prints the positive label exactly when its probability reaches the threshold', () => {
    fc.assert(
      fc.property(fc.array(share, { minLength: 3, maxLength: 3 }), share, (probabilities, threshold) => {
        const labelled = labelOf({ labels: ['a', 'b', 'c'], decide: { positive: 'b', threshold } }, { probabilities });

        expect(labelled).toMatchObject({
          label: probabilities[1]! >= threshold ? 'b' : probabilities[0]! >= probabilities[2]! ? 'a' : 'c',
        });
      }),
    );
  });

  it('abstains exactly below the bound, and keeps the score', () => {
    fc.assert(
      fc.property(share, share, (score, abstainBelow) => {
        const labelled = labelOf({ decide: { abstainBelow, abstainAs: '?' } }, { label: 'a', score });

        expect(labelled).toMatchObject({
          label: score < abstainBelow ? '?' : 'a',
          score,
          abstained: score < abstainBelow,
        });
      }),
    );
  });

  it('throws nothing but errors of ours, whatever the rules', () => {
    const rules = fc.record(
      {
        labels: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
        decide: fc.record({ positive: name, threshold: share, abstainBelow: share }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(rules, fc.boolean(), answer, (some, needsScores, each) => {
        try {
          labelOf({ ...(some as Partial<LabelRules>), needsScores }, each);
        } catch (error) {
          expect(isTamisError(error) && error.code).toBe('endpoint.no-scores');
        }
      }),
    );
  });

  it('gives a score of each configured label, in their order, 0 for those that the service leaves out', () => {
    const labelled = labelOf({ labels: ['a', 'b', 'c'] }, { scores: { c: 0.75, a: 0.25 } });

    expect(labelled).toEqual({ label: 'c', score: 0.75, scores: [0.25, 0, 0.75], abstained: false });
  });

  it('follows the label of the service on a tie, else the first', () => {
    expect(labelOf({ labels: ['a', 'b'] }, { label: 'b', probabilities: [0.5, 0.5] })).toMatchObject({ label: 'b' });
    expect(labelOf({ labels: ['a', 'b'] }, { probabilities: [0.5, 0.5] })).toMatchObject({ label: 'a' });
  });

  it('takes the highest of nameless probabilities as the score of the label beside them', () => {
    expect(labelOf({}, { label: 'x', probabilities: [0.2, 0.8] })).toMatchObject({ label: 'x', score: 0.8 });
    expect(labelOf({}, { label: 'x', probabilities: [0.2] })).toMatchObject({ label: 'x', score: undefined });
  });

  it('takes a class index for the label where nobody names the classes', () => {
    expect(labelOf({}, { probabilities: [0.2, 0.5, 0.3] })).toMatchObject({ label: '1', score: 0.5 });
  });

  it.each([{}, { score: 0.5 }])('says of %j that there is no answer', (each) => {
    expect(labelOf({}, each)).toBe('row.unanswered');
    expect(labelOf({ labels: ['a'] }, each)).toBe('row.unanswered');
  });
});
