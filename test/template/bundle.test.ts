import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { custom } = parse(readFileSync(join(root, 'serverless.yml'), 'utf8')) as {
  custom: { esbuild: BuildOptions & Record<string, unknown> };
};

let metafile: Metafile;
const gzippedBytes = new Map<string, number>();

beforeAll(async () => {
  const { bundle, minify, format, platform, target, splitting, mainFields, banner } = custom.esbuild;
  const result = await build({
    ...({ bundle, minify, format, platform, target, splitting, mainFields, banner } as BuildOptions),
    absWorkingDir: root,
    entryPoints: ['functions/classify.ts'],
    outdir: 'functions',
    outExtension: { '.js': '.mjs' },
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  metafile = result.metafile!;
  for (const { path, contents } of result.outputFiles!) {
    gzippedBytes.set(path.slice(root.length), gzipSync(contents, { level: 9 }).length);
  }
}, 60_000);

/** The chunks that are loaded with `start`, without those that wait for an `import()`. */
function loadedWith(start: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { path: next, kind } of metafile.outputs[path]!.imports) {
      if (kind === 'import-statement' && metafile.outputs[next] !== undefined) visit(next);
    }
  };
  start.forEach(visit);
  return seen;
}

const chunkOf = (entryPoint: string): string =>
  Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === entryPoint)![0];
const sizeOf = (chunks: ReadonlySet<string>): number =>
  [...chunks].reduce((sum, chunk) => sum + gzippedBytes.get(chunk)!, 0);
const inputsOf = (chunks: ReadonlySet<string>): readonly string[] =>
  [...chunks].flatMap((chunk) => Object.keys(metafile.outputs[chunk]!.inputs));

describe('the bundle', () => {
  it('loads at most 200 kB (gzip) for a CSV job on mlflow, its secret in a parameter included', () => {
    const loaded = loadedWith([
      chunkOf('functions/classify.ts'),
      chunkOf('lib/endpoints/mlflow.ts'),
      chunkOf('lib/endpoints/ssm-client.ts'),
    ]);

    expect(loaded.size).toBeGreaterThan(2);
    expect(sizeOf(loaded)).toBeLessThan(200_000);
    expect(sizeOf(loaded)).toBeGreaterThan(50_000);
  });

  it('does not load other adapters, their clients, or what only people need', () => {
    const inputs = inputsOf(loadedWith([chunkOf('functions/classify.ts'), chunkOf('lib/endpoints/mlflow.ts')]));

    expect(inputs.some((path) => path.includes('/@aws-sdk/client-s3/'))).toBe(true);
    expect(
      inputs.filter((path) =>
        /client-(sagemaker-runtime|ssm|eventbridge|lambda)\/|onnxruntime|\/zod\/|\/yaml\/|endpoints\/(sagemaker|onnx|stub)\.ts/.test(
          path,
        ),
      ),
    ).toEqual([]);
  });
});
