/**
 * Virtual time and seeded chance under everything that a job does: every request, call and sleep of every holder waits here,
 * and the scheduler decides who goes on. The same seed gives the same run. No real timer is used.
 */
import type { Clock } from '../../lib/clock.ts';

/** A process that holds, or wants to hold, a job. */
export interface Actor {
  readonly name: string;
  /** Its wall clock minus the true time. */
  readonly clockErrorMs: number;
  isDead: boolean;
  /** Nothing of it goes on before this time. */
  frozenUntilMs: number;
}

interface Waiter {
  readonly actor: Actor | undefined;
  /** A write that was sent may take effect after its sender died. */
  readonly isWrite: boolean;
  readonly order: number;
  readonly resolve: () => void;
  readyAtMs: number;
}

export interface Scheduler {
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly makeActor: (name: string, clockErrorMs: number) => Actor;
  /** Resolves `ms` later, never for an actor that died meanwhile. */
  readonly wait: (actor: Actor | undefined, ms: number, isWrite?: boolean) => Promise<void>;
  /** The actor's promises never settle again. A write that it had sent may still arrive within 30 seconds. */
  readonly kill: (actor: Actor) => void;
  readonly clockOf: (actor: Actor) => Clock;
  /** Ends the simulation: `run` rejects. */
  readonly fail: (error: unknown) => void;
  /** Runs `work` after `ms`. What it throws ends the simulation. */
  readonly after: (ms: number, work: () => Promise<void> | void) => void;
  /** Resolves when nobody waits any more. */
  readonly run: () => Promise<void>;
  readonly stepCount: () => number;
}

const startMs = Date.UTC(2026, 10, 23);
/** After this long the sender's connection is gone for certain; well within a claim's life and Lambda's first retry. */
const maxFlightMs = 30_000;

const never = new Promise<void>(() => undefined);

export function makeScheduler(seed: number): Scheduler {
  const random = makeRandom(seed);
  const waiters: Waiter[] = [];
  let nowMs = startMs;
  let order = 0;
  let steps = 0;
  let failure: { readonly error: unknown } | undefined;

  function wait(actor: Actor | undefined, ms: number, isWrite = false): Promise<void> {
    if (actor?.isDead) return never;
    return new Promise((resolve) => {
      waiters.push({ actor, isWrite, order: order++, resolve, readyAtMs: nowMs + ms });
    });
  }

  function kill(actor: Actor): void {
    actor.isDead = true;
    for (let at = waiters.length - 1; at >= 0; at--) {
      const waiter = waiters[at]!;
      if (waiter.actor !== actor) continue;
      if (waiter.isWrite && random() < 0.5)
        waiter.readyAtMs = Math.min(waiter.readyAtMs, nowMs + random() * maxFlightMs);
      else waiters.splice(at, 1);
    }
  }

  function takeNext(): Waiter | undefined {
    let first = -1;
    for (let at = 0; at < waiters.length; at++) {
      const waiter = waiters[at]!;
      const { actor } = waiter;
      if (actor !== undefined && !actor.isDead && actor.frozenUntilMs > waiter.readyAtMs)
        waiter.readyAtMs = actor.frozenUntilMs;
      const best = waiters[first];
      if (
        best === undefined ||
        waiter.readyAtMs < best.readyAtMs ||
        (waiter.readyAtMs === best.readyAtMs && waiter.order < best.order)
      )
        first = at;
    }
    return first === -1 ? undefined : waiters.splice(first, 1)[0];
  }

  function fail(error: unknown): void {
    failure ??= { error };
  }

  async function run(): Promise<void> {
    for (;;) {
      // All that can go on without us has gone on when the event loop turns: nothing here does real input or output.
      await new Promise((resolve) => setImmediate(resolve));
      if (failure !== undefined) throw failure.error;
      const next = takeNext();
      if (next === undefined) return;
      nowMs = Math.max(nowMs, next.readyAtMs);
      steps++;
      next.resolve();
    }
  }

  function clockOf(actor: Actor): Clock {
    return {
      now: () => nowMs + actor.clockErrorMs,
      monotonicMs: () => nowMs - startMs,
      random,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          signal?.throwIfAborted();
          const leave = (): void => reject(signal?.reason);
          signal?.addEventListener('abort', leave, { once: true });
          void wait(actor, ms).then(() => {
            signal?.removeEventListener('abort', leave);
            resolve();
          });
        }),
    };
  }

  return {
    nowMs: () => nowMs,
    random,
    makeActor: (name, clockErrorMs) => ({ name, clockErrorMs, isDead: false, frozenUntilMs: 0 }),
    wait,
    kill,
    clockOf,
    after(ms, work) {
      wait(undefined, ms).then(work).catch(fail);
    },
    fail,
    run,
    stepCount: () => steps,
  };
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to shuffle with. */
export function makeRandom(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
