/**
 * Asynchronous invocation as Lambda does it: two more tries on a function error, patience with the service itself, a limit of
 * age, and the on-failure destination. Events live in memory: what is waiting when the process ends is lost.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html (read 2026-11-23)
 */
import type { Clock } from '../lib/clock.ts';

/** 1 minute before the first retry, 2 before the second. */
export const AWS_RETRY_DELAYS_MS = [60_000, 120_000] as const;
/** 6 hours. */
export const AWS_MAX_EVENT_AGE_MS = 21_600_000;
/** Back-off when the Lambda service itself does not take an event: 1 second to 5 minutes. */
const FIRST_SYSTEM_DELAY_MS = 1000;
const MAX_SYSTEM_DELAY_MS = 300_000;

export interface AsyncTarget {
  readonly functionName: string;
  readonly functionArn: string;
  /** 0, 1 or 2; 2 by default. */
  readonly maxRetries?: number;
  /** Milliseconds; 6 hours by default. */
  readonly maxEventAgeMs?: number;
  /** Gets the record of an event that failed for good. */
  readonly onFailure?: (record: DestinationRecord) => void;
}

export interface Invocation {
  readonly functionName: string;
  /** The same for every try of one event. */
  readonly requestId: string;
  readonly payload: unknown;
}

/** What a function answered. A rejection of `invoke` means that the function was never reached. */
export type InvocationResult =
  | { readonly isError: false; readonly payload: unknown }
  | { readonly isError: true; readonly payload: unknown };

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html (read 2026-11-23) */
export interface DestinationRecord {
  readonly version: '1.0';
  readonly timestamp: string;
  readonly requestContext: {
    readonly requestId: string;
    readonly functionArn: string;
    readonly condition: 'RetriesExhausted' | 'EventAgeExceeded';
    readonly approximateInvokeCount: number;
  };
  readonly requestPayload: unknown;
  readonly responseContext?: {
    readonly statusCode: number;
    readonly executedVersion: '$LATEST';
    readonly functionError: 'Unhandled';
  };
  readonly responsePayload?: unknown;
}

/** One try that did not succeed; `nextInMs` is undefined when it was the last. */
export interface FailedAttempt {
  readonly functionName: string;
  readonly requestId: string;
  readonly attempt: number;
  readonly wasReached: boolean;
  readonly nextInMs: number | undefined;
}

export interface EventPumpOptions {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly invoke: (invocation: Invocation) => Promise<InvocationResult>;
  readonly newRequestId: () => string;
  /** Milliseconds before each retry; AWS's by default. */
  readonly retryDelaysMs?: readonly number[];
  /** Events that are with functions at the same time; others wait. 4 by default: each is a process thread of its own here. */
  readonly maxConcurrent?: number;
  readonly onFailedAttempt?: (failure: FailedAttempt) => void;
}

export interface EventPump {
  /** Takes the event and returns at once. */
  submit(target: AsyncTarget, payload: unknown): void;
  /** Resolves when every event has succeeded or failed for good. */
  idle(): Promise<void>;
  /** Gives up what is waiting. Events that are with a function are not interrupted. */
  close(): void;
}

export function makeEventPump(options: EventPumpOptions): EventPump {
  const { clock, invoke, retryDelaysMs = AWS_RETRY_DELAYS_MS, maxConcurrent = 4 } = options;
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const waiting: (() => void)[] = [];
  let busyCount = 0;

  async function withSlot<T>(task: () => Promise<T>): Promise<T> {
    if (busyCount < maxConcurrent) busyCount += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The slot is handed on, or given back.
      const next = waiting.shift();
      if (next === undefined) busyCount -= 1;
      else next();
    }
  }

  async function deliver(target: AsyncTarget, payload: unknown): Promise<void> {
    const requestId = options.newRequestId();
    const receivedMs = clock.now();
    const maxRetries = Math.min(target.maxRetries ?? AWS_RETRY_DELAYS_MS.length, retryDelaysMs.length);
    const maxAgeMs = target.maxEventAgeMs ?? AWS_MAX_EVENT_AGE_MS;
    let attempt = 0;
    let errorCount = 0;
    let systemDelayMs = FIRST_SYSTEM_DELAY_MS;
    let last: InvocationResult | undefined;
    const fail = (condition: DestinationRecord['requestContext']['condition']) =>
      target.onFailure?.(
        makeRecord({ target, requestId, condition, count: errorCount, payload, last, nowMs: clock.now() }),
      );

    for (;;) {
      if (closing.signal.aborted) return;
      if (clock.now() - receivedMs > maxAgeMs) return fail('EventAgeExceeded');
      attempt += 1;
      const result = await withSlot(async () =>
        closing.signal.aborted ? undefined : await tryInvoke({ functionName: target.functionName, requestId, payload }),
      );
      if (closing.signal.aborted || result?.isError === false) return;
      if (result !== undefined) {
        last = result;
        errorCount += 1;
      }
      const isOver = result !== undefined && errorCount > maxRetries;
      const delayMs = result === undefined ? systemDelayMs : (retryDelaysMs[errorCount - 1] ?? 0);
      options.onFailedAttempt?.({
        functionName: target.functionName,
        requestId,
        attempt,
        wasReached: result !== undefined,
        nextInMs: isOver ? undefined : delayMs,
      });
      if (isOver) return fail('RetriesExhausted');
      if (result === undefined) systemDelayMs = Math.min(systemDelayMs * 2, MAX_SYSTEM_DELAY_MS);
      await clock.sleep(delayMs, closing.signal).catch(() => undefined);
    }
  }

  async function tryInvoke(invocation: Invocation): Promise<InvocationResult | undefined> {
    try {
      return await invoke(invocation);
    } catch {
      return undefined;
    }
  }

  return {
    submit(target, payload) {
      if (closing.signal.aborted) return;
      const delivery: Promise<void> = deliver(target, payload).finally(() => running.delete(delivery));
      running.add(delivery);
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    close() {
      closing.abort();
    },
  };
}

function makeRecord(failed: {
  readonly target: AsyncTarget;
  readonly requestId: string;
  readonly condition: DestinationRecord['requestContext']['condition'];
  readonly count: number;
  readonly payload: unknown;
  readonly last: InvocationResult | undefined;
  readonly nowMs: number;
}): DestinationRecord {
  const { target, requestId, condition, count, payload, last } = failed;
  return {
    version: '1.0',
    timestamp: new Date(failed.nowMs).toISOString(),
    requestContext: {
      requestId,
      functionArn: `${target.functionArn}:$LATEST`,
      condition,
      approximateInvokeCount: count,
    },
    requestPayload: payload,
    ...(last === undefined
      ? {}
      : {
          responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
          responsePayload: last.payload,
        }),
  };
}
