/** Picks the adapter of a route's endpoint. An adapter and its client are loaded only by the jobs that use them. */
import type { Clock } from '../clock.ts';
import type { EndpointConfig } from '../config/types.ts';
import { TamisError } from '../errors.ts';
import type { AnswerFields } from './answer.ts';
import type { OnnxDeps } from './onnx.ts';
import type { Secrets } from './secrets.ts';
import type { StubDeps } from './stub.ts';
import type { BatchDefaults, Endpoint, OnTraffic } from './types.ts';

export interface EndpointDeps {
  readonly clock: Clock;
  readonly secrets: Secrets;
  /** `answer` of the route. */
  readonly answer: AnswerFields;
  /** `batch.maxInFlight` of the route, where it states one: the size of the connection pool. */
  readonly maxInFlight?: number;
  /** The Region of the function or the command line, for services whose route states none. */
  readonly region?: string;
  readonly onTraffic?: OnTraffic | undefined;
  /** Needed by `onnx`. */
  readonly onnx?: OnnxDeps;
  /** For tests: see stub.ts. */
  readonly script?: StubDeps['script'];
}

/** Makes the endpoint without calling it. Throws `config.*` when the route's settings cannot work. */
export async function makeEndpoint(config: EndpointConfig, deps: EndpointDeps): Promise<Endpoint> {
  const poolSize = (defaults: BatchDefaults) => deps.maxInFlight ?? defaults.maxInFlight;
  switch (config.kind) {
    case 'mlflow': {
      const { makeMlflowEndpoint, mlflowDefaults } = await import('./mlflow.ts');
      return makeMlflowEndpoint(config, { ...deps, maxInFlight: poolSize(mlflowDefaults) });
    }
    case 'sagemaker': {
      const { makeSagemakerEndpoint, sagemakerDefaults } = await import('./sagemaker.ts');
      return makeSagemakerEndpoint(config, { ...deps, maxInFlight: poolSize(sagemakerDefaults) });
    }
    case 'onnx': {
      if (deps.onnx === undefined) throw new TamisError('config.model-unreadable', { model: config.model });
      const { makeOnnxEndpoint } = await import('./onnx.ts');
      return makeOnnxEndpoint(config, deps.onnx);
    }
    case 'stub': {
      const { makeStubEndpoint } = await import('./stub.ts');
      return makeStubEndpoint(config, {
        clock: deps.clock,
        ...(deps.script === undefined ? {} : { script: deps.script }),
      });
    }
  }
}
