import { describe, expect, it } from '@jest/globals';
import { parsePackagedConfig } from '../../../lib/config/packaged.ts';
import { readConfig } from '../../../lib/config/read.ts';

const config = readConfig(
  'version: 1\nroutes: [{ name: a, input: input/a, features: "*", tags: { "é": "\\u2028" }, endpoint: { kind: stub, labels: [x] } }]',
  'tamis.yml',
);

describe('parsePackagedConfig', () => {
  it('gives back what was packaged', () => {
    expect(parsePackagedConfig(JSON.stringify(config))).toEqual(config);
  });

  it.each([
    ['is cut off', JSON.stringify(config).slice(0, -1)],
    ['is no map', '3'],
    ['is null', 'null'],
    ['has another version', JSON.stringify({ ...config, version: 2 })],
    ['was edited after packaging', JSON.stringify({ ...config, residency: { regions: ['us-east-1'], declared: [] } })],
  ])('refuses a configuration that %s', (_title, json) => {
    expect(() => parsePackagedConfig(json)).toThrow(expect.objectContaining({ code: 'config.invalid' }));
  });
});
