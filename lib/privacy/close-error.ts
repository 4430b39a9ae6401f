import { isTamisError, TamisError } from '../errors.ts';

/**
 * What a function may let escape. Lambda logs message and stack of whatever is thrown and sends them to the on-failure
 * destination, and the message of a foreign error may quote a row; so a foreign error leaves as `internal.bug`. No cause leaves
 * either: whoever inspects an error prints it.
 */
export function closeError(error: unknown): TamisError {
  if (!isTamisError(error)) return new TamisError('internal.bug', {});
  if (error.cause === undefined) return error;
  const closed = new TamisError(error.code, error.details);
  if (error.stack !== undefined) closed.stack = error.stack;
  return closed;
}
