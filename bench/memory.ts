import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as connect } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';
import { runClient } from './client.ts';
import { makeRows } from './make-rows.ts';
import { startStandIn } from './stand-in.ts';
import { type Benchmark, bar, type ClientWork, inTurn, median } from './types.ts';
import { commandFile, measurementColumns, writeConfig } from './work.ts';

const smallBytes = 200_000_000;
const largeBytes = 2_000_000_000;

/** As `cli/tamis.mjs` starts itself: Node lets the young generation grow with the machine's memory otherwise, whatever lives in it. */
const ownOptions = ['--max-semi-space-size=8'];

/** The same million rows again and again, to the first row that passes the size. */
async function* rowsOf(sizeBytes: number): AsyncGenerator<Buffer> {
  let writtenBytes = 0;
  for (let round = 0; writtenBytes < sizeBytes; round += 1) {
    let isFirst = round > 0;
    for await (const chunk of makeRows({ rowCount: 1_000_000, dialect: 'plain', seed: 1 })) {
      const rows = isFirst ? chunk.subarray(chunk.indexOf('\n') + 1) : chunk;
      isFirst = false;
      writtenBytes += rows.length;
      yield rows;
      if (writtenBytes >= sizeBytes) return;
    }
  }
}

export const memory: Benchmark = {
  name: 'memory',
  about: 'most memory that tamis run ever holds, bundled as it is deployed, beside itself with a tenth of the rows',
  async run({ folder }) {
    const file = fileURLToPath(new URL('./client.ts', import.meta.url));
    const bundled = await bundle(join(folder, 'bundle'), { client: file, main: commandFile });
    const standIn = await startStandIn({ answer: 'labels', latencyMs: 0 });
    try {
      const { url } = standIn;
      const config = await writeConfig(folder, 'memory', { endpoint: { kind: 'mlflow', url, format: 'csv' } });
      const work: Omit<ClientWork, 'input'> = {
        ...{ program: 'command', out: join(folder, 'out'), config, url, speaks: 'csv' },
        ...{ command: bundled.fileOf('main'), columns: measurementColumns, maxRows: 500, maxInFlight: 16 },
      };
      async function peakMegabytes(input: string, nodeOptions: readonly string[]): Promise<number> {
        const { peakBytes } = await runClient({ ...work, input }, { file: bundled.fileOf('client'), nodeOptions });
        await rm(work.out, { recursive: true });
        return peakBytes / 1e6;
      }
      async function peaksOf(sizeBytes: number, runCount: number): Promise<Record<'own' | 'bare', number>> {
        const input = join(folder, 'rows.csv');
        await connect(Readable.from(rowsOf(sizeBytes)), createWriteStream(input));
        if ((await stat(input)).size < sizeBytes) throw new Error('expected a larger input');
        const { own, bare } = await inTurn(runCount, {
          own: () => peakMegabytes(input, ownOptions),
          bare: () => peakMegabytes(input, []),
        });
        await rm(input);
        return { own: median(own), bare: median(bare) };
      }
      const small = await peaksOf(smallBytes, 3);
      const large = await peaksOf(largeBytes, 1);
      return {
        figures: [
          { name: '200 MB', value: small.own, unit: 'MB' },
          { name: '2 GB', value: large.own, unit: 'MB' },
          { name: '200 MB, node without options', value: small.bare, unit: 'MB' },
          { name: '2 GB, node without options', value: large.bare, unit: 'MB' },
        ],
        bars: [
          bar('2 GB / 200 MB', large.own / small.own, 'x', { atMost: 1.2 }),
          bar('peak for 2 GB', large.own, 'MB', { atMost: 160 }),
        ],
      };
    } finally {
      await standIn.stop();
    }
  },
};
