import { describe, expect, it } from '@jest/globals';
import type { EndpointConfig } from '../../../lib/config/types.ts';
import { makeEndpoint } from '../../../lib/endpoints/registry.ts';
import { makeSecrets } from '../../../lib/endpoints/secrets.ts';

const deps = {
  clock: { now: () => 0, monotonicMs: () => 0, sleep: async () => {}, random: () => 0 },
  secrets: makeSecrets({ environment: {} }),
  answer: { prediction: null, score: null },
  onnx: { loadModel: async () => Buffer.alloc(0) },
};

describe('makeEndpoint', () => {
  it.each<[EndpointConfig, string]>([
    [{ kind: 'stub', labels: ['a'] }, 'json'],
    [{ kind: 'onnx', model: 'm.onnx' }, 'cells'],
    [{ kind: 'sagemaker', name: 'n' }, 'csv'],
    [{ kind: 'mlflow', url: 'http://localhost/invocations', format: 'auto', auth: { scheme: 'none' } }, 'json'],
    [{ kind: 'mlflow', url: 'http://localhost/invocations', format: 'csv', auth: { scheme: 'none' } }, 'csv'],
  ])('makes the adapter of %j, which takes rows as %s', async (config, rowFormat) => {
    const endpoint = await makeEndpoint({ ...config, timeoutMs: 1234 }, deps);

    expect(endpoint.kind).toBe(config.kind);
    expect(endpoint.rowFormat).toBe(rowFormat);
    expect(endpoint.defaults.timeoutMs).toBe(1234);
    await endpoint.close();
  });

  it('refuses an embedded model when there is no way to load one', async () => {
    const { onnx: _, ...without } = deps;

    await expect(makeEndpoint({ kind: 'onnx', model: 'm.onnx' }, without)).rejects.toMatchObject({
      code: 'config.model-unreadable',
    });
  });
});
