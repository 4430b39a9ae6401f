import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../lib/config/read.ts';
import { answering, type PipelineEnd, type PipelineRun, runPipeline } from './pipeline.ts';
import { brokenRules } from './pipeline-reading.ts';

/**
 * Whole results, as files that a person can check by hand, a folder a case. After a change on purpose:
 * UPDATE_GOLDEN=1 npm test -- --testPathPatterns pipeline-golden
 */
const root = new URL('../../', import.meta.url);
const folderOf = (name: string): URL => new URL(`test/golden/${name}/`, root);
const isUpdate = process.env['UPDATE_GOLDEN'] !== undefined;

const demo = readConfig(await readFile(new URL('tamis.yml', root), 'utf8'), 'tamis.yml');
const sample = (name: string) => readFile(new URL(`samples/${name}`, root));
const ownInput = (name: string) => readFile(new URL('input.csv', folderOf(name)));
const onDemo = (route: string, name: string) => async (): Promise<PipelineRun> => ({
  config: demo,
  real: true,
  key: `input/${route}/${name}`,
  input: await sample(name),
});

const cases: Readonly<Record<string, { readonly why: string; readonly run: () => Promise<PipelineRun> }>> = {
  wine: { why: 'the plain case: the demo and its model', run: onDemo('wine', 'wine.csv') },
  'vins-d-ete': {
    why: 'semicolon, decimal comma, Windows-1252, CRLF, own names and order: the labels and scores of the plain case',
    run: onDemo('vins', "vins d'été.csv"),
  },
  spreadsheet: {
    why: 'BOM, CRLF, quoted newlines and doubled quotes pass through untouched',
    run: onDemo('wine', 'spreadsheet.csv'),
  },
  'wine-gz': {
    why: 'a compressed input gives a compressed output; kept here as text',
    run: onDemo('wine', 'wine.csv.gz'),
  },
  'a-few-bad-rows': { why: 'rejects of the demo, with their positions', run: onDemo('wine', 'a few bad rows.csv') },
  'every-reject': {
    why: 'each code that rejects a row, in the words of the rejects file',
    run: async () => ({
      input: await ownInput('every-reject'),
      route: {
        features: [
          { column: 'nombre', as: 'number', type: 'number' },
          { column: 'texte', as: 'text' },
        ],
        labels: ['rouge', 'rosé'],
        onMissing: 'reject',
        csv: { maxRecordBytes: 120 },
        decide: { abstainBelow: 0.6, abstainAs: 'à revoir' },
      },
      script: answering(([number, text]) => {
        if (text === 'refusé') return undefined;
        if (text === 'sans réponse') return {};
        return text === 'inconnu'
          ? { label: 'bleu' }
          : { label: 'rosé', scores: { rouge: 1 - (number as number), rosé: number as number } };
      }),
    }),
  },
  'too-many-rejects': {
    why: 'a failed job: error file and rejects, no output',
    run: async () => ({
      input: await ownInput('every-reject'),
      route: { features: ['nombre'], limits: { maxRejected: { rows: 2, share: 0.1 } }, csv: { maxRecordBytes: 120 } },
    }),
  },
};

/** What a case leaves behind, by file name; without times, versions and what the machine decides. */
function resultsOf(end: PipelineEnd, why: string): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>([['why.txt', Buffer.from(`${why}\n`)]]);
  if (end.output !== undefined) files.set('output.csv', end.output[0] === 0x1f ? gunzipSync(end.output) : end.output);
  if (end.rejects !== undefined) files.set('rejects.csv', Buffer.from(end.rejects));
  const { summary, error } = end;
  if (summary !== undefined) {
    const { route, tags, outcome, input, endpoint, rows, labels, rejectCodes, batches } = summary;
    const { dialect, types } = input;
    const { kind, residency } = endpoint as { readonly kind: string; readonly residency: string };
    const kept = {
      route,
      tags,
      outcome,
      input: { bytes: input.bytes, dialect, types },
      endpoint: { kind, residency },
      rows,
      labels,
      rejectCodes,
      batches,
    };
    files.set('summary.json', Buffer.from(`${JSON.stringify(kept, null, 2)}\n`));
  }
  if (error !== undefined) {
    const { type, title, detail, code, route, redrive } = error;
    files.set('error.json', Buffer.from(`${JSON.stringify({ type, title, detail, code, route, redrive }, null, 2)}\n`));
  }
  return files;
}

const ends = new Map<string, Promise<PipelineEnd>>();
/** Each case runs once, whoever asks. */
function endOf(name: string): Promise<PipelineEnd> {
  let end = ends.get(name);
  if (end === undefined) {
    end = cases[name]!.run().then(runPipeline);
    ends.set(name, end);
  }
  return end;
}

describe('results', () => {
  it.each(Object.keys(cases))('are those in test/golden/%s', async (name) => {
    const end = await endOf(name);

    const found = resultsOf(end, cases[name]!.why);
    if (isUpdate) await write(name, found);
    const files = await readdir(folderOf(name));
    expect(files.filter((file) => file !== 'input.csv').sort()).toEqual([...found.keys()].sort());
    for (const [file, content] of found) {
      const golden = await readFile(new URL(file, folderOf(name)));
      expect([file, content.toString('latin1')]).toEqual([file, golden.toString('latin1')]);
    }
    expect(brokenRules(end)).toEqual([]);
  });

  it('are the same labels and scores for the same wines in four shapes', async () => {
    const shapes = await Promise.all(['wine', 'vins-d-ete', 'spreadsheet', 'wine-gz'].map(endOf));

    const answers = shapes.map(({ output }) => {
      const text = (output![0] === 0x1f ? gunzipSync(output!) : output!).toString('latin1');
      return [...text.matchAll(/[,;](barolo|grignolino|barbera)[,;]([\d.,e-]+)\r?$/gm)].map(([, label, score]) => [
        label,
        score!.replace(',', '.'),
      ]);
    });
    expect(answers[0]).toHaveLength(80);
    for (const other of answers.slice(1)) expect(other).toEqual(answers[0]);
  });
});

async function write(name: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  await mkdir(folderOf(name), { recursive: true });
  for (const old of await readdir(folderOf(name))) {
    if (old !== 'input.csv') await rm(new URL(old, folderOf(name)));
  }
  for (const [file, content] of files) await writeFile(new URL(file, folderOf(name)), content);
}

it('has a case for every folder', async () => {
  const entries = await readdir(new URL('test/golden/', root), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);

  expect(folders.sort()).toEqual(Object.keys(cases).sort());
  expect(existsSync(new URL('input.csv', folderOf('every-reject')))).toBe(true);
});
