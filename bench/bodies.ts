/** The bodies that our MLflow adapter sends for the first rows of a file, for peers that send the same. */
import { readFile } from 'node:fs/promises';
import { measurementColumns, measurementNames } from './work.ts';

export async function csvBody(file: string, rowCount: number): Promise<string> {
  const rows = await readCells(file, rowCount);
  return `${measurementNames.join(',')}\n${rows.map((row) => `${row.join(',')}\n`).join('')}`;
}

export async function jsonBody(file: string, rowCount: number): Promise<string> {
  const rows = await readCells(file, rowCount);
  const data = rows.map((row) => `[${row.join(',')}]`).join(',');
  return `{"dataframe_split":{"columns":${JSON.stringify(measurementNames)},"data":[${data}]}}`;
}

/** The measurements of the first rows. */
export async function readCells(file: string, rowCount: number): Promise<readonly string[][]> {
  const lines = (await readFile(file, 'utf8')).split('\n', rowCount + 1).slice(1);
  return lines.map((line) => line.split(',')).map((row) => measurementColumns.map((column) => row[column]!));
}
