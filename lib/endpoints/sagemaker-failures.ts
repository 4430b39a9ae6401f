/**
 * What SageMaker's errors mean. A 400 has three meanings and a 424 is the container's own answer.
 * https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors (read 2026-11).
 */
import { readRetryAfterMs } from './retry-after.ts';
import type { FailureKind, Outcome } from './types.ts';

interface ServiceError {
  readonly name?: string;
  readonly message?: string | null;
  readonly Message?: string | null;
  readonly code?: string;
  readonly OriginalStatusCode?: number;
  readonly OriginalMessage?: string | null;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** Reads an error of the SDK's client. Its texts are only looked at, they go nowhere. */
export function readSagemakerFailure(thrown: unknown, nowMs: number): Outcome {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as ServiceError;
  const status = error.$metadata?.httpStatusCode ?? 0;
  const headers = error.$response?.headers ?? {};
  const retryAfterMs = readRetryAfterMs(headers['retry-after'], nowMs, headers.date);
  return { kind: kindOf(error, status), status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function kindOf(error: ServiceError, status: number): FailureKind {
  const name = error.name ?? '';
  const text = `${error.message ?? ''} ${error.Message ?? ''}`;
  if (
    /^(Throttling|ThrottlingException|ThrottledException|TooManyRequestsException|RequestLimitExceeded)$/.test(name)
  ) {
    return 'throttled';
  }
  if (name === 'ModelNotReadyException') return 'cold';
  // Scaled to zero. The failed call itself feeds the alarm that wakes it.
  if (status === 400 && /no capacity to process/i.test(text)) return 'cold';
  if (status === 413 || (status === 400 && isTooLarge(text))) return 'too-large';
  if (status === 424 || name === 'ModelError') return kindOfOrigin(error, text);
  if (status === 0) return kindWithoutResponse(name, error.code);
  // A success that the client could not read.
  if (status < 300) return 'protocol';
  if (status === 408) return 'transient';
  if (status === 429) return 'throttled';
  return status >= 500 ? 'transient' : 'config';
}

function isTooLarge(text: string): boolean {
  return (
    /too large|larger than|exceed|less than or equal to/i.test(text) &&
    /body|payload|content|request|size|length/i.test(text)
  );
}

function kindOfOrigin(error: ServiceError, text: string): FailureKind {
  const origin = error.OriginalStatusCode ?? 0;
  // The container's 60 s were over: fewer rows take less time.
  if (origin === 0) return /timed out/i.test(`${text} ${error.OriginalMessage ?? ''}`) ? 'too-large' : 'transient';
  // 507: a multi-model endpoint's memory.
  if (origin === 413 || origin === 507) return 'too-large';
  if (origin === 429) return 'throttled';
  if (origin === 406) return 'config';
  return origin >= 500 ? 'transient' : 'bad-rows';
}

function kindWithoutResponse(name: string, code: string | undefined): FailureKind {
  if (/Credentials|TokenProvider/.test(name)) return 'config';
  if (/^(ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/.test(code ?? '')) return 'config';
  return 'transient';
}
