/** What happens before the framework reads serverless.yml: the configuration is read and checked, the build folder filled. */
import { readFile, rm } from 'node:fs/promises';
import { readConfig } from '../lib/config/read.ts';
import type { Config } from '../lib/config/types.ts';
import { TamisError } from '../lib/errors.ts';
import { fillBuildFolder } from './build-folder.ts';
import { checkDeployable } from './check-deployable.ts';
import { type ParameterName, type Parameters, readParameters } from './parameters.ts';
import { permissionResources, type Text } from './permissions.ts';

export interface PrepareRequest {
  readonly configFile: string;
  readonly stage: string;
  readonly region: string;
  readonly parameters: Readonly<Record<ParameterName, string>>;
  /** `deploy`: for the cloud, with every check. `offline`, `invoke`: on this machine. `neither`: no template is made (remove, info). */
  readonly purpose: 'deploy' | 'offline' | 'invoke' | 'neither';
  /** Variables that a function invoked here has besides its own. */
  readonly localEnvironment: Readonly<Record<string, string>>;
}

/** `custom.deployment` of serverless.yml. */
export interface Deployment {
  readonly purpose: PrepareRequest['purpose'];
  /** Lambda knows an ES module by its ending; `invoke local` looks for .js only, and package.json says what that is. */
  readonly moduleEnding: '.mjs' | '.js';
  readonly environment: Readonly<Record<string, string>>;
  readonly bucketKind: 'new' | 'existing';
  /** With `${AWS::…}` for CloudFormation to fill in, where the bucket is a new one. */
  readonly bucket: string;
  readonly bucketName: Text;
  readonly inputDays: number;
  readonly outputDays: number;
  readonly alarmActions: readonly string[];
  readonly permissions: Readonly<Record<string, object>>;
  readonly extensions: Readonly<Record<string, object>>;
}

/** Throws `config.missing`, and what `readConfig` throws. */
export async function readConfigFile(file: string): Promise<Config> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TamisError('config.missing', { file }, cause);
  });
  return readConfig(text, file);
}

function describe(request: PrepareRequest, parameters: Parameters, config: Config | undefined): Deployment {
  const prefix = `tamis-${request.stage}`;
  const bucket = parameters.bucket ?? `${prefix}-\${AWS::AccountId}-\${AWS::Region}`;
  return {
    purpose: request.purpose,
    moduleEnding: request.purpose === 'invoke' ? '.js' : '.mjs',
    environment: {
      TAMIS_STAGE: request.stage,
      TAMIS_METRICS: parameters.metrics ? 'on' : 'off',
      TAMIS_EVENTS: parameters.events ? 'on' : 'off',
      ...(request.purpose === 'invoke' ? request.localEnvironment : {}),
    },
    bucketKind: parameters.bucket === null ? 'new' : 'existing',
    bucket,
    bucketName: parameters.bucket ?? { 'Fn::Sub': bucket },
    inputDays: parameters.inputDays,
    outputDays: parameters.outputDays,
    alarmActions: parameters.alarmTopic === null ? [] : [parameters.alarmTopic],
    permissions: config === undefined ? {} : permissionResources({ ...parameters, config, bucket, prefix }),
    extensions:
      parameters.reservedConcurrency === null
        ? {}
        : { ClassifyLambdaFunction: { Properties: { ReservedConcurrentExecutions: parameters.reservedConcurrency } } },
  };
}

/** Throws `config.*`, `residency.*` or `local.parameter`. */
export async function prepare(request: PrepareRequest): Promise<Deployment> {
  const parameters = readParameters(request.parameters);
  if (parameters.bucket !== null && parameters.customerKey) {
    const found = 'on, with a bucket whose encryption is not ours';
    throw new TamisError('local.parameter', { name: 'customerKey', expected: 'off', found });
  }
  // With account and Region the bucket's name has to stay within 63 characters.
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(request.stage)) {
    throw new TamisError('local.parameter', {
      name: 'stage',
      expected: 'up to 24 lower-case letters, digits and hyphens',
      found: request.stage,
    });
  }
  if (request.purpose === 'neither') return describe(request, parameters, undefined);
  const config = await readConfigFile(request.configFile);
  const deployed = request.purpose === 'deploy';
  if (deployed) {
    checkDeployable(config, request.region, request.configFile);
    // What an interrupted run left there would be packaged too.
    await rm('.esbuild/deploy', { recursive: true, force: true });
  }
  await fillBuildFolder(config, request.configFile, request.region);
  return describe(request, parameters, config);
}
