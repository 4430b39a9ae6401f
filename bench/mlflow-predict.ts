import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline as connect } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { environment, modelOf, program, version, whyNotInstalled } from './mlflow.ts';
import { type Benchmark, bar, inTurn, median } from './types.ts';
import { writeConfig, writeRows } from './work.ts';

const runFile = promisify(execFile);
const rowCount = 1_000_000;

/**
 * The same rows without the bottle's number, which the model does not know. Whole numbers get a fraction: of a column without one
 * pandas makes integers, which MLflow refuses to turn into the model's doubles.
 */
async function* withoutBottle(file: string): AsyncGenerator<string> {
  let text = '';
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const cells = line.split(',').slice(1);
    text += `${cells.map((cell) => (/^\d+$/.test(cell) ? `${cell}.0` : cell)).join(',')}\n`;
    if (text.length < 65_536) continue;
    yield text;
    text = '';
  }
  yield text;
}

async function secondsOf(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startedMs = performance.now();
  await runFile(file, [...args], { env });
  return (performance.now() - startedMs) / 1000;
}

export const mlflowPredict: Benchmark = {
  name: 'mlflow-predict',
  about: `tamis run with the embedded forest, beside mlflow models predict (MLflow ${version}); 1,000,000 rows, whole processes`,
  async run({ folder }) {
    const skipped = whyNotInstalled();
    if (skipped !== undefined) return { skipped };
    const all = join(folder, 'all.csv');
    const input = join(folder, 'rows.csv');
    await writeRows(all, rowCount);
    await connect(Readable.from(withoutBottle(all)), createWriteStream(input));
    const model = fileURLToPath(new URL('../models/wine.onnx', import.meta.url));
    const config = await writeConfig(folder, 'mlflow-predict', { endpoint: { kind: 'onnx', model } });
    const command = fileURLToPath(new URL('../cli/tamis.mjs', import.meta.url));
    const predict = (answer: 'labels' | 'probabilities'): Promise<number> =>
      secondsOf(
        program,
        [
          ...['models', 'predict', '--env-manager', 'local', '--model-uri', modelOf(answer)],
          ...['--content-type', 'csv', '--input-path', input, '--output-path', join(folder, 'predictions.json')],
        ],
        environment,
      );
    const results = await inTurn(2, {
      ours: () =>
        secondsOf(
          process.execPath,
          [command, 'run', input, '--config', config, '--out', join(folder, 'out'), '--quiet'],
          process.env,
        ),
      probabilities: () => predict('probabilities'),
      labels: () => predict('labels'),
    });
    const ours = median(results.ours);
    const peer = median(results.probabilities);
    return {
      figures: [
        { name: 'tamis run, classes and probabilities', value: ours, unit: 's' },
        { name: 'mlflow models predict, probabilities', value: peer, unit: 's' },
        { name: 'mlflow models predict, classes alone', value: median(results.labels), unit: 's' },
      ],
      bars: [bar('time of mlflow / time of ours', peer / ours, 'x', { atLeast: 3 })],
    };
  },
};
