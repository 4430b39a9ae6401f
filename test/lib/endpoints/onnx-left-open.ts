/** A program of its own that asks a model once, leaves it open and says how the answer went. */
import { readFile } from 'node:fs/promises';
import { makeOnnxEndpoint } from '../../../lib/endpoints/onnx.ts';

const endpoint = makeOnnxEndpoint(
  { kind: 'onnx', model: 'models/tensor.onnx' },
  { loadModel: () => readFile(new URL('models/tensor.onnx', import.meta.url)) },
);
const features = ['a', 'b', 'c', 'd'].map((name, index) => ({ index, column: name, name, type: 'number' as const }));
const options = { signal: new AbortController().signal, timeoutMs: 30_000 };
const { kind } = await endpoint.classify(features, [[1, 2, 3, 4]], options);
process.stdout.write(kind);
