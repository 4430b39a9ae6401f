/** One job from its event to its results, in memory: what the tests of the contract share. */
import { readConfig } from '../../lib/config/read.ts';
import type { Config, StubConfig } from '../../lib/config/types.ts';
import { makeStubEndpoint, type StubCall, type StubDeps } from '../../lib/endpoints/stub.ts';
import type { Endpoint } from '../../lib/endpoints/types.ts';
import { type JobEnd, type JobTools, runJob } from '../../lib/job/run.ts';
import type { ErrorDocument, Summary } from '../../lib/job/summary.ts';
import { selectFactors } from '../../lib/ledger/select-factors.ts';
import type { LambdaFacts } from '../../lib/ledger/types.ts';
import { makeJobTools } from '../../lib/setup/job-tools.ts';
import { systemClock } from '../../lib/setup/system-clock.ts';
import { type MemoryStore, makeMemoryStorage, makeMemoryStore } from '../../lib/storage/memory.ts';
import { makeTestClock } from './test-clock.ts';

export interface PipelineRun {
  /** Keys of the route, laid over the defaults below. */
  readonly route?: Readonly<Record<string, unknown>> | undefined;
  /** A whole configuration, instead of the one route. */
  readonly config?: Config;
  /** Undefined: nothing stands under the key. */
  readonly input: Buffer | string | undefined;
  /** Default `input/r/data.csv`; the route's prefix is `input/r/`. */
  readonly key?: string | undefined;
  readonly script?: StubDeps['script'] | undefined;
  /** The route's own endpoint (a stand-in), on the machine's own clock, instead of the stub. */
  readonly real?: boolean;
  readonly chunkSizeBytes?: number;
  /** As in a function in Paris, with its price list. */
  readonly isLambda?: boolean;
  readonly remainingMs?: (nowMs: number) => number;
  /** Results of an earlier job, by key. */
  readonly before?: Readonly<Record<string, string>>;
  /** Handed a way to look into the bucket, for runs that end with an exception. */
  readonly look?: (objects: () => ReadonlyMap<string, Buffer>) => void;
  /** Sees the tools before the job does. */
  readonly change?: (tools: JobTools) => JobTools;
}

export interface PipelineEnd {
  readonly end: JobEnd;
  readonly output: Buffer | undefined;
  readonly rejects: string | undefined;
  readonly summary: Summary | undefined;
  readonly error: ErrorDocument | undefined;
  /** Calls of the stub, in order. */
  readonly calls: readonly StubCall[];
  /** Everything in the bucket, by key. */
  readonly objects: ReadonlyMap<string, Buffer>;
  readonly unfinishedUploadCount: number;
}

export const stubLabels = ['oui', 'non'] as const;

/** `x` is a feature, everything else stays at home. */
export const baseRoute = {
  name: 'r',
  input: 'input/r/',
  features: ['x'],
  limits: { maxRejected: { rows: 1_000_000, share: 1 } },
  endpoint: { kind: 'stub', labels: stubLabels },
};

export function configOf(route: Readonly<Record<string, unknown>> = {}) {
  // JSON is YAML.
  return readConfig(JSON.stringify({ version: 1, routes: [{ ...baseRoute, ...route }] }), 'tamis.yml');
}

export async function runPipeline(run: PipelineRun): Promise<PipelineEnd> {
  const key = run.key ?? 'input/r/data.csv';
  const clock = run.real ? systemClock : makeTestClock();
  const store = makeMemoryStore({ versioned: false, clock, bucket: 'bucket' });
  const storage = makeMemoryStorage({ store, chunkSizeBytes: run.chunkSizeBytes ?? 64 * 1024 });
  for (const [name, body] of Object.entries(run.before ?? {})) await storage.put(name, Buffer.from(body));
  const put = run.input === undefined ? undefined : await storage.put(key, Buffer.from(run.input));

  run.look?.(() => contentOf(store));
  const calls: StubCall[] = [];
  const config = run.config ?? configOf(run.route);
  const tools = makeJobTools({
    config,
    clock,
    holder: { requestId: 'request', attempt: 'attempt', retried: true },
    deployed: false,
    functionRegion: run.isLambda ? 'eu-west-3' : undefined,
    remainingMs: () => run.remainingMs?.(clock.now()) ?? Number.POSITIVE_INFINITY,
    openStorages: (count) => {
      const opened = makeMemoryStorage({ store, count, chunkSizeBytes: run.chunkSizeBytes ?? 64 * 1024 });
      return { inputs: opened, outputs: opened, claims: opened };
    },
    secrets: { resolve: async () => 'secret' },
    filesFolder: process.cwd(),
    readObject: async () => Buffer.alloc(0),
    factors: selectFactors({ region: run.isLambda ? 'eu-west-3' : null, countries: ['FR', 'DE'] }),
    functionFacts: () => (run.isLambda ? lambdaFacts : { where: 'local', elapsedMs: 1 }),
    billedStorages: run.isLambda ? ['inputs', 'outputs', 'claims'] : [],
    ...(run.isLambda ? { sizeReport: () => ({ logBytes: 1_500, eventCount: 0 }) } : {}),
  });
  async function openStub(): Promise<Endpoint> {
    return makeStubEndpoint(config.routes[0]!.endpoint as StubConfig, {
      clock,
      script: (call) => {
        calls.push(call);
        return run.script?.(call);
      },
    });
  }
  const ready = run.real ? tools : { ...tools, openEndpoint: openStub };
  const end = await runJob(run.change?.(ready) ?? ready, {
    bucket: 'bucket',
    key,
    etag: put?.etag,
    sequencer: '01',
    fallbackVersion: 'version',
    redrive: false,
  });
  const objects = contentOf(store);
  const outputKey = key.replace(/^input/, 'output');
  const json = <T>(suffix: string) => {
    const body = objects.get(`${outputKey}${suffix}`);
    return body === undefined ? undefined : (JSON.parse(body.toString()) as T);
  };
  return {
    end,
    output: objects.get(outputKey),
    rejects: objects.get(`${outputKey}.rejects.csv`)?.toString(),
    summary: json<Summary>('.summary.json'),
    error: json<ErrorDocument>('.error.json'),
    calls,
    objects,
    unfinishedUploadCount: store.unfinishedUploads.size,
  };
}

const lambdaFacts: LambdaFacts = {
  where: 'lambda',
  simulated: false,
  arch: 'arm64',
  memoryMb: 1769,
  ephemeralMb: 512,
  handlerMs: 1_234,
  initMs: 300,
  cpuMs: 900,
};

function contentOf(store: MemoryStore): Map<string, Buffer> {
  return new Map(
    [...store.objects]
      .filter(([, versions]) => versions[0] !== undefined && !versions[0].isDeleteMarker)
      .map(([key, versions]) => [key, versions[0]!.body]),
  );
}

/** What a stub is scripted with: an answer for each row, by the row's cells. */
export function answering(answer: (cells: readonly unknown[]) => object | undefined): NonNullable<StubDeps['script']> {
  return ({ rows }) => {
    const answers = rows.map((row) => answer(JSON.parse(row) as unknown[]));
    return answers.includes(undefined)
      ? { kind: 'bad-rows', status: 400 }
      : { kind: 'ok', answers: answers as object[] };
  };
}
