import { describe, expect, it } from '@jest/globals';
import { TamisError } from '../../../lib/errors.ts';
import { closeError } from '../../../lib/privacy/close-error.ts';

describe('closeError', () => {
  it('lets an error of our own through as it is', () => {
    const error = new TamisError('job.claimed', {});

    expect(closeError(error)).toBe(error);
  });

  it.each([
    ['an error', new Error('cannot parse "Jean Dupont"')],
    ['a text', 'Jean Dupont'],
    ['an object', { record: 'Jean Dupont' }],
  ])('keeps what %s says out of everything that Lambda reports', (_title, foreign) => {
    const closed = closeError(foreign);
    // As the runtime does: name, message, stack and the error's own enumerable properties.
    const reported = JSON.stringify({ ...closed, name: closed.name, message: closed.message, stack: closed.stack });

    expect(closed.code).toBe('internal.bug');
    expect(reported).not.toContain('Dupont');
    expect(closed.cause).toBe(foreign);
  });
});
