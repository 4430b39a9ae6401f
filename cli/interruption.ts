import { TamisError } from '../lib/errors.ts';

export interface Interruption {
  /** Fires at the first Ctrl-C, with `local.interrupted`. */
  readonly signal: AbortSignal;
  readonly dispose: () => void;
}

/** A terminal and a wrapper may both pass one Ctrl-C on. */
const sameKeystrokeMs = 1_000;
const signalNames = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The first signal ends the run in order, a later one at once. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController();
  let firstMs: number | undefined;
  function interrupt(): void {
    if (firstMs !== undefined && performance.now() - firstMs > sameKeystrokeMs) process.exit(130);
    firstMs ??= performance.now();
    controller.abort(new TamisError('local.interrupted', {}));
  }
  for (const name of signalNames) process.on(name, interrupt);
  return {
    signal: controller.signal,
    dispose() {
      for (const name of signalNames) process.off(name, interrupt);
    },
  };
}
