/** What a benchmark is, and what comes out of it. */

export interface Figure {
  readonly name: string;
  /** The median of the runs. */
  readonly value: number;
  readonly unit: string;
}

/** One bar: a ratio or an amount, and what it should be. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly met: boolean;
}

export interface Measured {
  readonly figures: readonly Figure[];
  readonly bars: readonly Bar[];
}

/** Why it could not be measured here. */
export interface Skipped {
  readonly skipped: string;
}

export interface Surroundings {
  /** For files of this run; exists, and is removed afterwards. */
  readonly folder: string;
}

export interface Benchmark {
  readonly name: string;
  /** What is measured, and beside which peer. */
  readonly about: string;
  run(surroundings: Surroundings): Promise<Measured | Skipped>;
}

/** What the process that is measured has to do; see client.ts. */
export interface ClientWork {
  /**
   * `pipeline`: ours from the input's stream to the output's; `plain`: the same of csv-parse and csv-stringify; `command`: all of
   * `tamis run`, with its claim, ETags (MD5) and summary.
   */
  readonly program: 'pipeline' | 'plain' | 'command';
  /** The file of the command line's `main`, for `command`. */
  readonly command: string;
  readonly input: string;
  /** The folder that the output goes to. */
  readonly out: string;
  /** Ours: a configuration with one route. */
  readonly config: string;
  readonly url: string;
  /** How rows are put to the endpoint. */
  readonly speaks: 'csv' | 'json';
  /** Positions of the columns that are sent, for the plain pipeline. */
  readonly columns: readonly number[];
  readonly maxRows: number;
  readonly maxInFlight: number;
}

export interface ClientResult {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** The most memory that the process ever held, modules and all. */
  readonly peakBytes: number;
}

export const bar = (name: string, value: number, unit: string, limit: { atLeast?: number; atMost?: number }): Bar => ({
  name,
  value,
  unit,
  ...limit,
  met: value >= (limit.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (limit.atMost ?? Number.POSITIVE_INFINITY),
});

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs the contestants in turn, A B A B, so that whatever else the machine does falls on all of them. Returns each one's results. */
export async function inTurn<Name extends string, Result>(
  runCount: number,
  contestants: Readonly<Record<Name, () => Promise<Result>>>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(contestants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let run = 0; run < runCount; run += 1) for (const name of names) results[name].push(await contestants[name]());
  return results;
}
