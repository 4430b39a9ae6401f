/** Puts encoded rows together to a request body. */
import type { Feature } from '../csv/types.ts';

/** `["a","b"]`: the names at the model, in the order of the cells. */
export function namesAsJson(features: readonly Feature[]): string {
  return JSON.stringify(features.map(({ name }) => name));
}

/** The names at the model as a CSV line without its line end. */
export function namesAsCsv(features: readonly Feature[]): string {
  return features.map(({ name }) => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(',');
}

const newline = 0x0a;
/** pandas skips blank lines, and with them the row: an empty quoted cell keeps it. */
const quotedNothing = Buffer.from('""');

/** One line each, every line ended. `header` is a line without its end, undefined for none. */
export function joinCsvRows(rows: readonly Buffer[], header?: string): Buffer {
  const start = header === undefined ? Buffer.alloc(0) : Buffer.from(`${header}\n`);
  let sizeBytes = start.length;
  for (const row of rows) sizeBytes += Math.max(row.length, quotedNothing.length) + 1;
  const body = Buffer.allocUnsafe(sizeBytes);
  let at = start.copy(body, 0);
  for (const row of rows) {
    const isEnded = row.length > 0 && row[row.length - 1] === newline;
    const line = isEnded ? row.subarray(0, -1) : row;
    at += (line.length === 0 ? quotedNothing : line).copy(body, at);
    body[at] = newline;
    at += 1;
  }
  return body.subarray(0, at);
}

/** `{"a":[1,2],"b":["x","y"]}` from rows that are JSON arrays. */
export function columnsAsJson(features: readonly Feature[], rows: readonly string[]): string {
  const cells = rows.map((row) => JSON.parse(row) as unknown[]);
  const columns = features.map(
    ({ name }, index) => `${JSON.stringify(name)}:${JSON.stringify(cells.map((row) => row[index]))}`,
  );
  return `{${columns.join(',')}}`;
}
