import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as connect } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse';
import { makeScanner } from '../lib/csv/scan.ts';
import { type Benchmark, bar, inTurn, median } from './types.ts';

const thisFile = fileURLToPath(import.meta.url);
/** As folders are read. */
const chunkBytes = 64 * 1024;
const sizeBytes = 200_000_000;
const columnCount = 12;

/** About 165 bytes in twelve columns; half the descriptions are quoted, one in fifty holds a line end and doubled quotes. */
function makeRecord(row: number): string {
  const words = `Bouteille ${row}, cuvée du ${1 + (row % 28)} mai, élevée en fût de chêne puis mise en bouteille au château`;
  const description =
    row % 50 === 0 ? `"${words}\net ""décantée"""` : row % 2 === 0 ? `"${words}"` : words.replaceAll(',', ' ');
  const measurements = Array.from({ length: columnCount - 4 }, (_, column) => ((row * (column + 7)) % 1000) / 10);
  return `${row},FR-${row % 977},${description},${measurements.join(',')},2026-05-${10 + (row % 20)}\n`;
}

function* makeChunks(): Generator<Buffer> {
  let text = `${Array.from({ length: columnCount }, (_, column) => `column ${column}`).join(',')}\n`;
  for (let row = 1, writtenBytes = 0; writtenBytes < sizeBytes; row += 1) {
    text += makeRecord(row);
    if (text.length < chunkBytes) continue;
    const chunk = Buffer.from(text);
    writtenBytes += chunk.length;
    text = '';
    yield chunk;
  }
}

interface Reading {
  readonly megabytesPerSecond: number;
  readonly count: number;
}

/** Megabytes a CPU second (other programs on the machine do not count), and the records that were seen. */
async function measured(work: () => Promise<number>): Promise<Reading> {
  const before = process.cpuUsage();
  const count = await work();
  const { user, system } = process.cpuUsage(before);
  return { megabytesPerSecond: sizeBytes / (user + system), count };
}

/** The second pass in a process of its own: what one reader leaves in memory would slow the other down. */
async function inOwnProcess(reader: 'ours' | 'peer', file: string): Promise<Reading> {
  const child = fork(thisFile, [reader, file], { execArgv: [] });
  const [reading] = (await once(child, 'message')) as [Reading];
  return reading;
}

async function scan(file: string): Promise<number> {
  const scanner = makeScanner({
    dialect: { delimiter: ',', quote: '"', lineEnd: '\n' },
    fieldCount: columnCount,
    maxRecordBytes: 1024 * 1024,
    encoding: () => 'utf-8',
    offset: 0,
    line: 1,
  });
  let soundCount = 0;
  const count = (block: ReturnType<typeof scanner.end>): void => {
    for (let index = 0; index < (block?.count ?? 0); index += 1) if (block!.problems[index] === 0) soundCount += 1;
  };
  for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes })) count(scanner.push(chunk as Buffer));
  count(scanner.end());
  return soundCount;
}

async function parseAll(file: string): Promise<number> {
  let count = 0;
  const parser = parse();
  parser.on('data', () => {
    count += 1;
  });
  await connect(createReadStream(file, { highWaterMark: chunkBytes }), parser);
  return count;
}

export const scanner: Benchmark = {
  name: 'scanner',
  about:
    'records cut from a stream, field count, quotes and UTF-8 checked, beside csv-parse (arrays); 200 MB, half the texts quoted',
  async run({ folder }) {
    const file = join(folder, 'described.csv');
    await connect(Readable.from(makeChunks()), createWriteStream(file));
    const results = await inTurn(3, { ours: () => inOwnProcess('ours', file), peer: () => inOwnProcess('peer', file) });
    if (results.ours[0]!.count !== results.peer[0]!.count)
      throw new Error('expected as many sound records as csv-parse finds; found another number');
    const ours = median(results.ours.map(({ megabytesPerSecond }) => megabytesPerSecond));
    const peer = median(results.peer.map(({ megabytesPerSecond }) => megabytesPerSecond));
    return {
      figures: [
        { name: 'scanner', value: ours, unit: 'MB/CPU s' },
        { name: 'csv-parse', value: peer, unit: 'MB/CPU s' },
      ],
      bars: [bar('scanner / csv-parse', ours / peer, 'x', { atLeast: 8 })],
    };
  },
};

if (process.argv[1] === thisFile) {
  const [reader, file = ''] = process.argv.slice(2);
  const read = (): Promise<number> => (reader === 'ours' ? scan(file) : parseAll(file));
  await read();
  process.send?.(await measured(read), () => process.disconnect());
}
