import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { readConfig } from '../lib/config/read.ts';
import { selectFactors } from '../lib/ledger/select-factors.ts';
import { type Bundle, bundle } from './bundle.ts';
import { type Benchmark, bar, inTurn, median } from './types.ts';
import { writeConfig } from './work.ts';

const runFile = promisify(execFile);
const runCount = 15;
const fileHere = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A file of the bundle and whatever it imports before it runs. */
function withImports({ outputs }: Bundle, name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  for (const { path, kind, external } of outputs[name]?.imports ?? [])
    if (kind === 'import-statement' && external !== true) withImports({ outputs } as Bundle, path, found);
  return found;
}

/** The output that was made of one of our files. */
function outputOf({ outputs }: Bundle, source: string): string {
  const found = Object.keys(outputs).find((name) => outputs[name]?.entryPoint?.endsWith(source));
  if (found === undefined) throw new Error(`expected ${source} to be an entry or a dynamic import of the bundle`);
  return found;
}

async function gzipKilobytes(files: Iterable<string>): Promise<number> {
  let sizeBytes = 0;
  for (const file of files) sizeBytes += gzipSync(await readFile(file)).length;
  return sizeBytes / 1000;
}

/** Milliseconds that a fresh Node takes to import the files. Both bundles load Node's own HTTP later, with the first request. */
async function importMs(cwd: string, files: readonly string[]): Promise<number> {
  const imports = files.map((file) => `await import(${JSON.stringify(pathToFileURL(resolve(file)).href)});`);
  const script = `const startedMs = performance.now(); ${imports.join(' ')} console.log(performance.now() - startedMs); process.exit()`;
  const { stdout } = await runFile(process.execPath, ['--input-type=module', '--eval', script], { cwd });
  return Number(stdout);
}

/** What `npm run package` puts beside the code. */
async function writeBuild(folder: string): Promise<void> {
  const file = await writeConfig(folder, 'load', {
    endpoint: { kind: 'mlflow', url: 'https://model.example/invocations' },
  });
  const build = join(folder, '.tamis', 'build');
  await mkdir(build, { recursive: true });
  await writeFile(join(build, 'config.json'), JSON.stringify(readConfig(await readFile(file, 'utf8'), file)));
  await writeFile(join(build, 'factors.json'), JSON.stringify(selectFactors({ region: 'eu-west-3', countries: [] })));
}

export const load: Benchmark = {
  name: 'load',
  about: 'what a CSV job on an MLflow endpoint loads in a function, beside a bundle that holds the S3 client alone',
  async run({ folder }) {
    await writeBuild(folder);
    const ours = await bundle(join(folder, 'ours'), { classify: fileHere('../functions/classify.ts') });
    const peer = await bundle(join(folder, 'peer'), { s3: fileHere('./s3-alone.ts') });
    const entry = outputOf(ours, 'functions/classify.ts');
    const adapter = outputOf(ours, 'lib/endpoints/mlflow.ts');
    const client = outputOf(ours, 'lib/endpoints/http.ts');
    const loaded = [entry, adapter, client].reduce((found, name) => withImports(ours, name, found), new Set<string>());
    const peerEntry = outputOf(peer, 'bench/s3-alone.ts');
    const times = await inTurn(runCount, {
      ours: () => importMs(folder, [entry, adapter]),
      peer: () => importMs(folder, [peerEntry]),
    });
    const kilobytes = await gzipKilobytes(loaded);
    const oursMs = median(times.ours);
    const peerMs = median(times.peer);
    return {
      figures: [
        { name: 'import', value: oursMs, unit: 'ms' },
        { name: 'import of the S3 client alone', value: peerMs, unit: 'ms' },
        { name: 'S3 client alone', value: await gzipKilobytes(withImports(peer, peerEntry)), unit: 'kB gzip' },
      ],
      bars: [
        bar('loaded code', kilobytes, 'kB', { atMost: 200 }),
        bar('import / import of the S3 client', oursMs / peerMs, 'x', { atMost: 1.5 }),
      ],
    };
  },
};
