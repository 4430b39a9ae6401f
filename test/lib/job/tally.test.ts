import { describe, expect, it } from '@jest/globals';
import { makeTally } from '../../../lib/job/tally.ts';

/** `rejected` and `classified` rows, delivered. */
function tallied(limit: { rows: number; share: number }, rejected: number, classified: number) {
  const tally = makeTally(limit);
  tally.read(rejected + classified);
  for (let row = 0; row < rejected; row++) tally.rejected('row.quote');
  for (let row = 0; row < classified; row++) tally.classified('a', false);
  return tally;
}

describe('makeTally', () => {
  it('counts by label and by code, abstained among the classified', () => {
    const tally = makeTally({ rows: 10, share: 1 });

    tally.blank(2);
    tally.blank(0);
    tally.read(4);
    tally.classified('__proto__', false);
    tally.classified('?', true);
    tally.rejected('row.quote');
    tally.rejected('row.type');

    expect(tally.counts).toEqual({ read: 4, classified: 2, abstained: 1, rejected: 2, blank: 2 });
    expect(Object.entries(tally.labels)).toEqual([
      ['__proto__', 1],
      ['?', 1],
    ]);
    expect(tally.rejectCodes).toEqual({ 'row.quote': 1, 'row.type': 1 });
    expect(() => tally.checkAtEnd(tally.counts.read)).not.toThrow();
  });

  it('refuses counts that do not add up', () => {
    const tally = makeTally({ rows: 10, share: 1 });
    tally.read(3);
    tally.classified('a', false);

    expect(() => tally.checkAtEnd(tally.counts.read)).toThrow(expect.objectContaining({ code: 'job.unreconciled' }));
  });

  it.each([
    ['both limits are exceeded', { rows: 10, share: 0.01 }, 11, 989, true],
    ['only the rows are', { rows: 10, share: 0.01 }, 11, 1_089, false],
    ['only the share is', { rows: 10, share: 0.01 }, 10, 10, false],
    ['none is tolerated', { rows: 0, share: 0 }, 1, 1_000_000, true],
    ['everything is tolerated', { rows: 0, share: 1 }, 5, 0, false],
  ])('at the end, when %s', (_, limit, rejected, classified, isRefused) => {
    const tally = tallied(limit, rejected, classified);

    const check = () => tally.checkAtEnd(tally.counts.read);

    if (isRefused) expect(check).toThrow(expect.objectContaining({ code: 'job.too-many-rejects' }));
    else expect(check).not.toThrow();
  });

  it('refuses before the end only what no continuation can mend', () => {
    const tally = tallied({ rows: 10, share: 0.1 }, 50, 50);

    expect(() => tally.checkRejects(400)).not.toThrow();
    expect(() => tally.checkRejects(Number.POSITIVE_INFINITY)).not.toThrow();
    expect(() => tally.checkRejects(399)).toThrow(
      expect.objectContaining({ code: 'job.too-many-rejects', details: { rejectedCount: 50, readCount: 100 } }),
    );
  });

  it('blames the service when all it ever gave was nonsense', () => {
    const tally = makeTally({ rows: 0, share: 0 });
    tally.read(2);
    tally.rejected('row.quote');
    tally.rejected('row.unanswered');

    expect(() => tally.checkRejects(0)).toThrow(expect.objectContaining({ code: 'endpoint.protocol' }));
    expect(() => tally.checkAtEnd(tally.counts.read)).toThrow(expect.objectContaining({ code: 'endpoint.protocol' }));
  });

  it('throws when the file held a record that nobody was told of', () => {
    const tally = makeTally({ rows: 10, share: 0.01 });
    tally.read(1);
    tally.classified('oui', false);

    expect(() => tally.checkAtEnd(2)).toThrow(expect.objectContaining({ code: 'job.unreconciled' }));
  });
});
