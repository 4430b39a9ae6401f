/** The configuration inside a deployment package: validated when it was packaged, so that neither YAML nor a schema travels along. */
import { TamisError } from '../errors.ts';
import { hashOf } from './hash.ts';
import type { Config } from './types.ts';

/**
 * Reads what `JSON.stringify(config)` wrote at packaging. The hash tells whether it is still what was validated.
 * Throws `config.invalid`.
 */
export function parsePackagedConfig(json: string): Config {
  const config = readJson(json);
  const { hash, ...rest } = config ?? {};
  if (config === undefined || config.version !== 1 || hash !== hashOf(rest)) {
    const problem = { path: '(the file)', expected: 'the configuration as it was packaged', found: 'something else' };
    throw new TamisError('config.invalid', { file: 'the packaged configuration', problems: [problem] });
  }
  return config as Config;
}

function readJson(json: string): Partial<Config> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
