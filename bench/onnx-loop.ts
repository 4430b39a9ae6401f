/** The peer: the ONNX Runtime in a worker of its own, asked for batch after batch of tensors that were made beforehand. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-web';

export interface LoopWork {
  readonly model: Uint8Array;
  readonly batchRows: number;
  readonly columnCount: number;
  /** Row by row: a model takes longer for rows that differ. */
  readonly values: Float32Array;
}

/** Rows a second, loading the model left out. */
export async function onnxLoop(work: LoopWork): Promise<number> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: work });
  const [rowsPerSecond] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  return rowsPerSecond;
}

async function run({ model, batchRows, columnCount, values }: LoopWork): Promise<number> {
  ort.env.logLevel = 'fatal';
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model);
  const [name = ''] = session.inputNames;
  const batchValues = batchRows * columnCount;
  const startedMs = performance.now();
  for (let start = 0; start < values.length; start += batchValues) {
    const data = values.subarray(start, start + batchValues);
    await session.run({ [name]: new ort.Tensor('float32', data, [data.length / columnCount, columnCount]) });
  }
  return values.length / columnCount / ((performance.now() - startedMs) / 1000);
}

if (!isMainThread) parentPort?.postMessage(await run(workerData as LoopWork));
