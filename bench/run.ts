/**
 * `npm run bench [-- --only NAME …] [--json] [--strict]`: each figure is the median of several runs, beside its peer in the same run.
 * `--json` prints one JSON object on standard output, `--strict` ends with status 1 when a bar is missed.
 */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { embedded } from './embedded.ts';
import { inFlight } from './in-flight.ts';
import { load } from './load.ts';
import { memory } from './memory.ts';
import { mlflowPredict } from './mlflow-predict.ts';
import { mlflowServer } from './mlflow-server.ts';
import { pipeline } from './pipeline.ts';
import { scanner } from './scanner.ts';
import type { Bar, Benchmark, Figure, Measured, Skipped } from './types.ts';

const benchmarks: readonly Benchmark[] = [
  scanner,
  pipeline,
  inFlight,
  memory,
  embedded,
  load,
  mlflowPredict,
  mlflowServer,
];

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});
const unknown = (values.only ?? []).filter((name) => !benchmarks.some((each) => each.name === name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')}; there are ${benchmarks.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const root = fileURLToPath(new URL('../.bench', import.meta.url));
const rounded = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });

const showFigure = ({ name, value, unit }: Figure): string =>
  `  ${name.padEnd(64)} ${rounded(value).padStart(12)} ${unit}`;
function showBar({ name, value, unit, atLeast, atMost, met }: Bar): string {
  const limit = atLeast === undefined ? `at most ${rounded(atMost ?? 0)}` : `at least ${rounded(atLeast)}`;
  return `  ${name.padEnd(64)} ${rounded(value).padStart(12)} ${unit.padEnd(4)} ${limit}: ${met ? 'met' : 'MISSED'}`;
}

function show({ name, about }: Benchmark, result: Measured | Skipped): void {
  const lines =
    'skipped' in result
      ? [`  skipped: ${result.skipped}`]
      : [...result.figures.map(showFigure), ...result.bars.map(showBar)];
  console.log([`\n${name}: ${about}`, ...lines].join('\n'));
}

let folder: string | undefined;
function removeFolder(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}
// However it ends: nothing of two gigabytes is left.
process.once('exit', removeFolder);
for (const [name, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(name, () => process.exit(status));

async function runOne(benchmark: Benchmark): Promise<Measured | Skipped> {
  await mkdir(root, { recursive: true });
  folder = await mkdtemp(join(root, `${benchmark.name}-`));
  try {
    return await benchmark.run({ folder });
  } finally {
    removeFolder();
  }
}

const results: Record<string, Measured | Skipped> = {};
for (const benchmark of benchmarks) {
  if (values.only !== undefined && !values.only.includes(benchmark.name)) continue;
  if (values.json) console.error(`${benchmark.name} ...`);
  const result = await runOne(benchmark);
  results[benchmark.name] = result;
  if (!values.json) show(benchmark, result);
}

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cpuCount: cpus().length,
  memoryBytes: totalmem(),
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
};
if (values.json) console.log(JSON.stringify({ schema: 'tamis/bench/v1', machine, benchmarks: results }, undefined, 2));
const missed = Object.values(results).flatMap((result) =>
  'bars' in result ? result.bars.filter(({ met }) => !met) : [],
);
if (values.strict && missed.length > 0) process.exitCode = 1;
