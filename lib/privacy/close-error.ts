import { isTamisError, TamisError } from '../errors.ts';

/**
 * What a function may let escape. Lambda logs message and stack of whatever is thrown and sends them to the on-failure
 * destination, and the message of a foreign error may quote a row; so a foreign error leaves as `internal.bug`.
 */
export function closeError(error: unknown): TamisError {
  return isTamisError(error) ? error : new TamisError('internal.bug', {}, error);
}
