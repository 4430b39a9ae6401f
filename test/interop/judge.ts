/** What others say of the samples: Python with a forest of its own, and what Tamis wrote. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { newest, programOf, root } from './mlflow-install.ts';

export interface Sample {
  readonly name: string;
  readonly file: string;
  readonly route: 'wine' | 'vins';
  /** As Python calls it. */
  readonly encoding: 'utf-8' | 'utf-8-sig' | 'cp1252';
  readonly delimiter: string;
  readonly decimal: string;
  /** The column that names a bottle. */
  readonly id: string;
}

const fileOf = (name: string) => ({ name, file: join(root, 'samples', name) });
const english = { route: 'wine', delimiter: ',', decimal: '.', id: 'bottle' } as const;
export const plain: Sample = { ...english, ...fileOf('wine.csv'), encoding: 'utf-8' };
export const spreadsheet: Sample = {
  ...english,
  ...fileOf('spreadsheet.csv'),
  encoding: 'utf-8-sig',
};
export const french: Sample = {
  ...fileOf("vins d'été.csv"),
  route: 'vins',
  encoding: 'cp1252',
  delimiter: ';',
  decimal: ',',
  id: 'numéro',
};

export interface Verdict {
  readonly label: string;
  /** Probability of the label in [0, 1]; undefined when the service gives none. */
  readonly score: number | undefined;
}

/** By bottle. `features` are the columns of the file in the model's order. */
export function judge(
  { file, encoding, delimiter, decimal, id }: Sample,
  features: readonly string[],
): Map<string, Verdict> {
  const { stdout, stderr, status } = spawnSync(
    programOf(newest, 'python'),
    [join(root, 'test', 'interop', 'python', 'judge.py')],
    { input: JSON.stringify({ file, encoding, delimiter, decimal, id, features }), encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  const rows = JSON.parse(stdout) as [string, string, number[]][];
  return new Map(rows.map(([bottle, label, scores]) => [bottle, { label, score: Math.max(...scores) }]));
}

/** The same from a file that Tamis wrote. */
export async function readVerdicts(
  folder: string,
  { file, encoding, delimiter, decimal, id }: Sample,
  columns: { readonly prediction: string; readonly score: string },
): Promise<Map<string, Verdict>> {
  const bytes = await readFile(join(folder, basename(file)));
  const text = new TextDecoder(encoding === 'cp1252' ? 'windows-1252' : 'utf-8').decode(bytes);
  const records = parse(text, { delimiter, columns: true }) as Record<string, string>[];
  return new Map(
    records.map((record) => {
      const score = record[columns.score]!.replace(decimal, '.');
      return [record[id]!, { label: record[columns.prediction]!, score: score === '' ? undefined : Number(score) }];
    }),
  );
}
