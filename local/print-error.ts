import { isTamisError } from '../lib/errors.ts';

/** Prints `code: expected; found; what to do`, and returns the exit status: 2 for what the person can mend, else 1. */
export function printLocalError(error: unknown): 1 | 2 {
  if (isTamisError(error)) {
    process.stderr.write(`${error.message}\n`);
    return /^(config|residency|local)\./.test(error.code) ? 2 : 1;
  }
  process.stderr.write(
    `internal.bug: expected correct code; found a mistake (${error instanceof Error ? error.stack : 'unknown'}); please report this\n`,
  );
  return 1;
}
