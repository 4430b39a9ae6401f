/** The outside world's time and chance. Passed in everywhere, so that tests run on a seeded scheduler. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z. May be wrong by minutes: never compare it with another machine's. */
  now(): number;
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason when aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Uniform in [0, 1). */
  random(): number;
}
