/** What the command line reads of the machine: the configuration file and the environment. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { readConfig } from '../lib/config/read.ts';
import type { Config } from '../lib/config/types.ts';
import { TamisError } from '../lib/errors.ts';

export interface LoadedConfig {
  readonly config: Config;
  /** Files that routes name are relative to it. */
  readonly folder: string;
}

/** `--config`, else TAMIS_CONFIG, else tamis.yml here. Throws `config.*`. */
export async function loadConfig(option: string | undefined): Promise<LoadedConfig> {
  const file = option ?? process.env.TAMIS_CONFIG ?? 'tamis.yml';
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new TamisError('config.missing', { file }, cause);
  }
  return { config: readConfig(text, file), folder: dirname(resolve(file)) };
}

/** The Region for calls to AWS; an endpoint set for local stand-ins is used as it is. */
export function awsRegion(): string {
  return process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'eu-west-3';
}

export function s3Options(): { region: string; endpoint?: string; forcePathStyle?: boolean } {
  const endpoint = process.env.AWS_ENDPOINT_URL_S3;
  return { region: awsRegion(), ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }) };
}
