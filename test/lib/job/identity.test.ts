import { describe, expect, it } from '@jest/globals';
import { isLaterSequencer, jobId } from '../../../lib/job/identity.ts';

const identity = { bucket: 'b', key: 'input/wine/a.csv', route: 'wine', version: 'v1' };

describe('jobId', () => {
  it('is the same for the same version on the same route', () => {
    expect(jobId({ ...identity })).toBe(jobId(identity));
  });

  it.each([
    ['bucket', { bucket: 'c' }],
    ['key', { key: 'input/wine/b.csv' }],
    ['route', { route: 'wines' }],
    ['version', { version: 'v2' }],
  ])('is another when the %s is another', (_, change) => {
    expect(jobId({ ...identity, ...change })).not.toBe(jobId(identity));
  });

  it('does not confuse parts that read the same when joined', () => {
    expect(jobId({ ...identity, bucket: 'b', key: 'c","d' })).not.toBe(
      jobId({ ...identity, bucket: 'b","c', key: 'd' }),
    );
  });

  it('is good as the name of a durable execution, however long the route', () => {
    const id = jobId({ ...identity, route: 'r'.repeat(200), key: 'input/é ü/ß.csv' });

    expect(id).toMatch(/^[a-z0-9-]{1,64}$/);
  });
});

describe('isLaterSequencer', () => {
  it.each([
    ['0055AED6DCD90282', '0055AED6DCD90281', true],
    ['0055AED6DCD90281', '0055AED6DCD90282', false],
    ['0055AED6DCD90281', '0055AED6DCD90281', false],
    // The shorter is padded on the right.
    ['0055AED6DCD90281', '0055AED6DCD9', true],
    ['0055AED6DCD9', '0055AED6DCD90281', false],
    ['0055AED7', '0055AED6DCD90281', true],
    ['0055AED6DCD9', '0055AED6DCD90000', false],
    // Hexadecimal digits count, not their case.
    ['00aa', '00AA', false],
    ['00AB', '00aa', true],
    ['00a', '009', true],
  ])('%s after %s: %s', (a, b, later) => {
    expect(isLaterSequencer(a, b)).toBe(later);
  });
});
