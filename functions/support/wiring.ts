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
import type { Reporting } from './report.ts';

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

export const logger = makeLambdaLogger({ onBytes: () => undefined });
export const reporting: Reporting = {
  config,
  logger,
  metrics: env['TAMIS_METRICS'] === 'on',
  publishEvent: env['TAMIS_EVENTS'] === 'on' ? makeEventPublisher(region) : undefined,
  now: systemClock.now,
};

/** One job line and Lambda's START, END and REPORT lines, about. */
const plannedLogBytes = 1_500;
let isColdStart = true;

/** What one invocation knows; call it first thing in the handler, because the ledger's clock starts here. */
export function makeTools(
  bucket: string,
  context: Pick<Context, 'awsRequestId' | 'getRemainingTimeInMillis'>,
): JobTools {
  const startedMs = performance.now();
  const cpuBefore = isColdStart ? { user: 0, system: 0 } : process.cpuUsage();
  // Before the first handler, `performance.now()` is the time since the process started.
  const initMs = isColdStart ? startedMs : 0;
  isColdStart = false;
  return makeJobTools({
    config,
    clock: systemClock,
    holder: { requestId: context.awsRequestId, attempt: randomUUID(), retried: true },
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
    functionFacts: (): LambdaFacts => {
      const cpu = process.cpuUsage();
      return {
        where: 'lambda',
        simulated: offline,
        // The offline stack stands for the function as it is deployed, whatever this machine is.
        arch: offline || process.arch === 'arm64' ? 'arm64' : 'x86_64',
        memoryMb: Number(env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? 1769),
        ephemeralMb: Number(env['TAMIS_EPHEMERAL_STORAGE_MB'] ?? 512),
        handlerMs: performance.now() - startedMs,
        initMs,
        cpuMs: (cpu.user + cpu.system - cpuBefore.user - cpuBefore.system) / 1000,
      };
    },
    billsStorage: true,
    plannedLogBytes,
  });
}
