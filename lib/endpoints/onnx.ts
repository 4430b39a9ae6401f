/**
 * A model inside the function: ONNX on WebAssembly, in a worker thread. Nothing leaves the machine, nothing is billed but the function.
 * https://onnxruntime.ai/docs/api/js/ (onnxruntime-web 1.30, read 2026-11). Usage is the function's own time.
 */
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { OnnxConfig } from '../config/types.ts';
import type { Cell, Feature } from '../csv/types.ts';
import { TamisError } from '../errors.ts';
import { encodeInputs, layoutFor, type OnnxLayout } from './onnx-inputs.ts';
import { type OnnxPlan, readPlan, typeOf } from './onnx-signature.ts';
import type { OnnxReply, OnnxRequest, OnnxResult, OnnxWorkerData } from './onnx-worker.ts';
import type { BatchDefaults, CallOptions, Endpoint, ModelDescription, Outcome, RawAnswer } from './types.ts';

export interface OnnxDeps {
  /** The model's bytes, from the package or from S3. Its rejection becomes `config.model-unreadable` unless it is an error of ours. */
  readonly loadModel: () => Promise<Buffer>;
  /** The worker's file, where it does not lie beside this one (in a bundle). */
  readonly workerFile?: URL | string;
  /** Folder of the runtime's `.mjs` and `.wasm`, likewise. */
  readonly wasmFolder?: string;
}

/** Larger batches gain little: the runtime does 260,000 rows/s at 100 rows and 276,000 at 1,000. Calls in flight only keep it busy. */
export const onnxDefaults: BatchDefaults = { maxRows: 1000, maxBytes: 4_000_000, maxInFlight: 4, timeoutMs: 60_000 };

type Settle = (reply: OnnxReply | undefined) => void;
type RequestOf<R> = R extends OnnxRequest ? Omit<R, 'id'> : never;

/** One worker and the calls that it has not answered. */
function startWorker({ workerFile, wasmFolder }: OnnxDeps, onGone: () => void) {
  const pending = new Map<number, Settle>();
  const workerData: OnnxWorkerData = wasmFolder === undefined ? {} : { wasmFolder };
  const file = workerFile ?? new URL('./onnx-worker.ts', import.meta.url);
  // What the runtime prints may hold values: it is kept from this process's output, and dropped by the worker itself, because
  // reading the streams here would keep the process alive as long as the worker.
  const worker = new Worker(file, { workerData, stdout: true, stderr: true });
  worker.unref();
  let lastId = 0;

  function settle(id: number, reply: OnnxReply | undefined): void {
    const done = pending.get(id);
    pending.delete(id);
    if (pending.size === 0) worker.unref();
    done?.(reply);
  }
  function lose(): void {
    onGone();
    for (const id of [...pending.keys()]) settle(id, undefined);
  }
  worker.on('message', (reply: OnnxReply) => settle(reply.id, reply));
  worker.on('error', lose);
  worker.on('exit', lose);

  return {
    /** Resolves with undefined when the worker was lost. */
    ask(request: RequestOf<OnnxRequest>, buffers: readonly ArrayBuffer[]): Promise<OnnxReply | undefined> {
      return new Promise((resolve) => {
        lastId += 1;
        pending.set(lastId, resolve);
        worker.ref();
        worker.postMessage({ ...request, id: lastId }, [...buffers]);
      });
    },
    stop: () => worker.terminate(),
  };
}

export function makeOnnxEndpoint(config: OnnxConfig, deps: OnnxDeps): Endpoint<'cells'> {
  let loading: ReturnType<typeof load> | undefined;
  let layoutOf: { readonly features: readonly Feature[]; readonly layout: OnnxLayout } | undefined;

  async function load() {
    const bytes = await readModel();
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const worker = startWorker(deps, () => {
      loading = undefined;
    });
    // A buffer of its own, so that it can be handed over.
    const model = new Uint8Array(bytes);
    const reply = await worker.ask({ kind: 'load', model }, [model.buffer]);
    if (reply === undefined || !('signature' in reply)) {
      await worker.stop();
      throw new TamisError('config.model-unreadable', { model: config.model });
    }
    try {
      return { worker, digest, plan: readPlan(config, reply.signature) };
    } catch (error) {
      await worker.stop();
      throw error;
    }
  }

  async function readModel(): Promise<Buffer> {
    try {
      return await deps.loadModel();
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'TamisError') throw cause;
      throw new TamisError('config.model-unreadable', { model: config.model }, cause);
    }
  }

  function ready() {
    if (loading === undefined) {
      loading = load();
      // What could not be loaded is tried again by the next job.
      loading.catch(() => {
        loading = undefined;
      });
    }
    return loading;
  }

  function findLayout(plan: OnnxPlan, features: readonly Feature[]): OnnxLayout {
    if (layoutOf?.features !== features) layoutOf = { features, layout: layoutFor(plan, features) };
    return layoutOf.layout;
  }

  return {
    kind: 'onnx',
    rowFormat: 'cells',
    defaults: { ...onnxDefaults, timeoutMs: config.timeoutMs ?? onnxDefaults.timeoutMs },
    async describe(): Promise<ModelDescription> {
      const { digest, plan } = await ready();
      const name = config.model.split('/').at(-1)!;
      const model = {
        name,
        ...(config.version === undefined ? {} : { version: config.version }),
        digest,
        reported: true,
      };
      if (plan.layout === 'columns') {
        return { model, types: Object.fromEntries(plan.inputs.map((input) => [input.name, typeOf(input)])) };
      }
      return { model, everyType: typeOf(plan.input) };
    },
    async classify(
      features: readonly Feature[],
      rows: readonly (readonly Cell[])[],
      options: CallOptions,
    ): Promise<Outcome> {
      const { worker, plan } = await ready();
      const inputs = encodeInputs(findLayout(plan, features), rows);
      if (inputs === undefined) return { kind: 'bad-rows', status: 0 };
      const { label, scores } = plan;
      const asked = worker.ask(
        {
          kind: 'run',
          inputs,
          ...(label === undefined ? {} : { label }),
          ...(scores === undefined ? {} : { scores }),
        },
        inputs.flatMap(({ data }) => (Array.isArray(data) ? [] : [data.buffer as ArrayBuffer])),
      );
      const reply = await orGiveUp(asked, options);
      if (reply === undefined) return { kind: 'transient', status: 0 };
      return 'result' in reply ? readResult(reply.result, rows.length) : { kind: 'bad-rows', status: 0 };
    },
    async close() {
      const loaded = await loading?.catch(() => undefined);
      await loaded?.worker.stop();
    },
  };
}

/** A run cannot be broken off; only the wait for it can. */
function orGiveUp<T>(asked: Promise<T>, { signal, timeoutMs }: CallOptions): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => settle(() => resolve(undefined));
    const timer = setTimeout(giveUp, timeoutMs);
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      done();
    };
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
    asked.then((value) => settle(() => resolve(value)), reject);
  });
}

function readResult({ labels, classes, scores }: OnnxResult, rowCount: number): Outcome {
  const classCount = scores === undefined ? 0 : scores.length / rowCount;
  if (!Number.isInteger(classCount) || (labels !== undefined && labels.length !== rowCount)) {
    return { kind: 'protocol', status: 0 };
  }
  const answers: RawAnswer[] = new Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) {
    const probabilities = scores === undefined ? undefined : readRow(scores, row * classCount, classCount);
    if (probabilities === 'not-a-number') {
      // Whatever class comes with it was not computed from the row.
      answers[row] = {};
      continue;
    }
    const label = labels === undefined ? {} : { label: classes === undefined ? labels[row]! : classes[labels[row]!]! };
    answers[row] = probabilities === undefined ? label : { ...label, probabilities };
  }
  return { kind: 'ok', answers };
}

/** undefined when one of the scores is no probability, as the margins of a support vector machine are none. */
function readRow(
  scores: Float32Array | Float64Array,
  start: number,
  count: number,
): number[] | 'not-a-number' | undefined {
  const probabilities: number[] = new Array(count);
  let isInRange = true;
  for (let index = 0; index < count; index += 1) {
    const score = scores[start + index]!;
    if (Number.isNaN(score)) return 'not-a-number';
    if (score < -1e-6 || score > 1 + 1e-6) isInRange = false;
    probabilities[index] = Math.min(1, Math.max(0, score));
  }
  return isInRange ? probabilities : undefined;
}
