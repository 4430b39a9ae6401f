/**
 * The peer: what one would write in an afternoon with csv-parse and csv-stringify, streamed, batched, several calls in flight, order
 * kept. Arrays instead of objects, and the same HTTP client as ours, so that only the handling of the CSV differs.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { stringify as stringifyAll } from 'csv-stringify/sync';
import { isHttpFailure, makeHttpClient } from '../lib/endpoints/http.ts';
import type { ClientWork } from './types.ts';

type Row = string[];

export async function runPlainPipeline(work: ClientWork): Promise<void> {
  const { columns, maxRows, maxInFlight, speaks } = work;
  const client = makeHttpClient({ maxSockets: maxInFlight });
  const url = new URL(work.url);
  const signal = new AbortController().signal;
  let names: Row = [];

  function bodyOf(rows: readonly Row[]): string {
    const sent = rows.map((row) => columns.map((column) => row[column]!));
    if (speaks === 'csv') return stringifyAll([names, ...sent]);
    return JSON.stringify({ dataframe_split: { columns: names, data: sent.map((row) => row.map(readCell)) } });
  }

  async function classify(rows: readonly Row[]): Promise<string> {
    const response = await client.exchange({
      method: 'POST',
      url,
      headers: { accept: 'application/json', 'content-type': speaks === 'csv' ? 'text/csv' : 'application/json' },
      body: bodyOf(rows),
      timeoutMs: 60_000,
      signal,
    });
    if (isHttpFailure(response)) throw new Error(`the stand-in failed: ${response.failure}`);
    const { predictions } = JSON.parse(response.body.toString()) as { predictions: Array<number | number[]> };
    return stringifyAll(rows.map((row, index) => [...row, ...cellsOf(predictions[index]!)]));
  }

  async function* classified(records: AsyncIterable<Row>): AsyncGenerator<string> {
    const inFlight: Array<Promise<string>> = [];
    let batch: Row[] = [];
    let isHeader = true;
    for await (const record of records) {
      if (isHeader) {
        isHeader = false;
        names = columns.map((column) => record[column]!);
        yield stringifyAll([[...record, 'prediction', 'score']]);
        continue;
      }
      batch.push(record);
      if (batch.length < maxRows) continue;
      inFlight.push(classify(batch));
      batch = [];
      if (inFlight.length >= maxInFlight) yield await inFlight.shift()!;
    }
    if (batch.length > 0) inFlight.push(classify(batch));
    for (const result of inFlight) yield await result;
  }

  await pipeline(
    createReadStream(work.input),
    parse(),
    classified,
    createWriteStream(join(work.out, basename(work.input))),
  );
  client.close();
}

/** Names stay texts; everything else in these files is a number. */
const readCell = (cell: string): string | number => {
  const number = Number(cell);
  return Number.isNaN(number) ? cell : number;
};

/** Class and score: of the likeliest class, or of the class alone. */
function cellsOf(prediction: number | readonly number[]): readonly (string | number)[] {
  if (typeof prediction === 'number') return [prediction, ''];
  const score = Math.max(...prediction);
  return [prediction.indexOf(score), score];
}
