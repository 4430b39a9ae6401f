/**
 * What a service asks for in `Retry-After` (RFC 9110, section 10.2.3, read 2026-11): seconds, or an HTTP date.
 * `nowMs` is the wall clock; the date is compared with the service's own `Date` when that is given, so that a wrong clock here does no harm.
 * Returns milliseconds, at least 0 and at most an hour, or undefined when nothing readable was asked for.
 */
export function readRetryAfterMs(
  retryAfter: string | undefined,
  nowMs: number,
  serviceDate?: string | undefined,
): number | undefined {
  const text = retryAfter?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(maxRetryAfterMs, Math.ceil(Number(text) * 1000));
  // Date.parse also reads numbers such as "-5" as years.
  const dateMs = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(dateMs)) return undefined;
  const serviceNowMs = serviceDate === undefined ? Number.NaN : Date.parse(serviceDate);
  return Math.min(maxRetryAfterMs, Math.max(0, dateMs - (Number.isNaN(serviceNowMs) ? nowMs : serviceNowMs)));
}

const maxRetryAfterMs = 3_600_000;
