/** The peer: the ONNX Runtime in a worker of its own, asked for the same batch again and again; nothing is read or written. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-web';

export interface LoopWork {
  readonly model: Uint8Array;
  readonly batchRows: number;
  readonly columnCount: number;
  readonly rowCount: number;
}

/** Rows a second, loading the model left out. */
export async function onnxLoop(work: LoopWork): Promise<number> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: work });
  const [rowsPerSecond] = (await once(worker, 'message')) as [number];
  await worker.terminate();
  return rowsPerSecond;
}

async function run({ model, batchRows, columnCount, rowCount }: LoopWork): Promise<number> {
  ort.env.logLevel = 'fatal';
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model);
  const data = Float32Array.from({ length: batchRows * columnCount }, (_, index) => (index % 97) / 3);
  const input = new ort.Tensor('float32', data, [batchRows, columnCount]);
  const feeds = { [session.inputNames[0]!]: input };
  const startedMs = performance.now();
  for (let rows = 0; rows < rowCount; rows += batchRows) await session.run(feeds);
  return rowCount / ((performance.now() - startedMs) / 1000);
}

if (!isMainThread) parentPort?.postMessage(await run(workerData as LoopWork));
