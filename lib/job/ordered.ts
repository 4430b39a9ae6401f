/**
 * Work that runs side by side and is delivered in the order of its submission. Bounded both ways: at most `maxRunning`
 * tasks run, and at most `maxUndelivered` are finished or running and not delivered, so a slow writer holds the reader.
 */
export interface Ordered<T> {
  /** Resolves when there is room for the next task. Rejects with the first failure of any task or delivery. */
  submit(task: () => Promise<T>): Promise<void>;
  /** Resolves when everything submitted is delivered. Rejects like `submit`. */
  finish(): Promise<void>;
}

export function makeOrdered<T>(
  maxRunning: number,
  maxUndelivered: number,
  deliver: (result: T) => Promise<void> | void,
): Ordered<T> {
  let running = 0;
  let undelivered = 0;
  let failure: { readonly error: unknown } | undefined;
  let deliveries: Promise<void> = Promise.resolve();
  let wake: (() => void) | undefined;

  function fail(error: unknown): void {
    failure ??= { error };
    wake?.();
  }

  async function roomOrFailure(): Promise<void> {
    while (failure === undefined && (running >= maxRunning || undelivered >= maxUndelivered)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = undefined;
    }
    if (failure !== undefined) throw failure.error;
  }

  async function submit(task: () => Promise<T>): Promise<void> {
    await roomOrFailure();
    running++;
    undelivered++;
    const result = task().finally(() => {
      running--;
      wake?.();
    });
    result.catch(fail);
    deliveries = deliveries
      .then(async () => {
        const value = await result;
        if (failure !== undefined) return;
        await deliver(value);
        undelivered--;
        wake?.();
      })
      .catch(fail);
    await roomOrFailure();
  }

  async function finish(): Promise<void> {
    await deliveries;
    if (failure !== undefined) throw failure.error;
  }

  return { submit, finish };
}
