/**
 * Runs an ONNX model in a thread of its own, so that the event loop never waits for it. Started by onnx.ts only.
 * https://onnxruntime.ai/docs/api/js/ (onnxruntime-web 1.30, read 2026-11).
 */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-web';

export interface OnnxWorkerData {
  /** Folder of `ort-wasm-simd-threaded.{mjs,wasm}`, where they do not lie beside the runtime itself (in a bundle). */
  readonly wasmFolder?: string;
}

export interface OnnxInput {
  readonly name: string;
  readonly type: string;
  readonly data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | string[];
  readonly dims: readonly number[];
}

export type OnnxRequest =
  | { readonly id: number; readonly kind: 'load'; readonly model: Uint8Array }
  | {
      readonly id: number;
      readonly kind: 'run';
      readonly inputs: readonly OnnxInput[];
      readonly label?: string;
      readonly scores?: string;
    };

/** One input or output of the model. `shape` is empty when it is unknown; a dimension that may vary is -1. */
export interface OnnxValue {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type: string;
  readonly shape: readonly number[];
}

export interface OnnxSignature {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxResult {
  /** Labels of the rows: numbers, or positions in `classes` when there are `classes`. */
  readonly labels?: Float64Array;
  readonly classes?: readonly (string | boolean)[];
  /** Row-major; its length divided by the rows is the number of classes. */
  readonly scores?: Float32Array | Float64Array;
}

/** Why something failed is not told: the runtime's messages may quote what it was given. */
export type OnnxReply =
  | { readonly id: number; readonly signature: OnnxSignature }
  | { readonly id: number; readonly result: OnnxResult }
  | { readonly id: number; readonly failed: true };

for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
const { wasmFolder } = (workerData ?? {}) as OnnxWorkerData;
ort.env.logLevel = 'fatal';
ort.env.wasm.numThreads = 1;
if (wasmFolder !== undefined) ort.env.wasm.wasmPaths = pathToFileURL(`${wasmFolder}/`).href;

let session: ort.InferenceSession | undefined;
let queue: Promise<void> = Promise.resolve();

parentPort!.on('message', (request: OnnxRequest) => {
  // One at a time: a session does not run twice at once.
  queue = queue.then(() => reply(request));
});

async function reply(request: OnnxRequest): Promise<void> {
  const { id } = request;
  try {
    if (request.kind === 'load') {
      send({ id, signature: await load(request.model) });
      return;
    }
    const result = await run(request);
    send({ id, result }, result);
  } catch {
    send({ id, failed: true });
  }
}

function send(message: OnnxReply, result: OnnxResult = {}): void {
  const buffers = [result.labels?.buffer, result.scores?.buffer].filter((buffer) => buffer instanceof ArrayBuffer);
  parentPort!.postMessage(message, buffers);
}

async function load(model: Uint8Array): Promise<OnnxSignature> {
  session = await ort.InferenceSession.create(model);
  return { inputs: session.inputMetadata.map(describeValue), outputs: session.outputMetadata.map(describeValue) };
}

/** What the runtime says for "unknown" when a dimension has no name. */
const unnamedDimension = 2 ** 32 - 1;

function describeValue(metadata: ort.InferenceSession.ValueMetadata): OnnxValue {
  const { name } = metadata;
  if (!metadata.isTensor) return { name, isTensor: false, type: '', shape: [] };
  const shape = metadata.shape.map((size) => (typeof size === 'number' && size < unnamedDimension ? size : -1));
  return { name, isTensor: true, type: metadata.type, shape };
}

async function run(request: Extract<OnnxRequest, { kind: 'run' }>): Promise<OnnxResult> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const { name, type, data, dims } of request.inputs) {
    feeds[name] = new ort.Tensor(type as 'float32', data as Float32Array, dims);
  }
  const { label, scores } = request;
  const outputs = await session!.run(
    feeds,
    [label, scores].filter((name) => name !== undefined),
  );
  return {
    ...(label === undefined ? {} : readLabels(outputs[label]!)),
    // A copy: the runtime's own memory cannot leave this thread.
    ...(scores === undefined ? {} : { scores: (outputs[scores]!.data as Float32Array).slice() }),
  };
}

function readLabels({ data }: ort.Tensor): OnnxResult {
  const labels = new Float64Array(data.length);
  if (!Array.isArray(data)) {
    for (let row = 0; row < labels.length; row += 1) labels[row] = Number(data[row]);
    return { labels };
  }
  const positions = new Map<string, number>();
  for (let row = 0; row < labels.length; row += 1) {
    const name = data[row] as string;
    let position = positions.get(name);
    if (position === undefined) positions.set(name, (position = positions.size));
    labels[row] = position;
  }
  return { labels, classes: [...positions.keys()] };
}
