/** `npm run package|deploy|remove -- --stage S --region R --config FILE --param name=value …` */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { isTamisError, TamisError } from '../lib/errors.ts';
import { checkParameterName, type ParameterName, type Parameters, readParameters } from './parameters.ts';

export interface CommandLine {
  readonly stage: string;
  readonly region: string;
  readonly configFile: string;
  readonly parameters: Parameters;
  /** The same once more, for the framework. The configuration goes through TAMIS_CONFIG. */
  readonly frameworkArguments: readonly string[];
}

interface ServerlessFile {
  readonly params: { readonly default: Readonly<Record<ParameterName, string>> };
  readonly provider: { readonly region: string; readonly stage: string };
}

/** What serverless.yml in the working folder says when nobody says otherwise. */
const readDefaults = (): ServerlessFile => parse(readFileSync('serverless.yml', 'utf8')) as ServerlessFile;

const options = {
  stage: { type: 'string' },
  region: { type: 'string' },
  config: { type: 'string' },
  param: { type: 'string', multiple: true },
  verbose: { type: 'boolean' },
} as const;

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const problem = 'another option; there are --stage, --region, --config, --param name=value, --verbose';
    throw new TamisError('local.usage', { problem }, cause);
  }
}

/** Throws `local.usage` or `local.parameter`. */
export function readCommandLine(words: readonly string[], environment: NodeJS.ProcessEnv): CommandLine {
  const values = parseWords(words);
  const { params, provider } = readDefaults();
  const given: Partial<Record<ParameterName, string>> = {};
  for (const pair of values.param ?? []) {
    const [name = '', ...rest] = pair.split('=');
    checkParameterName(name);
    given[name] = rest.join('=');
  }
  const stage = values.stage ?? provider.stage;
  const region = values.region ?? provider.region;
  return {
    stage,
    region,
    configFile: values.config ?? environment['TAMIS_CONFIG'] ?? 'tamis.yml',
    parameters: readParameters({ ...params.default, ...given }),
    frameworkArguments: [
      ...['--stage', stage, '--region', region],
      ...Object.entries(given).flatMap(([name, text]) => ['--param', `${name}=${text}`]),
      ...(values.verbose ? ['--verbose'] : []),
    ],
  };
}

/** Runs a command and ends the process: 2 where the operator can help it, with the error and nothing else, 1 otherwise. */
export async function runCommand(command: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    if (!isTamisError(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = /^(config|residency|local)\./.test(error.code) ? 2 : 1;
  }
}
