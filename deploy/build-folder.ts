/**
 * What the functions load besides their code: `.tamis/build`, packaged as it is. `config.json` is the configuration,
 * `factors.json` what the ledger needs of the Region, `files/` what routes name by file (models, certificates),
 * `onnx-worker.mjs` and the WebAssembly runtime only where a route embeds a model.
 */
import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import { build } from 'esbuild';
import type { Config, EndpointConfig } from '../lib/config/types.ts';
import { TamisError } from '../lib/errors.ts';
import { selectFactors } from '../lib/ledger/select-factors.ts';
import { isReference } from './secret-references.ts';

/** Relative to the service's folder; the handlers find it below their working folder. */
export const buildFolder = '.tamis/build';

interface NamedFile {
  /** Where in the configuration, for the message. */
  readonly path: string;
  /** Relative to the configuration file. */
  readonly file: string;
}

function filesOf(endpoint: EndpointConfig, path: string): readonly NamedFile[] {
  if (endpoint.kind === 'onnx' && !endpoint.model.startsWith('s3://')) {
    return [{ path: `${path}.model`, file: endpoint.model }];
  }
  if (endpoint.kind === 'mlflow' && endpoint.tls !== undefined && !isReference(endpoint.tls.ca))
    return [{ path: `${path}.tls.ca`, file: endpoint.tls.ca }];
  return [];
}

/** Throws `config.invalid` when a file is not there, or lies outside the configuration's folder. */
async function copyNamedFiles(config: Config, configFile: string, folder: string): Promise<void> {
  const refuse = (path: string, expected: string, found: string): never => {
    throw new TamisError('config.invalid', { file: configFile, problems: [{ path, expected, found }] });
  };
  for (const { path, file } of config.routes.flatMap(({ endpoint }, i) => filesOf(endpoint, `routes[${i}].endpoint`))) {
    const inside = normalize(file);
    if (inside.startsWith('..') || inside.startsWith('/')) {
      refuse(path, "a file below the configuration's folder", 'one outside of it');
    }
    const target = join(folder, 'files', inside);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(dirname(configFile), inside), target).catch(() => refuse(path, 'a file', 'none of that name'));
  }
}

/** The runtime cannot be bundled: it loads its WebAssembly from beside itself. */
async function buildOnnxWorker(folder: string): Promise<void> {
  const runtime = dirname(createRequire(import.meta.url).resolve('onnxruntime-web'));
  await build({
    entryPoints: ['lib/endpoints/onnx-worker.ts'],
    outfile: join(folder, 'onnx-worker.mjs'),
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    logLevel: 'silent',
  });
  for (const name of ['ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']) {
    await copyFile(join(runtime, name), join(folder, name));
  }
}

async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** File by file, so that an offline stack with the same configuration never finds one missing. */
async function replaceFiles(target: string, made: string): Promise<void> {
  const names = await listFiles(made);
  for (const name of names) {
    await mkdir(dirname(join(target, name)), { recursive: true });
    await rename(join(made, name), join(target, name));
  }
  for (const name of await listFiles(target)) if (!names.includes(name)) await rm(join(target, name), { force: true });
  await rm(made, { recursive: true });
}

/**
 * Fills the build folder anew. `configFile` is where `config` was read from; `region` is where the functions run, or
 * whose functions the ones of this machine stand for. Throws `config.invalid`.
 */
export async function fillBuildFolder(config: Config, configFile: string, region: string): Promise<void> {
  const made = `${buildFolder}-${process.pid}`;
  await mkdir(made, { recursive: true });
  try {
    const countries = config.routes.flatMap(({ endpoint }) => endpoint.footprint?.country ?? []);
    await writeFile(join(made, 'config.json'), JSON.stringify(config));
    await writeFile(join(made, 'factors.json'), JSON.stringify(selectFactors({ region, countries })));
    await copyNamedFiles(config, configFile, made);
    if (config.routes.some(({ endpoint }) => endpoint.kind === 'onnx')) await buildOnnxWorker(made);
    await replaceFiles(buildFolder, made);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}
