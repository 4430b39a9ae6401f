import { describe, expect, it } from '@jest/globals';
import { TamisError } from '../../../lib/errors.ts';
import { isMissing, toStorageError } from '../../../lib/storage/s3-errors.ts';

function makeError(name: string, statusCode?: number): Error {
  return Object.assign(new Error('a message with user text'), { name, $metadata: { httpStatusCode: statusCode } });
}

const map = (error: unknown) => toStorageError(error, 'GetObject', 'storage.not-found');

describe('toStorageError', () => {
  it('gives back mistakes of a program and errors of our own as they are', () => {
    const mistake = Object.assign(new TypeError('x is not a function'), { $metadata: { attempts: 1 } });
    const ours = new TamisError('storage.not-found', {});

    expect(map(mistake)).toBe(mistake);
    expect(map(ours)).toBe(ours);
    expect(map('text')).toBe('text');
  });

  it('takes failures without an answer for passing', () => {
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });

    for (const error of [reset, makeError('TimeoutError'), makeError('NoSuchUpload', 404)]) {
      expect(map(error)).toMatchObject({ code: 'storage.unavailable', kind: 'passing' });
    }
  });

  it('takes missing credentials for a denial', () => {
    expect(map(makeError('CredentialsProviderError'))).toMatchObject({ code: 'storage.denied', kind: 'final' });
  });

  it('lets 404 mean what the caller says', () => {
    const error = makeError('NoSuchKey', 404);

    expect(map(error)).toMatchObject({ code: 'storage.not-found' });
    expect(toStorageError(error, 'PutObject', 'storage.precondition-failed')).toMatchObject({
      code: 'storage.precondition-failed',
    });
  });

  it('says nothing of what the service wrote', () => {
    const mapped = map(makeError('InternalError', 500));

    expect((mapped as Error).message).not.toContain('user text');
  });
});

describe('isMissing', () => {
  it('is true for absent objects and versions only', () => {
    expect(isMissing(makeError('NotFound', 404), undefined)).toBe(true);
    expect(isMissing(makeError('MethodNotAllowed', 405), 'v')).toBe(true);
    expect(isMissing(makeError('InvalidArgument', 400), 'v')).toBe(true);
    expect(isMissing(makeError('MethodNotAllowed', 405), undefined)).toBe(false);
    expect(isMissing(makeError('ExpiredToken', 400), 'v')).toBe(false);
    expect(isMissing(makeError('NoSuchBucket', 404), undefined)).toBe(false);
    expect(isMissing(makeError('AccessDenied', 403), 'v')).toBe(false);
  });
});
