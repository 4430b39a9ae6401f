/**
 * Plugin for osls with serverless-offline: a local S3 whose ObjectCreated events invoke the functions of serverless.yml, as AWS
 * would. Settings, all optional, in serverless.yml under `custom.tamis.offline`, or in the environment, which wins:
 *   s3Port        TAMIS_S3_PORT          4569
 *   folder        TAMIS_S3_FOLDER        .tamis/s3
 *   buckets       TAMIS_S3_BUCKETS       [tamis-local]     (comma-separated in the environment)
 *   retryDelaysMs TAMIS_RETRY_DELAYS_MS  [60000, 120000]   (likewise)
 *   maxConcurrent                        4
 */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { AWS_RETRY_DELAYS_MS, type EventPump, type FailedAttempt, makeEventPump } from './events.ts';
import { invokeLambda, REQUEST_ID } from './lambda-api.ts';
import type { ObjectCreated } from './s3/notification.ts';
import { type S3Server, startS3Server } from './s3/server.ts';
import { type FunctionFacts, makeTarget, matches, readTriggers, type ServiceFacts, type Trigger } from './triggers.ts';

/** What is used of the framework. */
interface Serverless {
  readonly serviceDir: string;
  readonly service: {
    readonly provider: { readonly region: string };
    readonly functions: Readonly<Record<string, FunctionFacts>>;
    readonly resources?: { readonly Resources?: Readonly<Record<string, unknown>> };
    readonly custom?: {
      readonly tamis?: { readonly offline?: OfflineSettings };
      readonly 'serverless-offline'?: { readonly lambdaPort?: number };
    };
  };
  getProvider(name: 'aws'): { readonly naming: { getLambdaLogicalId(functionKey: string): string } };
}

interface OfflineSettings {
  readonly s3Port?: number;
  readonly folder?: string;
  readonly buckets?: readonly string[];
  readonly retryDelaysMs?: readonly number[];
  readonly maxConcurrent?: number;
}

interface Log {
  readonly notice: (text: string) => void;
  readonly warning: (text: string) => void;
}

const { env } = process;

export default class OfflinePlugin {
  readonly hooks: Readonly<Record<string, () => Promise<void>>>;
  readonly #serverless: Serverless;
  readonly #options: { readonly lambdaPort?: number | string };
  readonly #log: Log;
  #server: S3Server | undefined;
  #pump: EventPump | undefined;

  constructor(
    serverless: Serverless,
    options: { readonly lambdaPort?: number | string },
    { log }: { readonly log: Log },
  ) {
    this.#serverless = serverless;
    this.#options = options;
    this.#log = log;
    const start = () => this.#start();
    this.hooks = {
      'before:offline:start': start,
      'before:offline:start:init': start,
      'before:offline:start:end': () => this.#stop(),
    };
  }

  async #start(): Promise<void> {
    const { service } = this.#serverless;
    const settings = readSettings(service.custom?.tamis?.offline ?? {});
    const { region } = service.provider;
    const facts: ServiceFacts = {
      region,
      functions: service.functions,
      resources: service.resources?.Resources ?? {},
      logicalId: (key) => this.#serverless.getProvider('aws').naming.getLambdaLogicalId(key),
    };
    const triggers = readTriggers(facts, settings.buckets);
    const lambdaPort = Number(this.#options.lambdaPort ?? service.custom?.['serverless-offline']?.lambdaPort ?? 3002);

    await keepRequestIds();
    const pump = makeEventPump({
      clock: { now: Date.now, sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }) },
      invoke: (invocation) => invokeLambda(lambdaPort, invocation),
      newRequestId: randomUUID,
      retryDelaysMs: settings.retryDelaysMs,
      maxConcurrent: settings.maxConcurrent,
      onFailedAttempt: (failure) => this.#report(failure),
    });
    this.#pump = pump;
    this.#server = await startS3Server({
      port: settings.s3Port,
      folder: resolve(this.#serverless.serviceDir, settings.folder),
      buckets: settings.buckets,
      region,
      onObjectCreated: (created) => submitAll(facts, triggers, pump, created),
      onInternalError: (error) => this.#log.warning(`S3: ${error instanceof Error ? error.message : 'internal error'}`),
    });
    leadToLocalBucket(this.#server.port);
    this.#log.notice(`S3 API on http://127.0.0.1:${this.#server.port}, buckets: ${settings.buckets.join(', ')}`);
    if (triggers.length === 0) this.#log.warning('No function of serverless.yml listens to a bucket');
  }

  #report({ functionName, attempt, wasReached, nextInMs }: FailedAttempt): void {
    const what = wasReached ? 'failed' : 'could not be reached';
    const next = nextInMs === undefined ? 'no more tries' : `next try in ${nextInMs / 1000} s`;
    this.#log.warning(`${functionName} ${what}, try ${attempt}; ${next}`);
  }

  async #stop(): Promise<void> {
    this.#pump?.close();
    await this.#server?.close();
  }
}

/** serverless-offline hands variables that begin with AWS_ on to the functions. */
function leadToLocalBucket(port: number): void {
  env['AWS_ENDPOINT_URL_S3'] ??= `http://127.0.0.1:${port}`;
  if (env['AWS_PROFILE'] !== undefined || env['AWS_ACCESS_KEY_ID'] !== undefined) return;
  env['AWS_ACCESS_KEY_ID'] = 'local';
  env['AWS_SECRET_ACCESS_KEY'] = 'local';
}

function submitAll(facts: ServiceFacts, triggers: readonly Trigger[], pump: EventPump, created: ObjectCreated): void {
  for (const trigger of triggers) {
    if (matches(trigger, created))
      pump.submit(
        makeTarget(facts, trigger.functionKey, () => pump),
        created.event,
      );
  }
}

function readSettings(settings: OfflineSettings): Required<OfflineSettings> {
  const list = (name: string) => env[name]?.split(',').filter((item) => item !== '');
  return {
    s3Port: Number(env['TAMIS_S3_PORT'] ?? settings.s3Port ?? 4569),
    folder: env['TAMIS_S3_FOLDER'] ?? settings.folder ?? join('.tamis', 's3'),
    buckets: list('TAMIS_S3_BUCKETS') ?? settings.buckets ?? ['tamis-local'],
    retryDelaysMs: list('TAMIS_RETRY_DELAYS_MS')?.map(Number) ?? settings.retryDelaysMs ?? AWS_RETRY_DELAYS_MS,
    maxConcurrent: settings.maxConcurrent ?? 4,
  };
}

interface LambdaContextClass {
  readonly prototype: { create(): { clientContext?: { custom?: Record<string, string> } } };
}

/**
 * Lambda keeps the request id over the tries of one event; serverless-offline makes a new one for every invocation. The id
 * travels in the client context, and becomes the context's own here, so that functions need not know where they run.
 * There is no public way: this reaches into serverless-offline 14.
 */
async function keepRequestIds(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('serverless-offline');
  const path = pathToFileURL(join(dirname(entry), 'lambda', 'LambdaContext.js')).href;
  const { default: LambdaContext } = (await import(path)) as { readonly default: LambdaContextClass };
  const { create } = LambdaContext.prototype;
  LambdaContext.prototype.create = function createWithRequestId(this: unknown) {
    const context = create.call(this as LambdaContextClass['prototype']);
    const awsRequestId = context.clientContext?.custom?.[REQUEST_ID];
    return awsRequestId === undefined ? context : { ...context, awsRequestId, clientContext: undefined };
  } as LambdaContextClass['prototype']['create'];
}
