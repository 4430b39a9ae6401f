import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Config, EndpointConfig, Route } from '../config/types.ts';
import { makeEndpoint } from '../endpoints/registry.ts';
import type { Secrets } from '../endpoints/secrets.ts';
import type { Endpoint } from '../endpoints/types.ts';
import { TamisError } from '../errors.ts';
import type { Planned, Requests } from '../job/account.ts';
import type { Holder } from '../job/claim.ts';
import type { JobProgress, JobTools, Storages } from '../job/run.ts';
import type { Factors } from '../ledger/factors.ts';
import type { Meter } from '../ledger/meter.ts';
import { writeReceipt } from '../ledger/receipt.ts';
import type { EndpointFacts, FunctionFacts } from '../ledger/types.ts';
import { parseS3Location, type S3Location } from '../storage/s3-location.ts';
import type { CountOperation } from '../storage/types.ts';
import { meterTraffic } from './traffic.ts';

/** Where a job runs: what a deployed function and the command line answer differently. */
export interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly holder: Holder;
  readonly deployed: boolean;
  /** Of the function; undefined on a machine outside the cloud. */
  readonly functionRegion: string | undefined;
  readonly remainingMs: () => number;
  readonly openStorages: (count: CountOperation) => Storages;
  readonly secrets: Secrets;
  /** Files that routes name are relative to it. */
  readonly filesFolder: string;
  readonly readObject: (location: S3Location) => Promise<Buffer>;
  /** Where the worker and the runtime of embedded models lie in a bundle; undefined where they lie in the tree. */
  readonly onnxFolder?: string;
  /** Where a model from the package is loaded once for all jobs of a process. */
  readonly keptEndpoints?: KeptEndpoints;
  readonly factors: Factors;
  readonly functionFacts: () => FunctionFacts;
  /** The storages whose requests are billed; a folder's are not. */
  readonly billedStorages: readonly (keyof Storages)[];
  readonly sizeReport?: NonNullable<JobTools['sizeReport']>;
  readonly onProgress?: (progress: JobProgress) => void;
}

/** Endpoints that outlive their job, by model file. */
export type KeptEndpoints = Map<string, Promise<Endpoint>>;

export function makeJobTools(surroundings: Surroundings): JobTools {
  const { config, deployed, functionRegion } = surroundings;
  return {
    ...surroundings,
    hostOf: (route) => placeOf(route.endpoint, functionRegion),
    openEndpoint: (route, count) => keepOrOpen(surroundings, route, count),
    writeReceipt: (route, usage, classifiedCount, planned) =>
      writeReceipt({
        usage,
        planned: plannedUsage(surroundings, planned),
        function: longerBy(surroundings.functionFacts(), planned.durationMs),
        endpoint: route?.endpoint ?? noEndpoint,
        classifiedCount,
        factors: surroundings.factors,
        currency: config.ledger,
      }),
    deployed,
  };
}

/** Of an object under no route. */
const noEndpoint: EndpointFacts = { kind: 'none' };

function plannedUsage({ billedStorages }: Surroundings, { requests, report }: Planned) {
  const sum = (operation: keyof Requests): number =>
    billedStorages.reduce((total, storage) => total + requests[storage][operation], 0);
  return [
    { resource: 's3.put', quantity: sum('puts') },
    { resource: 's3.get', quantity: sum('gets') },
    { resource: 's3.list', quantity: sum('lists') },
    { resource: 's3.delete', quantity: sum('deletes') },
    { resource: 'logs.ingested', quantity: report.logBytes },
    { resource: 'events.published', quantity: report.eventCount },
  ] as const;
}

/** The function is paid until the last request that follows the receipt is answered. */
function longerBy(facts: FunctionFacts, durationMs: number): FunctionFacts {
  return facts.where === 'lambda' ? { ...facts, handlerMs: facts.handlerMs + durationMs } : facts;
}

/** Where the endpoint of a route is, by its configuration. */
function placeOf(endpoint: EndpointConfig, functionRegion: string | undefined): ReturnType<JobTools['hostOf']> {
  if (endpoint.kind === 'onnx' || endpoint.kind === 'stub') return 'inside';
  if (endpoint.url !== undefined) return { host: new URL(endpoint.url).host };
  if (endpoint.kind === 'sagemaker')
    return { region: endpoint.region ?? functionRegion ?? 'no Region', name: 'the endpoint' };
  throw new TamisError('residency.unknown', { what: 'the endpoint' });
}

/** A kept endpoint is not closed by the job that used it. A model from a bucket may be another one the next time. */
async function keepOrOpen(surroundings: Surroundings, route: Route, count: Meter['add']): Promise<Endpoint> {
  const { keptEndpoints } = surroundings;
  const { endpoint } = route;
  if (keptEndpoints === undefined || endpoint.kind !== 'onnx' || parseS3Location(endpoint.model) !== undefined)
    return openEndpoint(surroundings, route, count);
  const name = JSON.stringify([endpoint.model, endpoint.outputs]);
  const kept = keptEndpoints.get(name) ?? openEndpoint(surroundings, route, count);
  keptEndpoints.set(name, kept);
  kept.catch(() => keptEndpoints.delete(name));
  return { ...(await kept), close: async () => undefined };
}

async function openEndpoint(surroundings: Surroundings, route: Route, count: Meter['add']): Promise<Endpoint> {
  const { clock, secrets, functionRegion, filesFolder, onnxFolder } = surroundings;
  const { endpoint } = route;
  if (endpoint.kind === 'stub' && surroundings.deployed)
    throw new TamisError('config.unsupported', { file: 'the packaged configuration', paths: ['endpoint.kind: stub'] });
  return makeEndpoint(withLocalFiles(endpoint, filesFolder), {
    clock,
    secrets,
    answer: route.answer,
    onTraffic: meterTraffic(placeOf(endpoint, functionRegion), functionRegion, count),
    ...(route.batch.maxInFlight === undefined ? {} : { maxInFlight: route.batch.maxInFlight }),
    ...(functionRegion === undefined ? {} : { region: functionRegion }),
    onnx: {
      loadModel: () => readModel(surroundings, endpoint.model ?? ''),
      ...(onnxFolder === undefined
        ? {}
        : { workerFile: join(onnxFolder, 'onnx-worker.mjs'), wasmFolder: `${onnxFolder}/` }),
    },
  });
}

/** Certificates named by file are looked for where the configuration's files are; references are left to the secrets. */
function withLocalFiles(endpoint: EndpointConfig, filesFolder: string): EndpointConfig {
  if (endpoint.kind !== 'mlflow' || endpoint.tls === undefined || /^(env|ssm|file):/.test(endpoint.tls.ca))
    return endpoint;
  return { ...endpoint, tls: { ca: resolve(filesFolder, endpoint.tls.ca) } };
}

/** Throws `config.model-unreadable`, or what the storage throws. */
async function readModel({ filesFolder, readObject }: Surroundings, model: string): Promise<Buffer> {
  const location = parseS3Location(model);
  if (location !== undefined) return readObject(location);
  try {
    return await readFile(resolve(filesFolder, model));
  } catch (cause) {
    throw new TamisError('config.model-unreadable', { model }, cause);
  }
}
