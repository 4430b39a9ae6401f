import { join } from 'node:path';
import { runClient } from './client.ts';
import { startStandIn } from './stand-in.ts';
import {
  type Bar,
  type Benchmark,
  bar,
  type ClientResult,
  type ClientWork,
  type Figure,
  inTurn,
  median,
} from './types.ts';
import { commandFile, measurementColumns, writeConfig, writeRows } from './work.ts';

const rowCount = 1_000_000;
const runCount = 3;
const limits = { csv: 5, json: 1.5 } as const;
const formats = { csv: 'csv', json: 'dataframe_split' } as const;

const perCpuSecond = (results: readonly ClientResult[]): number =>
  median(results.map(({ cpuSeconds }) => rowCount / cpuSeconds));

export const pipeline: Benchmark = {
  name: 'pipeline',
  about:
    'rows per CPU second, endpoint of no latency, beside csv-parse -> batch -> csv-stringify; 1,000,000 rows of 13 numbers',
  async run({ folder }) {
    const input = join(folder, 'rows.csv');
    await writeRows(input, rowCount);
    const standIn = await startStandIn({ answer: 'labels', latencyMs: 0 });
    const figures: Figure[] = [];
    const bars: Bar[] = [];
    try {
      for (const speaks of ['csv', 'json'] as const) {
        const config = await writeConfig(folder, speaks, {
          endpoint: { kind: 'mlflow', url: standIn.url, format: formats[speaks] },
        });
        const work: Omit<ClientWork, 'program'> = {
          ...{ input, out: join(folder, 'out'), config, url: standIn.url, speaks },
          ...{ command: commandFile, columns: measurementColumns, maxRows: 500, maxInFlight: 16 },
        };
        const { ours, plain, command } = await inTurn(runCount, {
          ours: () => runClient({ ...work, program: 'pipeline' }),
          plain: () => runClient({ ...work, program: 'plain' }),
          command: () => runClient({ ...work, program: 'command' }),
        });
        const speaking = `${speaks.toUpperCase()}-speaking endpoint`;
        figures.push(
          { name: `${speaking}: our pipeline`, value: perCpuSecond(ours), unit: 'rows/CPU s' },
          { name: `${speaking}: plain pipeline`, value: perCpuSecond(plain), unit: 'rows/CPU s' },
          { name: `${speaking}: all of tamis run, ETags too`, value: perCpuSecond(command), unit: 'rows/CPU s' },
        );
        const ratio = perCpuSecond(ours) / perCpuSecond(plain);
        bars.push(bar(`${speaking}: ours / plain`, ratio, 'x', { atLeast: limits[speaks] }));
      }
    } finally {
      await standIn.stop();
    }
    return { figures, bars };
  },
};
