/** `tamis run`: one file through the same pipeline as the function. */
import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { findRoute } from '../lib/config/routes.ts';
import type { Config, Route } from '../lib/config/types.ts';
import { makeSecrets } from '../lib/endpoints/secrets.ts';
import { makeSsmReader } from '../lib/endpoints/ssm.ts';
import { TamisError } from '../lib/errors.ts';
import { type JobEnd, runJob } from '../lib/job/run.ts';
import type { Summary } from '../lib/job/summary.ts';
import { selectFactors } from '../lib/ledger/select-factors.ts';
import { makeJobTools } from '../lib/setup/job-tools.ts';
import { systemClock } from '../lib/setup/system-clock.ts';
import { makeMemoryStorage } from '../lib/storage/memory.ts';
import { makeS3Connection, makeS3Storage } from '../lib/storage/s3.ts';
import { awsRegion, loadConfig, s3Options } from './environment.ts';
import { type ExitStatus, statusOfCode } from './exit-status.ts';
import { listenForInterruption } from './interruption.ts';
import {
  checkApart,
  closeConnections,
  findInput,
  findOutput,
  type InputPlace,
  locateBucket,
  type OutputPlace,
} from './places.ts';
import { makeProgressBar } from './progress.ts';

const options = {
  config: { type: 'string' },
  route: { type: 'string' },
  out: { type: 'string', default: './output' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
} as const;

export async function run(args: readonly string[]): Promise<ExitStatus> {
  const { source, values } = readArguments(args);
  const { config, folder } = await loadConfig(values.config);
  const interruption = listenForInterruption();
  let input: InputPlace | undefined;
  try {
    input = await findInput(source, interruption.signal);
    const route = chooseRoute(config, values.route, input.path);
    const output = findOutput(values.out);
    await checkApart(source, values.out, input.name);
    const { signal } = interruption;
    const region = input.isBucket ? await locateBucket(config.residency, input.bucket) : undefined;
    if (output.bucket !== undefined) await locateBucket(config.residency, output.bucket);
    const end = await runOne({ config, folder, route, input, output, region, signal, showsProgress: !values.quiet });
    if (end.kind === 'superseded' && (await input.isGone()))
      throw new TamisError('local.no-such-file', { file: source });
    return printEnd(end, { ...values, shown: output.show(input.name) });
  } catch (error) {
    interruption.signal.throwIfAborted();
    throw error;
  } finally {
    interruption.dispose();
    await input?.dispose();
    closeConnections();
  }
}

function readArguments(args: readonly string[]) {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('. ')[0]! : 'unreadable options';
    throw new TamisError('local.usage', { problem });
  }
  const [source, ...others] = parsed.positionals;
  if (source === undefined) throw new TamisError('local.usage', { problem: 'no file named' });
  if (others.length > 0)
    throw new TamisError('local.usage', { problem: `${1 + others.length} files named; tamis run takes one` });
  return { source, values: parsed.values };
}

const parse = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true });

/** Throws `local.no-route` when it is not clear which. */
function chooseRoute(config: Config, name: string | undefined, path: string): Route {
  const routes = config.routes.map((route) => route.name);
  if (name !== undefined) {
    const named = config.routes.find((route) => route.name === name);
    if (named === undefined)
      throw new TamisError('local.usage', { problem: `no route "${name}"; there are ${routes.join(', ')}` });
    return named;
  }
  const only = config.routes.length === 1 ? config.routes[0] : undefined;
  // The prefix may stand anywhere in a path on this machine.
  const ends = [...`/${path}`.matchAll(/\/(?=input\/)/g)].map(({ index }) => path.slice(index));
  const route = ends.map((end) => findRoute(config, end)).find((found) => found !== undefined) ?? only;
  if (route === undefined) throw new TamisError('local.no-route', { routes });
  return route;
}

interface OneRun {
  readonly config: Config;
  readonly folder: string;
  readonly route: Route;
  readonly input: InputPlace;
  readonly output: OutputPlace;
  /** Of the input's bucket. */
  readonly region: string | undefined;
  readonly signal: AbortSignal;
  readonly showsProgress: boolean;
}

async function runOne({
  config,
  folder,
  route,
  input,
  output,
  region,
  signal,
  showsProgress,
}: OneRun): Promise<JobEnd> {
  const startedMs = performance.now();
  // Every run is a job of its own, so nobody competes for its claim and nothing of it need be kept.
  const claims = makeMemoryStorage({ versioned: false, clock: systemClock });
  const bar = showsProgress && process.stderr.isTTY ? makeProgressBar(process.stderr) : undefined;
  const connectTo = (bucket: string) => makeS3Storage({ connection: makeS3Connection(s3Options()), bucket });
  const tools = makeJobTools({
    config,
    clock: systemClock,
    holder: { requestId: randomUUID(), attempt: randomUUID(), retried: false },
    deployed: false,
    functionRegion: undefined,
    remainingMs: () => Number.POSITIVE_INFINITY,
    openStorages: (count) => ({ inputs: input.open(count), outputs: output.open(count), claims }),
    secrets: makeSecrets({ environment: process.env, readParameter: makeSsmReader({ region: awsRegion() }) }),
    filesFolder: folder,
    readObject: async ({ bucket, key }) => buffer((await connectTo(bucket).read(key)).body),
    factors: selectFactors({
      region: region ?? null,
      countries: config.routes.flatMap(({ endpoint }) => endpoint.footprint?.country ?? []),
    }),
    functionFacts: () => ({ where: 'local', elapsedMs: performance.now() - startedMs }),
    billedStorages: [
      ...(input.isBucket ? (['inputs'] as const) : []),
      ...(output.bucket === undefined ? [] : (['outputs'] as const)),
    ],
    ...(bar === undefined ? {} : { onProgress: bar.update }),
  });
  try {
    return await runJob(
      { ...tools, interruption: signal },
      {
        bucket: input.bucket,
        key: input.key,
        region,
        fallbackVersion: randomUUID(),
        redrive: false,
        chosen: { route, outputKey: `${output.prefix}${input.name}` },
      },
    );
  } finally {
    bar?.stop();
  }
}

interface Printing {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Where the output is, for people. */
  readonly shown: string;
}

function printEnd(end: JobEnd, { json, quiet, shown }: Printing): ExitStatus {
  switch (end.kind) {
    case 'complete':
      if (json) process.stdout.write(`${JSON.stringify(end.summary, undefined, 2)}\n`);
      if (!quiet) (json ? process.stderr : process.stdout).write(`${lastLine(end.summary, shown)}\n`);
      return 0;
    case 'failed':
      if (json) process.stdout.write(`${JSON.stringify(end.error, undefined, 2)}\n`);
      process.stderr.write(`${end.error.code}: ${end.error.detail}\n`);
      return statusOfCode(end.error.code);
    default:
      process.stderr.write(
        'storage.not-found: expected the same file from start to end; found another one; run again\n',
      );
      return 1;
  }
}

const grouped = (count: number): string => count.toLocaleString('en-US');

function lastLine({ rows }: Summary, shown: string): string {
  return `${grouped(rows.classified)} classified, ${grouped(rows.rejected)} rejected -> ${shown}`;
}
