/** Reads `tamis.yml`. Used where configurations are written by people: CLI, offline stack, packaging. The Lambda takes `packaged.ts`. */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { type ConfigProblem, TamisError } from '../errors.ts';
import { checkAcross } from './checks.ts';
import { hashOf } from './hash.ts';
import { formatPath, type KnownKeys, problemsOf } from './problems.ts';
import { configSchema, type ParsedConfig, type ParsedRoute } from './schema.ts';
import type { Config, EndpointConfig, Route } from './types.ts';
import { findUnbuilt } from './unsupported.ts';

/**
 * The configuration in `text`, with defaults filled in. File names in it stay as written, relative to the file.
 * `fileName` is for messages only. Throws `config.invalid` with every problem, or `config.unsupported`.
 */
export function readConfig(text: string, fileName: string): Config {
  const root = readYaml(text, fileName);
  const parsed = configSchema.safeParse(root);
  const problems = [...problemsOf(parsed.error?.issues ?? [], root, knownKeys), ...checkAcross(root)];
  const unbuiltPaths = findUnbuilt(root).map(formatPath);

  if (problems.length > 0) {
    const notBuilt = unbuiltPaths.map((path) => ({
      path,
      expected: 'what this version supports',
      found: 'what is not built yet',
    }));
    throw new TamisError('config.invalid', { file: fileName, problems: [...problems, ...notBuilt] });
  }
  if (unbuiltPaths.length > 0) throw new TamisError('config.unsupported', { file: fileName, paths: unbuiltPaths });

  const config = toConfig(parsed.data as ParsedConfig);
  return { ...config, hash: hashOf(config) };
}

function readYaml(text: string, fileName: string): unknown {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  const problems: ConfigProblem[] = [...document.errors, ...document.warnings].map(({ code, linePos }) => ({
    // The parser's message quotes the line, and with it whatever secret stands there.
    path: linePos === undefined ? '(the file)' : `line ${linePos[0].line}, column ${linePos[0].col}`,
    expected: 'YAML',
    found: code.toLowerCase().replaceAll('_', ' '),
  }));
  if (problems.length > 0) throw new TamisError('config.invalid', { file: fileName, problems });
  try {
    return document.toJS();
  } catch (cause) {
    // Aliases that refer to nothing, or multiply beyond measure.
    const problem = { path: '(the file)', expected: 'YAML', found: 'an alias that cannot be resolved' };
    throw new TamisError('config.invalid', { file: fileName, problems: [problem] }, cause);
  }
}

function toConfig(parsed: ParsedConfig): Omit<Config, 'hash'> {
  return { ...parsed, routes: parsed.routes.map(toRoute) };
}

function toRoute({ features, endpoint, ...rest }: ParsedRoute): Route {
  return {
    ...rest,
    features:
      features === '*'
        ? '*'
        : features.map((feature) =>
            typeof feature === 'string'
              ? { column: feature, as: feature }
              : { ...feature, as: feature.as ?? feature.column },
          ),
    // Kinds without an adapter were refused before.
    endpoint: endpoint as EndpointConfig,
  };
}

/** JSON Schema of the file as people write it, for editors. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: 'input' }) as JsonSchema;
}

export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

const knownKeys: KnownKeys = (path) => {
  const at = path.reduce<readonly JsonSchema[]>(
    (schemas, step) =>
      schemas
        .map((schema) => (typeof step === 'number' ? schema.items : schema.properties?.[String(step)]))
        .filter((schema) => schema !== undefined)
        .flatMap(withBranches),
    [configJsonSchema()],
  );
  return [...new Set(at.flatMap((schema) => Object.keys(schema.properties ?? {})))];
};

function withBranches(schema: JsonSchema): readonly JsonSchema[] {
  return [schema, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(withBranches)];
}
