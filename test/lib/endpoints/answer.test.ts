import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AnswerFields, hasRoundedLabel, readAnswer } from '../../../lib/endpoints/answer.ts';
import type { RawAnswer } from '../../../lib/endpoints/types.ts';

const none: AnswerFields = { prediction: null, score: null };

describe('readAnswer', () => {
  it.each<[string, unknown, RawAnswer]>([
    ['a text', 'yes', { label: 'yes' }],
    ['an index', 2, { label: 2 }],
    ['a boolean', true, { label: true }],
    ['null', null, {}],
    ['probabilities', [0.1, 0.9], { probabilities: [0.1, 0.9] }],
    ['one probability', [0.9], { probabilities: [0.9] }],
    ['probabilities a hair above 1', [1.0000001, -1e-9], { probabilities: [1, 0] }],
    ['probabilities with a hole', [0.1, null], {}],
    ['numbers that are no probabilities', [3.2, -1], {}],
    ['an empty list', [], {}],
    ['a label in a list', ['yes'], { label: 'yes' }],
    [
      'named scores',
      [
        { label: 'a', score: 0.2 },
        { label: 'b', score: 0.8 },
      ],
      { scores: { a: 0.2, b: 0.8 } },
    ],
    ['label and score', { label: 'a', score: 0.7, rank: 3 }, { label: 'a', score: 0.7 }],
    ['label and margin', { label: 'a', score: -3.2 }, { label: 'a' }],
    [
      'prediction and probabilities',
      { prediction: 1, probability: [0.2, 0.8] },
      { label: 1, probabilities: [0.2, 0.8] },
    ],
    ['a score without a label', { score: 0.7 }, {}],
    ['a label that is missing', { prediction: null, probability: [0.2, 0.8] }, {}],
    ['one field of any name', { klass: 'a' }, { label: 'a' }],
    ['fields that nobody named', { x: 1, y: 2 }, {}],
  ])('reads %s', (_, value, expected) => {
    expect(readAnswer(value, none)).toEqual(expected);
  });

  it('takes the fields that the route names, and no others', () => {
    const fields = { prediction: 'classe', score: 'p' };

    expect(readAnswer({ classe: 'a', p: { a: 0.6, b: 0.4 }, label: 'x', score: 1 }, fields)).toEqual({
      label: 'a',
      scores: { a: 0.6, b: 0.4 },
    });
    expect(readAnswer({ label: 'x', score: 1 }, fields)).toEqual({});
  });

  it('keeps a class named like a property of every object', () => {
    const { scores } = readAnswer([{ label: '__proto__', score: 1 }], none);

    expect(Object.entries(scores ?? {})).toEqual([['__proto__', 1]]);
  });

  it('never gives a share outside [0, 1] or a label that is no label, whatever comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { label, probabilities = [], scores = {}, score = 0 } = readAnswer(value, none);
        expect([undefined, 'string', 'number', 'boolean']).toContain(label === undefined ? undefined : typeof label);
        for (const share of [...probabilities, ...Object.values(scores), score]) {
          expect(share >= 0 && share <= 1).toBe(true);
        }
      }),
    );
  });
});

describe('hasRoundedLabel', () => {
  it('finds whole numbers that JSON.parse has rounded', () => {
    expect(hasRoundedLabel([{ label: 1 }, { label: 2 ** 53 }])).toBe(true);
    expect(hasRoundedLabel([{ label: 1.5 }, { label: '9007199254740993' }, {}])).toBe(false);
  });
});
