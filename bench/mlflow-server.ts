import { join } from 'node:path';
import { jsonBody } from './bodies.ts';
import { fire } from './cannon.ts';
import { runClient } from './client.ts';
import { serve, version, whyNotInstalled } from './mlflow.ts';
import { type Benchmark, bar, inTurn, median } from './types.ts';
import { commandFile, measurementColumns, writeConfig, writeRows } from './work.ts';

const rowsPerCall = 500;
const connections = 4;
const rowCount = 300_000;
const seconds = 10;

export const mlflowServer: Benchmark = {
  name: 'mlflow-server',
  about: `mlflow models serve with one worker (MLflow ${version}), 4 calls of 500 rows in flight, beside autocannon with the same bodies`,
  async run({ folder }) {
    const skipped = whyNotInstalled();
    if (skipped !== undefined) return { skipped };
    const input = join(folder, 'rows.csv');
    await writeRows(input, rowCount);
    const body = await jsonBody(input, rowsPerCall);
    const server = await serve();
    try {
      const { url } = server;
      const config = await writeConfig(folder, 'mlflow-server', {
        endpoint: { kind: 'mlflow', url, format: 'dataframe_split' },
        batch: { maxRows: rowsPerCall, maxInFlight: connections },
      });
      const shot = { url, connections, body, contentType: 'application/json' };
      await fire({ ...shot, seconds: 3 });
      const results = await inTurn(3, {
        ours: async () => {
          const { wallSeconds } = await runClient({
            ...{ program: 'pipeline', input, out: join(folder, 'out'), config, url, speaks: 'json' },
            ...{ command: commandFile, columns: measurementColumns, maxRows: rowsPerCall, maxInFlight: connections },
          });
          return rowCount / wallSeconds;
        },
        peer: async () => rowsPerCall * (await fire({ ...shot, seconds })),
      });
      const ours = median(results.ours);
      const peer = median(results.peer);
      return {
        figures: [
          { name: 'our pipeline', value: ours, unit: 'rows/s' },
          { name: 'autocannon', value: peer, unit: 'rows/s' },
        ],
        bars: [bar('ours / autocannon', ours / peer, 'x', { atLeast: 0.9 })],
      };
    } finally {
      await server.stop();
    }
  },
};
