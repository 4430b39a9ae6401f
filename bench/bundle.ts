/** Bundles as they are deployed: serverless.yml's settings of esbuild. */
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

export interface Bundle {
  /** Relative to the working directory, as esbuild says it. */
  readonly outputs: Metafile['outputs'];
  /** The file of an entry, by the name it was given. */
  fileOf(name: string): string;
}

export async function bundle(folder: string, entries: Readonly<Record<string, string>>): Promise<Bundle> {
  const { metafile } = await build({
    entryPoints: { ...entries },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    splitting: true,
    mainFields: ['module', 'main'],
    metafile: true,
    logLevel: 'error',
    banner: {
      js: "import{createRequire as tamisCreateRequire}from'node:module';const require=tamisCreateRequire(import.meta.url);",
    },
  });
  return { outputs: metafile.outputs, fileOf: (name) => join(folder, `${name}.mjs`) };
}
