/** Runs stories by their seeds. */
import { readConfig } from '../../lib/config/read.ts';
import { type Checker, makeChecker, noSightings, type Sightings } from './checker.ts';
import { type SimulationOptions, simulate } from './simulation.ts';

const config = readConfig(
  JSON.stringify({
    version: 1,
    routes: [
      {
        name: 'r',
        input: 'input/r/',
        features: ['x'],
        batch: { maxRows: 2, maxInFlight: 2 },
        limits: { maxRejected: { rows: 2, share: 0.3 } },
        endpoint: { kind: 'stub', labels: ['unused'] },
      },
    ],
  }),
  'tamis.yml',
);

export type StoryOptions = Pick<SimulationOptions, 'mutation' | 'deterministic'>;

export interface Failure {
  readonly seed: number;
  readonly error: unknown;
  readonly trace: readonly string[];
}

/** Plays one story. Returns what was wrong with it, if anything. */
export async function tell(
  seed: number,
  sightings: Sightings,
  options: StoryOptions = {},
): Promise<Failure | undefined> {
  let checker: Checker | undefined;
  let trace: readonly string[] = [];
  try {
    const world = await simulate({
      ...options,
      seed,
      config,
      makeWatcher: (made) => {
        trace = made.trace;
        checker = makeChecker(made, sightings);
        return checker;
      },
    });
    sightings.steps += world.scheduler.stepCount();
    checker?.checkEnd();
    return undefined;
  } catch (error) {
    return { seed, error, trace };
  }
}

/** Plays the stories of the seeds; with `until`, only up to the first failure that it matches. */
export async function tellAll(
  seeds: { readonly from: number; readonly count: number },
  options: StoryOptions & { readonly until?: RegExp } = {},
): Promise<{ readonly failures: readonly Failure[]; readonly sightings: Sightings }> {
  const sightings = noSightings();
  const failures: Failure[] = [];
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed++) {
    const failure = await tell(seed, sightings, options);
    if (failure === undefined) continue;
    failures.push(failure);
    if (options.until?.test(String(failure.error))) break;
  }
  return { failures, sightings };
}
