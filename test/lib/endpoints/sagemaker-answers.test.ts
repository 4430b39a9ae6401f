import { describe, expect, it } from '@jest/globals';
import { parseJson } from '../../../lib/endpoints/json.ts';
import { readSagemakerAnswers } from '../../../lib/endpoints/sagemaker-answers.ts';
import type { RawAnswer } from '../../../lib/endpoints/types.ts';

function read(body: unknown, rowCount: number, contentType = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readSagemakerAnswers({
    text,
    contentType,
    rowCount,
    fields: { prediction: null, score: null },
    parse: parseJson,
  });
}

describe('readSagemakerAnswers', () => {
  it.each<[string, unknown, number, RawAnswer[]]>([
    ['P(1) alone, nested', { probabilities: [[0.2], [0.9]] }, 2, [{ probabilities: [0.2] }, { probabilities: [0.9] }]],
    ['P(1) alone, under its own name', { 'probabilities-1d': [[0.2]] }, 1, [{ probabilities: [0.2] }]],
    ['one vector for one row', { probabilities: [0.2, 0.8] }, 1, [{ probabilities: [0.2, 0.8] }]],
    ['P(1) of two rows, flat', { probabilities: [0.2, 0.8] }, 2, [{ probabilities: [0.2] }, { probabilities: [0.8] }]],
    ['a logistic score', { predictions: [{ score: 0.43 }] }, 1, [{ probabilities: [0.43] }]],
    ['a softmax class', { predictions: [{ score: 2.0 }] }, 1, [{ label: 2 }]],
    ['a softprob list', { predictions: [{ score: [0.1, 0.2, 0.7] }] }, 1, [{ probabilities: [0.1, 0.2, 0.7] }]],
    [
      'a learner of two classes',
      { predictions: [{ score: 0.4, predicted_label: 0 }] },
      1,
      [{ label: 0, probabilities: [0.4] }],
    ],
    ['selected keys', { predictions: [{ predicted_label: 1, probability: 0.9 }] }, 1, [{ label: 1, score: 0.9 }]],
    [
      'selected keys, of class 0 either way',
      { predictions: [{ predicted_label: 0, probability: 0.1 }] },
      1,
      [{ label: 0 }],
    ],
    ['selected keys without a label', '{"predictions":[{"predicted_label":NaN,"probability":0.9}]}', 1, [{}]],
    ['plain labels', { predictions: ['a', 'b'] }, 2, [{ label: 'a' }, { label: 'b' }]],
    [
      'AutoGluon records',
      [{ label: 'yes', no_proba: 0.1, yes_proba: 0.9 }],
      1,
      [{ label: 'yes', scores: { no: 0.1, yes: 0.9 } }],
    ],
    [
      'AutoGluon columns',
      { label: { '0': 'yes', '1': 'no' }, no: { '0': 0.1, '1': 0.8 }, yes: { '0': 0.9, '1': 0.2 } },
      2,
      [
        { label: 'yes', scores: { no: 0.1, yes: 0.9 } },
        { label: 'no', scores: { no: 0.8, yes: 0.2 } },
      ],
    ],
    [
      'texts in a list',
      [{ sentence: 's', probabilities: [0.9, 0.1], labels: ['A', 'B'], predicted_label: 'A' }],
      1,
      [{ label: 'A', scores: { A: 0.9, B: 0.1 } }],
    ],
    ['label and score', [{ label: 'POSITIVE', score: 0.99 }], 1, [{ label: 'POSITIVE', score: 0.99 }]],
    ['JSON lines', '{"score":0.25}\n{"score":0.75}\n', 2, [{ probabilities: [0.25] }, { probabilities: [0.75] }]],
  ])('reads %s', (_, body, rowCount, expected) => {
    expect(read(body, rowCount)).toEqual(expected);
  });

  it.each<[string, string, number, RawAnswer[]]>([
    ['a score a line', '0.25\n0.75\n', 2, [{ probabilities: [0.25] }, { probabilities: [0.75] }]],
    ['scores in one line', '0.25,0.75', 2, [{ probabilities: [0.25] }, { probabilities: [0.75] }]],
    ['a vector for one row', '0.25,0.75', 1, [{ probabilities: [0.25, 0.75] }]],
    ['a class and no number', '2.0\nnan', 2, [{ label: 2 }, {}]],
    ['labels', 'yes\nno', 2, [{ label: 'yes' }, { label: 'no' }]],
    [
      'labels and scores',
      'yes,0.9\nno,0.6',
      2,
      [
        { label: 'yes', score: 0.9 },
        { label: 'no', score: 0.6 },
      ],
    ],
  ])('reads CSV with %s', (_, body, rowCount, expected) => {
    expect(read(body, rowCount, 'text/csv')).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['an error', { error: 'no' }],
    [
      'fewer labels than vectors',
      {
        probabilities: [
          [0.1, 0.9],
          [0.5, 0.5],
        ],
        predicted_label: [1],
      },
    ],
    ['half a document', '{"predictions":['],
  ])('has no answers for %s', (_, body) => {
    expect(read(body, 2)).toBeUndefined();
  });
});
