import { isTamisError, TamisError } from '../errors.ts';

/** What an error of the S3 client says: the name comes from S3's XML, the status from HTTP (undefined: no answer came). */
export interface ServiceError {
  readonly name: string;
  readonly statusCode: number | undefined;
  /** How often the client sent the request. */
  readonly attemptCount: number;
}

/** Not `instanceof`: an error of Node's own may come from another realm. */
function isErrorLike(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && 'name' in error && 'message' in error;
}

/** What JavaScript throws for a mistake in a program, be it inside the client. */
const OWN_MISTAKES = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'];

/** Undefined for what is neither S3's nor the network's: a mistake of ours must not look like the service's. */
export function readServiceError(error: unknown): ServiceError | undefined {
  if (!isErrorLike(error) || isTamisError(error)) return undefined;
  const metadata = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number; attempts?: number }) : {};
  const statusCode = metadata.httpStatusCode;
  const isForeign =
    statusCode !== undefined || (('code' in error || '$metadata' in error) && !OWN_MISTAKES.includes(error.name));
  return isForeign ? { name: error.name, statusCode, attemptCount: metadata.attempts ?? 1 } : undefined;
}

/**
 * Whether the error says that there is no such object or version: 404, 405 for a delete marker, and InvalidArgument for
 * a version id that S3 never gave out.
 */
export function isMissing(error: unknown, versionId: string | undefined): boolean {
  const found = readServiceError(error);
  if (!found || found.name === 'NoSuchBucket') return false;
  if (found.statusCode === 404) return true;
  return versionId !== undefined && (found.statusCode === 405 || found.name === 'InvalidArgument');
}

// Names: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, as known in November 2026.
const CREDENTIAL_ERRORS = ['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired', 'CredentialsProviderError'];
const PASSING_ERRORS = [
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  // The upload was aborted by someone else, such as a lifecycle rule.
  'NoSuchUpload',
];

/**
 * The port's error for an error of the S3 client, after the client's own retries. `missing` says what 404 means: nothing
 * to read, or a condition on an ETag where no object is (there S3 answers 404 and the port says 412).
 * What is neither S3's nor the network's comes back as it is.
 */
export function toStorageError(
  error: unknown,
  operation: string,
  missing: 'storage.not-found' | 'storage.precondition-failed',
): unknown {
  if (isErrorLike(error) && CREDENTIAL_ERRORS.includes(error.name)) {
    return new TamisError('storage.denied', { operation }, error);
  }
  const found = readServiceError(error);
  if (!found) return error;
  const { name, statusCode = 0 } = found;
  if (PASSING_ERRORS.includes(name)) return new TamisError('storage.unavailable', { operation }, error);
  if (name === 'NoSuchBucket') return new TamisError('storage.refused', { operation }, error);
  if (statusCode === 401 || statusCode === 403) return new TamisError('storage.denied', { operation }, error);
  if (statusCode === 404) return new TamisError(missing, {}, error);
  if (statusCode === 409) return new TamisError('storage.conflict', {}, error);
  if (statusCode === 412) return new TamisError('storage.precondition-failed', {}, error);
  if (statusCode >= 300 && statusCode < 500 && statusCode !== 429) {
    return new TamisError('storage.refused', { operation }, error);
  }
  return new TamisError('storage.unavailable', { operation }, error);
}

/** Whether the client found that the bytes of a body are not those that were stored. Its error has no name of its own. */
export function isChecksumMismatch(error: unknown): boolean {
  return isErrorLike(error) && error.message.startsWith('Checksum mismatch');
}
