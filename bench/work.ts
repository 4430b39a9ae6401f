/** Inputs and configurations that several benchmarks share. */
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline as connect } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { makeRows } from './make-rows.ts';

/** The columns of the plain sample: a number of the bottle, and thirteen measurements, which are what the model takes. */
export const columnNames = [
  'bottle',
  'alcohol',
  'malic_acid',
  'ash',
  'alcalinity_of_ash',
  'magnesium',
  'total_phenols',
  'flavanoids',
  'nonflavanoid_phenols',
  'proanthocyanins',
  'color_intensity',
  'hue',
  'od280/od315_of_diluted_wines',
  'proline',
] as const;
export const measurementNames = columnNames.slice(1);
export const measurementColumns = measurementNames.map((_, index) => index + 1);

/** A million rows are 69 MB. */
export async function writeRows(file: string, rowCount: number): Promise<void> {
  await connect(Readable.from(makeRows({ rowCount, dialect: 'plain', seed: 1 })), createWriteStream(file));
}

/** A configuration with one route; returns the file's name. JSON is YAML. */
export async function writeConfig(
  folder: string,
  name: string,
  route: Readonly<Record<string, unknown>>,
): Promise<string> {
  const file = join(folder, `${name}.yml`);
  const whole = {
    name,
    input: 'input/',
    features: measurementNames,
    labels: ['barolo', 'grignolino', 'barbera'],
    ...route,
  };
  await writeFile(file, JSON.stringify({ version: 1, routes: [whole] }));
  return file;
}

/** The command line from its sources. */
export const commandFile = join(fileURLToPath(new URL('..', import.meta.url)), 'cli', 'main.ts');
