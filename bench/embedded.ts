import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCells } from './bodies.ts';
import { runClient } from './client.ts';
import { onnxLoop } from './onnx-loop.ts';
import { type Benchmark, bar, inTurn, median } from './types.ts';
import { commandFile, measurementColumns, writeConfig, writeRows } from './work.ts';

const rowCount = 500_000;
const batchRows = 1000;

export const embedded: Benchmark = {
  name: 'embedded',
  about:
    'the embedded forest, from CSV to CSV, beside a loop that only calls the ONNX Runtime with the same batch size',
  async run({ folder }) {
    const input = join(folder, 'rows.csv');
    await writeRows(input, rowCount);
    const model = fileURLToPath(new URL('../models/wine.onnx', import.meta.url));
    const bytes = await readFile(model);
    const values = Float32Array.from((await readCells(input, rowCount)).flat(), Number);
    const config = await writeConfig(folder, 'embedded', {
      endpoint: { kind: 'onnx', model },
      batch: { maxRows: batchRows },
    });
    const results = await inTurn(3, {
      ours: async () => {
        const { wallSeconds } = await runClient({
          ...{ program: 'pipeline', input, out: join(folder, 'out'), config, url: '', speaks: 'csv' },
          ...{ command: commandFile, columns: measurementColumns, maxRows: batchRows, maxInFlight: 4 },
        });
        return rowCount / wallSeconds;
      },
      peer: () => onnxLoop({ model: bytes, batchRows, columnCount: measurementColumns.length, values }),
    });
    const ours = median(results.ours);
    const peer = median(results.peer);
    return {
      figures: [
        { name: 'our pipeline, loading the model included', value: ours, unit: 'rows/s' },
        { name: 'bare loop', value: peer, unit: 'rows/s' },
      ],
      bars: [bar('ours / bare loop', ours / peer, 'x', { atLeast: 0.6 })],
    };
  },
};
