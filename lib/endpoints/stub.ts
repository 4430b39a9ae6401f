/**
 * A classifier without a model: label and scores are drawn from a hash of the row, so the same row is always answered alike,
 * whatever its batch. For tests, benchmarks and first steps; a deployed function refuses it.
 */
import type { Clock } from '../clock.ts';
import type { StubConfig } from '../config/types.ts';
import type { Feature } from '../csv/types.ts';
import { statedModel } from './stated-model.ts';
import type { BatchDefaults, CallOptions, Endpoint, Outcome, RawAnswer } from './types.ts';

export interface StubCall {
  /** 0 for the first call of this endpoint. */
  readonly number: number;
  readonly features: readonly Feature[];
  readonly rows: readonly string[];
  readonly signal: AbortSignal;
}

export interface StubDeps {
  readonly clock: Clock;
  /** Answers a call instead of the stub; undefined leaves it to the stub. */
  readonly script?: (call: StubCall) => Outcome | undefined | Promise<Outcome | undefined>;
}

export const stubDefaults: BatchDefaults = {
  maxRows: 500,
  maxBytes: 4_000_000,
  maxInFlight: 16,
  timeoutMs: 30_000,
};

export function makeStubEndpoint(config: StubConfig, deps: StubDeps): Endpoint<'json'> {
  const { latencyMs = 0, faults = {} } = config;
  const attempts = new Map<number, number>();
  let callCount = 0;

  /** A call's fate hangs on its rows and on how often they failed before: it is the same in every run, and it passes. */
  function drawFailure(rows: readonly string[]): Outcome | undefined {
    const batch = hashOf(`${rows.length} ${rows[0] ?? ''} ${rows.at(-1) ?? ''}`);
    const attempt = attempts.get(batch) ?? 0;
    const drawn = shareOf(hashOf(`${batch} ${attempt}`));
    const { throttled = 0, transient = 0, protocol = 0 } = faults;
    const failure: Outcome | undefined =
      drawn < throttled
        ? { kind: 'throttled', status: 429 }
        : drawn < throttled + transient
          ? { kind: 'transient', status: 503 }
          : drawn < throttled + transient + protocol
            ? { kind: 'protocol', status: 200 }
            : undefined;
    if (failure === undefined) attempts.delete(batch);
    else attempts.set(batch, attempt + 1);
    return failure;
  }

  function isRefused(row: string): boolean {
    return shareOf(hashOf(`refused ${row}`)) < (faults.refuseRows ?? 0);
  }

  return {
    kind: 'stub',
    rowFormat: 'json',
    defaults: { ...stubDefaults, timeoutMs: config.timeoutMs ?? stubDefaults.timeoutMs },
    describe: async () => statedModel(config),
    async classify(features: readonly Feature[], rows: readonly string[], { signal }: CallOptions): Promise<Outcome> {
      const number = callCount++;
      try {
        if (latencyMs > 0) await deps.clock.sleep(latencyMs, signal);
      } catch {
        return { kind: 'transient', status: 0 };
      }
      const scripted = await deps.script?.({ number, features, rows, signal });
      if (scripted !== undefined) return scripted;
      const failure = drawFailure(rows);
      if (failure !== undefined) return failure;
      if (faults.refuseRows !== undefined && rows.some(isRefused)) return { kind: 'bad-rows', status: 400 };
      return { kind: 'ok', answers: rows.map((row) => answerOfStub(config.labels, row)) };
    },
    close: async () => {},
  };
}

/** What the stub says of a row that was encoded as JSON: a label by its hash, and scores of which that label's is the highest. */
export function answerOfStub(labels: readonly string[], row: string): RawAnswer {
  const hash = hashOf(row);
  const label = labels[hash % labels.length]!;
  if (labels.length === 1) return { label, scores: { [label]: 1 } };
  // Six decimals, of which the others share the rest: sums stay close to 1 and files readable.
  const score = Math.round(500_001 + shareOf(hashOf(`score ${row}`)) * 499_998) / 1_000_000;
  const rest = (1 - score) / (labels.length - 1);
  return { label, scores: Object.fromEntries(labels.map((name) => [name, name === label ? score : rest])) };
}

/** FNV-1a over UTF-16 code units, then mixed: alike rows must not get alike hashes. Unsigned 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function shareOf(hash: number): number {
  return hash / 2 ** 32;
}
