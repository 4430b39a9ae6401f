/**
 * Work that runs side by side and is delivered in the order of its submission. Bounded: at most `maxRunning` tasks run, and
 * what is submitted and not delivered weighs at most `maxUndeliveredBytes` (one task always fits), so that a slow writer,
 * or a slow first task, holds the reader and memory does not grow with the file.
 */
export interface Ordered<T> {
  /** Resolves when there is room for the next task. Rejects with the first failure of any task or delivery. */
  submit(sizeBytes: number, task: () => Promise<T>): Promise<void>;
  /** Resolves when everything submitted is delivered. Rejects like `submit`. */
  finish(): Promise<void>;
}

export interface OrderedOptions<T> {
  readonly maxRunning: number;
  readonly maxUndeliveredBytes: number;
  /** Called with one result at a time, in order. */
  readonly deliver: (result: T) => Promise<void> | void;
  /** Called once, at the first failure, so that tasks under way can stop. */
  readonly onFailure: (error: unknown) => void;
}

export function makeOrdered<T>({ maxRunning, maxUndeliveredBytes, deliver, onFailure }: OrderedOptions<T>): Ordered<T> {
  let running = 0;
  let undeliveredBytes = 0;
  let failure: { readonly error: unknown } | undefined;
  let deliveries: Promise<void> = Promise.resolve();
  let wake: (() => void) | undefined;

  function fail(error: unknown): void {
    if (failure !== undefined) return;
    failure = { error };
    onFailure(error);
    wake?.();
  }

  async function room(): Promise<void> {
    while (failure === undefined && (running >= maxRunning || undeliveredBytes >= maxUndeliveredBytes)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failure !== undefined) throw failure.error;
  }

  async function submit(sizeBytes: number, task: () => Promise<T>): Promise<void> {
    await room();
    running++;
    undeliveredBytes += sizeBytes;
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
        undeliveredBytes -= sizeBytes;
        wake?.();
      })
      .catch(fail);
    await room();
  }

  async function finish(): Promise<void> {
    await deliveries;
    if (failure !== undefined) throw failure.error;
  }

  return { submit, finish };
}
