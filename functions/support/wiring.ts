/** The only reader of the environment: puts together what a job needs inside a function. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Context } from 'aws-lambda';
import { parsePackagedConfig } from '../../lib/config/packaged.ts';
import { makeSecrets } from '../../lib/endpoints/secrets.ts';
import { makeSsmReader } from '../../lib/endpoints/ssm.ts';
import type { JobTools } from '../../lib/job/run.ts';
import type { Factors } from '../../lib/ledger/factors.ts';
import type { LambdaFacts } from '../../lib/ledger/types.ts';
import { makeLambdaLogger } from '../../lib/privacy/logger.ts';
import { type KeptEndpoints, makeJobTools } from '../../lib/setup/job-tools.ts';
import { systemClock } from '../../lib/setup/system-clock.ts';
import { makeS3Connection, makeS3Storage } from '../../lib/storage/s3.ts';
import { makeEventPublisher } from './events.ts';
import { type Reporting, sizeReport } from './report.ts';

const { env } = process;
/** The framework's offline stack sets it; there the function only simulates a deployed one. */
const offline = env['IS_OFFLINE'] === 'true' || env['IS_LOCAL'] === 'true';
const region = env['AWS_REGION'] ?? 'eu-west-3';
/** What `npm run package` put beside the code. */
const buildFolder = join(process.cwd(), '.tamis', 'build');
const readBuilt = (name: string): string => readFileSync(join(buildFolder, name), 'utf8');

const config = parsePackagedConfig(readBuilt('config.json'));
const factors = JSON.parse(readBuilt('factors.json')) as Factors;
const connection = makeS3Connection({
  region,
  ...(env['AWS_ENDPOINT_URL_S3'] === undefined ? {} : { endpoint: env['AWS_ENDPOINT_URL_S3'], forcePathStyle: true }),
});
/** Embedded models stay loaded as long as the sandbox lives. */
const keptEndpoints: KeptEndpoints = new Map();

const logger = makeLambdaLogger();
export const reporting: Reporting = {
  config,
  logger,
  metrics: env['TAMIS_METRICS'] === 'on',
  publishEvent: env['TAMIS_EVENTS'] === 'on' ? makeEventPublisher(region) : undefined,
  now: systemClock.now,
};

interface StartUp {
  readonly durationMs: number;
  /** User and system. */
  readonly cpuMs: number;
}

const cpuMs = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1000;

/** Taken at the end of this file: what comes before the first event, and is not loading, is nobody's. */
function measureStartUp(): StartUp {
  const loadingMs = cpuMs(process.cpuUsage());
  // Offline the thread may have waited for its first event before it loaded anything; what it computed is the loading.
  return { durationMs: offline ? cpuMs(process.threadCpuUsage()) : performance.now(), cpuMs: loadingMs };
}

const noStartUp: StartUp = { durationMs: 0, cpuMs: 0 };
/** What one object of an event is worked on with. Another request id: of the invocation in whose name it is. */
export type MakeTools = (bucket: string, requestId?: string) => JobTools;

/**
 * Call it first thing in the handler, because the ledger's clock starts here. Start-up and request are one for all objects of
 * an event: they are on the receipt of the first.
 */
export function startInvocation(context: Context): MakeTools {
  logger.startInvocation(context);
  let startUp = unchargedStartUp;
  unchargedStartUp = noStartUp;
  let objectCount = 0;
  return (bucket, requestId = context.awsRequestId) => {
    const tools = makeTools(bucket, requestId, context, { startUp, sharesInvocation: objectCount > 0 });
    startUp = noStartUp;
    objectCount += 1;
    return tools;
  };
}

interface Share {
  readonly startUp: StartUp;
  readonly sharesInvocation: boolean;
}

function makeTools(
  bucket: string,
  requestId: string,
  context: Context,
  { startUp, sharesInvocation }: Share,
): JobTools {
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  return makeJobTools({
    config,
    clock: systemClock,
    holder: { requestId, attempt: randomUUID(), retried: true },
    deployed: !offline,
    functionRegion: region,
    remainingMs: () => context.getRemainingTimeInMillis(),
    openStorages: (count) => {
      const storage = makeS3Storage({ connection, bucket, count });
      return { inputs: storage, outputs: storage, claims: storage };
    },
    // Read anew in each invocation: a secret that was rotated must not fail every file until the sandbox dies.
    secrets: makeSecrets({ environment: env, readParameter: makeSsmReader({ region }) }),
    keptEndpoints,
    filesFolder: join(buildFolder, 'files'),
    readObject: async ({ bucket: from, key }) =>
      buffer((await makeS3Storage({ connection, bucket: from }).read(key)).body),
    onnxFolder: buildFolder,
    factors,
    functionFacts: (): LambdaFacts => ({
      where: 'lambda',
      simulated: offline,
      // The offline stack stands for the function as it is deployed, whatever this machine is.
      arch: offline || process.arch === 'arm64' ? 'arm64' : 'x86_64',
      memoryMb: Number(env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? 1769),
      ephemeralMb: Number(env['TAMIS_EPHEMERAL_STORAGE_MB'] ?? 512),
      handlerMs: performance.now() - startedMs,
      initMs: startUp.durationMs,
      // Offline the process is also the bucket's and the framework's.
      cpuMs: offline ? null : startUp.cpuMs + cpuMs(process.cpuUsage(cpuBefore)),
      sharesInvocation,
    }),
    billedStorages: ['inputs', 'outputs', 'claims'],
    sizeReport: (end) => sizeReport(reporting, end),
  });
}

/** Goes to the first invocation. The last thing that loading does. */
let unchargedStartUp = measureStartUp();
