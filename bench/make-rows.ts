/**
 * Writes a large CSV out of a sample: `node bench/make-rows.ts <file> [--rows 1000000] [--dialect plain|french] [--seed 1]`.
 * Rows are drawn from the sample and every measurement is moved by up to 20 %; the same seed gives the same bytes.
 */
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface Dialect {
  readonly sample: string;
  readonly delimiter: string;
  readonly lineEnd: string;
  readonly decimal: string;
  /** Columns that are measurements: from this one, so many. The first column is always the bottle's number. */
  readonly firstMeasurement: number;
}

const measurementCount = 13;

export const dialects: Readonly<Record<'plain' | 'french', Dialect>> = {
  plain: { sample: 'wine.csv', delimiter: ',', lineEnd: '\n', decimal: '.', firstMeasurement: 1 },
  french: { sample: "vins d'été.csv", delimiter: ';', lineEnd: '\r\n', decimal: ',', firstMeasurement: 3 },
};

export interface RowsWanted {
  readonly rowCount: number;
  readonly dialect: keyof typeof dialects;
  /** A whole number; equal seeds give equal bytes. */
  readonly seed: number;
}

/** A record of the sample, cut where its measurements stand. */
interface Template {
  readonly before: string;
  readonly measurements: readonly { readonly value: number; readonly digits: number }[];
  readonly after: string;
}

/** Uniform in [0, 1): Mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md (read 2026-11-23). */
function makeRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function readTemplate(line: string, { delimiter, decimal, firstMeasurement }: Dialect): Template {
  // No cell up to the last measurement is quoted in the samples; what follows is taken as it is.
  const cells = line.split(delimiter);
  const end = firstMeasurement + measurementCount;
  return {
    before: cells
      .slice(1, firstMeasurement)
      .map((cell) => delimiter + cell)
      .join(''),
    measurements: cells.slice(firstMeasurement, end).map((cell) => ({
      value: Number(cell.replace(decimal, '.')),
      digits: cell.split(decimal)[1]?.length ?? 0,
    })),
    after: cells
      .slice(end)
      .map((cell) => delimiter + cell)
      .join(''),
  };
}

/** The file's bytes, in chunks of about 64 KiB. */
export async function* makeRows({ rowCount, dialect: name, seed }: RowsWanted): AsyncGenerator<Buffer> {
  const dialect = dialects[name];
  const { delimiter, lineEnd, decimal } = dialect;
  const sample = await readFile(fileURLToPath(new URL(`../samples/${dialect.sample}`, import.meta.url)), 'latin1');
  // Latin-1 in and out: every byte stays what it was, in whatever encoding the sample is.
  const [header, ...lines] = sample.split(lineEnd).filter((line) => line !== '');
  const templates = lines.map((line) => readTemplate(line, dialect));
  const random = makeRandom(seed);

  let text = header + lineEnd;
  for (let row = 1; row <= rowCount; row += 1) {
    const { before, measurements, after } = templates[Math.floor(random() * templates.length)]!;
    text += `R-${row}${before}`;
    for (const { value, digits } of measurements) {
      const moved = (value * (0.8 + 0.4 * random())).toFixed(digits);
      text += delimiter + (decimal === '.' ? moved : moved.replace('.', decimal));
    }
    text += after + lineEnd;
    if (text.length >= 65_536) {
      yield Buffer.from(text, 'latin1');
      text = '';
    }
  }
  yield Buffer.from(text, 'latin1');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string', default: '1000000' },
      dialect: { type: 'string', default: 'plain' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [file] = positionals;
  const [rowCount, seed] = [Number(values.rows), Number(values.seed)];
  if (
    file === undefined ||
    !Object.hasOwn(dialects, values.dialect) ||
    !Number.isSafeInteger(rowCount) ||
    !Number.isSafeInteger(seed)
  ) {
    console.error('usage: node bench/make-rows.ts <file> [--rows 1000000] [--dialect plain|french] [--seed 1]');
    process.exit(2);
  }
  const dialect = values.dialect as keyof typeof dialects;
  await pipeline(Readable.from(makeRows({ rowCount, dialect, seed })), createWriteStream(file));
}
