import { inspect } from 'node:util';
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
    const inspected = inspect(closed, { depth: null });

    expect(closed.code).toBe('internal.bug');
    expect(reported).not.toContain('Dupont');
    expect(inspected).not.toContain('Dupont');
  });

  it('leaves the cause of an error of our own behind, and keeps where it happened', () => {
    const error = new TamisError('endpoint.unreachable', { status: 503 }, new Error('cannot parse "Jean Dupont"'));

    const closed = closeError(error);

    expect(closed).toMatchObject({ code: 'endpoint.unreachable', details: { status: 503 }, message: error.message });
    expect(closed.stack).toBe(error.stack);
    expect(inspect(closed, { depth: null })).not.toContain('Dupont');
  });
});
