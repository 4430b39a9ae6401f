import { join } from 'node:path';
import { jsonBody } from './bodies.ts';
import { fire } from './cannon.ts';
import { runClient } from './client.ts';
import { startStandIn } from './stand-in.ts';
import { type Benchmark, bar, inTurn, median } from './types.ts';
import { commandFile, measurementColumns, writeConfig, writeRows } from './work.ts';

const rowsPerCall = 100;
const connections = 16;
const rowCount = 400_000;
const seconds = 7;

export const inFlight: Benchmark = {
  name: 'in-flight',
  about:
    '16 calls of 100 rows in flight, answered after 30 ms, beside autocannon with 16 connections and the same bodies',
  async run({ folder }) {
    const input = join(folder, 'rows.csv');
    await writeRows(input, rowCount);
    const body = await jsonBody(input, rowsPerCall);
    const standIn = await startStandIn({ answer: 'labels', latencyMs: 30 });
    try {
      const { url } = standIn;
      const config = await writeConfig(folder, 'in-flight', {
        endpoint: { kind: 'mlflow', url, format: 'dataframe_split' },
        batch: { maxRows: rowsPerCall, maxInFlight: connections },
      });
      const results = await inTurn(3, {
        ours: async () => {
          const { wallSeconds } = await runClient({
            ...{ program: 'pipeline', input, out: join(folder, 'out'), config, url, speaks: 'json' },
            ...{ command: commandFile, columns: measurementColumns, maxRows: rowsPerCall, maxInFlight: connections },
          });
          return rowCount / wallSeconds;
        },
        peer: async () =>
          rowsPerCall * (await fire({ url, connections, body, contentType: 'application/json', seconds })),
      });
      const ours = median(results.ours);
      const peer = median(results.peer);
      return {
        figures: [
          { name: 'our pipeline, from the first byte read to the last written', value: ours, unit: 'rows/s' },
          { name: 'autocannon', value: peer, unit: 'rows/s' },
          { name: 'if nothing but the 30 ms took time', value: (connections * rowsPerCall) / 0.03, unit: 'rows/s' },
        ],
        bars: [bar('ours / autocannon', ours / peer, 'x', { atLeast: 0.96 })],
      };
    } finally {
      await standIn.stop();
    }
  },
};
