/** Reads results as somebody outside would, and judges whether they hold the input's records, each exactly once and in order. */
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'csv-parse/sync';
import type { PipelineEnd } from './pipeline.ts';

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
const compile = (file: string): ValidateFunction =>
  ajv.compile(JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')));

/** As published: whoever reads our files may hold them against these. */
export const isSummary = compile('tamis.summary.schema.json');
export const isErrorDocument = compile('tamis.error.schema.json');

export interface RejectRow {
  readonly row: number;
  readonly line: number;
  readonly offset: number;
  readonly length: number;
  readonly code: string;
  readonly detail: string;
  readonly record: string;
}

export function readRejects(rejects: string | undefined): readonly RejectRow[] {
  if (rejects === undefined) return [];
  const [header, ...rows] = parse(rejects, { relax_column_count: false }) as string[][];
  if (header?.join() !== 'row,line,offset,length,code,detail,record') throw new Error(`header ${header?.join()}`);
  return rows.map(([row, line, offset, length, code, detail, record]) => ({
    row: Number(row),
    line: Number(line),
    offset: Number(offset),
    length: Number(length),
    code: code!,
    detail: detail!,
    record: record!,
  }));
}

export interface Restorable {
  /** Decompressed, in an encoding whose ASCII bytes are ASCII. */
  readonly input: Buffer;
  readonly output: Buffer;
  readonly rejects: readonly RejectRow[];
  readonly lineEnd: string;
  /** What was appended to every record: nothing in the input may look like it. */
  readonly appended: RegExp;
  /** Bytes of BOM, blank lines and header before the first record. */
  readonly headerBytes: number;
  /** Bytes of BOM and header in the output. */
  readonly outputHeaderBytes: number;
}

export interface Restored {
  readonly classified: number;
  readonly rejected: number;
  readonly blank: number;
  /** Row numbers of the rejects as counted here. */
  readonly rejectedRows: readonly number[];
  /** Bytes of the input that nothing accounts for; -1 when all of them are accounted for. */
  readonly lostAt: number;
}

/** Puts the input together again from what was classified and what was rejected. */
export function restore(parts: Restorable): Restored {
  const input = parts.input.toString('latin1');
  const records = recordsOf(parts.output.toString('latin1').slice(parts.outputHeaderBytes), parts);
  const rejects = [...parts.rejects];
  let at = parts.headerBytes;
  let classified = 0;
  let blank = 0;
  const rejectedRows: number[] = [];
  const account = (lostAt: number): Restored => ({
    classified,
    rejected: rejectedRows.length,
    blank,
    rejectedRows,
    lostAt,
  });

  while (at < input.length) {
    if (rejects[0]?.offset === at) {
      at += rejects.shift()!.length;
      rejectedRows.push(classified + rejectedRows.length + 1);
    } else if (input.startsWith(parts.lineEnd, at)) {
      blank++;
    } else {
      const record = records[classified];
      if (record === undefined || !input.startsWith(record, at)) return account(at);
      at += record.length;
      classified++;
    }
    if (at === input.length) break;
    if (!input.startsWith(parts.lineEnd, at)) return account(at);
    at += parts.lineEnd.length;
  }
  return account(rejects.length === 0 && classified === records.length ? -1 : input.length);
}

function recordsOf(output: string, { appended, lineEnd }: Restorable): readonly string[] {
  const pieces = output.split(new RegExp(`${appended.source}(?:${lineEnd}|$)`, 's'));
  if (pieces.pop() !== '') throw new Error('the output does not end with what is appended to a record');
  return pieces;
}

/** What holds of every end, whatever the input. Returns what does not hold. */
export function brokenRules({ end, output, summary, error, rejects, objects, unfinishedUploadCount }: PipelineEnd) {
  const broken: string[] = [];
  const check = (holds: boolean, rule: string) => {
    if (!holds) broken.push(rule);
  };
  const conforms = (document: unknown, isValid: ValidateFunction) =>
    check(document === undefined || isValid(document), `the JSON Schema: ${ajv.errorsText(isValid.errors)}`);
  conforms(summary, isSummary);
  conforms(error, isErrorDocument);
  check(unfinishedUploadCount === 0, 'no upload is left open');
  check(![...objects.keys()].some((key) => key.startsWith('.tamis/rejects/')), 'no staged rejects are left');
  if (end.kind === 'complete') {
    check(output !== undefined && summary !== undefined && error === undefined, 'output and summary, no error file');
    const { rows, labels, rejectCodes } = summary!;
    check(rows.read === rows.classified + rows.rejected, 'read = classified + rejected');
    check(sum(labels) === rows.classified, 'labels add up to classified');
    check(sum(rejectCodes) === rows.rejected, 'codes add up to rejected');
    check(readRejects(rejects).length === rows.rejected, 'one line in the rejects a rejected row');
    check((rejects === undefined) === (rows.rejected === 0), 'a rejects file only for rejects');
    check((summary!.rejects === null) === (rows.rejected === 0), 'the summary names the rejects');
    check(summary!.outcome === (rows.rejected === 0 ? 'complete' : 'complete-with-rejects'), 'the outcome says so');
    check(summary!.output?.bytes === output?.length, 'the summary knows the size of the output');
  }
  if (end.kind === 'failed')
    check(output === undefined && summary === undefined && error !== undefined, 'an error file, no output, no summary');
  return broken;
}

const sum = (counts: Readonly<Record<string, number | undefined>>): number =>
  Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0);
