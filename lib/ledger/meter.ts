import { TamisError } from '../errors.ts';
import { milliseconds, toSeconds } from '../units.ts';
import type { UsageLine } from './types.ts';
import { isResource, type Resource, resources } from './usage.ts';

/** What the meter derives from calls, or the receipt from the function; nobody adds it by hand. */
export type DerivedResource =
  | 'lambda.requests'
  | 'lambda.compute'
  | 'lambda.ephemeral-storage'
  | 'local.elapsed'
  | 'endpoint.calls'
  | 'endpoint.busy'
  | 'endpoint.latency';
export type MeteredResource = Exclude<Resource, DerivedResource>;

/** A quantity as an adapter reports it: names and units are checked when it is added. */
export interface ReportedUsage {
  readonly resource: string;
  readonly quantity: number;
  readonly unit: string;
}

/** Counts what one run uses, as it happens: failed and repeated attempts too, because they are billed too. */
export interface Meter {
  /** Adds a finite quantity of at least 0, in the registry's unit; throws `internal.bug` for any other. */
  add(resource: MeteredResource, quantity: number): void;
  /** Adds what an adapter reports; throws `internal.bug` when the registry has no such resource in that unit. */
  addReported(usage: readonly ReportedUsage[]): void;
  /** A call to the endpoint begins. Times are on one monotonic clock. */
  callStarted(atMs: number): void;
  /** A call ends, in whatever way. Throws `internal.bug` when none is in flight. */
  callEnded(atMs: number): void;
  /** What was used so far, in the registry's order, without what was not used. Calls in flight count up to `atMs`. */
  read(atMs: number): readonly UsageLine[];
}

const derived: ReadonlySet<string> = new Set<DerivedResource>([
  'lambda.requests',
  'lambda.compute',
  'lambda.ephemeral-storage',
  'local.elapsed',
  'endpoint.calls',
  'endpoint.busy',
  'endpoint.latency',
]);

/** Lines in the registry's order, quantities of one resource added up, those of nothing left out. */
export function orderUsage(quantities: Iterable<readonly [Resource, number]>): readonly UsageLine[] {
  const sums = new Map<Resource, number>();
  for (const [resource, quantity] of quantities) {
    if (!Number.isFinite(quantity) || quantity < 0) throw new TamisError('internal.bug', {});
    sums.set(resource, (sums.get(resource) ?? 0) + quantity);
  }
  return (Object.keys(resources) as Resource[])
    .map((resource) => ({ resource, quantity: sums.get(resource) ?? 0, unit: resources[resource].unit }))
    .filter(({ quantity }) => quantity > 0);
}

export function makeMeter(): Meter {
  const quantities = new Map<Resource, number>();
  let callCount = 0;
  let inFlightCount = 0;
  let busySinceMs = 0;
  let busyMs = 0;
  let latencyMs = 0;
  /** When `inFlightCount` last changed: latency grows by the calls in flight times the time since. */
  let changedAtMs = 0;

  const add = (resource: Resource, quantity: number): void => {
    if (!Number.isFinite(quantity) || quantity < 0) throw new TamisError('internal.bug', {});
    quantities.set(resource, (quantities.get(resource) ?? 0) + quantity);
  };

  const advanceTo = (atMs: number): void => {
    latencyMs += inFlightCount * (atMs - changedAtMs);
    changedAtMs = atMs;
  };

  return {
    add,
    addReported(usage) {
      for (const { resource, quantity, unit } of usage) {
        if (!isResource(resource) || derived.has(resource) || resources[resource].unit !== unit) {
          throw new TamisError('internal.bug', {});
        }
        add(resource, quantity);
      }
    },
    callStarted(atMs) {
      advanceTo(atMs);
      if (inFlightCount === 0) busySinceMs = atMs;
      inFlightCount += 1;
      callCount += 1;
    },
    callEnded(atMs) {
      if (inFlightCount === 0) throw new TamisError('internal.bug', {});
      advanceTo(atMs);
      inFlightCount -= 1;
      if (inFlightCount === 0) busyMs += atMs - busySinceMs;
    },
    read(atMs) {
      const stillBusyMs = inFlightCount === 0 ? 0 : atMs - busySinceMs;
      const stillLatencyMs = inFlightCount * (atMs - changedAtMs);
      return orderUsage([
        ...quantities,
        ['endpoint.calls', callCount],
        ['endpoint.busy', toSeconds(milliseconds(busyMs + stillBusyMs))],
        ['endpoint.latency', toSeconds(milliseconds(latencyMs + stillLatencyMs))],
      ]);
    },
  };
}
