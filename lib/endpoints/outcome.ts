/** How failures that look the same at every service become outcomes. */
import type { HttpFailure, HttpResponse } from './http.ts';
import { readRetryAfterMs } from './retry-after.ts';
import type { FailureKind, Outcome } from './types.ts';

/** No response came: worth another try, unless the certificate does not hold or the answer never ends. */
export function outcomeOfNetworkFailure({ failure }: HttpFailure): Outcome {
  const kinds: Record<HttpFailure['failure'], FailureKind> = {
    timeout: 'transient',
    aborted: 'transient',
    refused: 'transient',
    reset: 'transient',
    tls: 'config',
    'too-long': 'protocol',
  };
  return { kind: kinds[failure], status: 0 };
}

/**
 * The common reading of an HTTP status outside 200-299. A service that means something else by one says so before it asks here.
 * A redirect is a wrong address: it is never followed.
 */
export function kindOfStatus(status: number): FailureKind {
  if (status < 400) return 'config';
  switch (status) {
    case 400:
    case 422:
      return 'bad-rows';
    case 408:
    case 409:
    case 425:
      return 'transient';
    case 413:
    case 507:
      return 'too-large';
    case 429:
      return 'throttled';
    default:
      return status >= 500 ? 'transient' : 'config';
  }
}

/** A failure of `kind` with the response's status and what it asks for. Nothing of its body. */
export function failureFrom(kind: FailureKind, response: HttpResponse, nowMs: number): Outcome {
  const retryAfterMs = readRetryAfterMs(response.headers['retry-after'], nowMs, response.headers.date);
  return { kind, status: response.status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
