import type { Route } from '../config/types.ts';
import { rejectsHeader } from '../csv/rejects.ts';
import type { RecordBlock } from '../csv/types.ts';
import type { AppendedCell } from '../csv/write.ts';
import type { ModelIdentity } from '../endpoints/types.ts';
import type { Batch } from './batch.ts';
import type { RowAnswer, RowFailure } from './caller.ts';
import { type CsvSession, describeAnswer, type RowProblem } from './csv-session.ts';
import { type Classification, type Labelled, makeLabeller } from './label.ts';
import { type ModelLedger, modelText } from './models.ts';
import type { Tally } from './tally.ts';

export interface AnsweredBatch {
  readonly batch: Batch;
  readonly answers: readonly RowAnswer[];
  readonly model: ModelIdentity | undefined;
}

export interface DeliveryOptions {
  readonly route: Route;
  readonly csv: CsvSession;
  readonly tally: Tally;
  readonly models: ModelLedger;
  readonly writeOutput: (chunk: Buffer) => Promise<void>;
  readonly writeRejects: (chunk: Buffer) => Promise<void>;
  readonly onDelivered: () => void;
}

/** The output is handed on in pieces of about this size: a write a batch costs more than the batch. */
const outputPieceBytes = 256 * 1024;

const isFailure = (answer: RowAnswer): answer is RowFailure => 'problem' in answer;

/** Writes answered batches, which come in input order: each record goes to the output or to the rejects, and nowhere else. */
export function makeDelivery(options: DeliveryOptions): (answered: AnsweredBatch) => Promise<void> {
  const { route, csv, tally, models } = options;
  const label = makeLabeller({
    ...(route.labels === undefined ? {} : { labels: route.labels }),
    ...(route.decide === undefined ? {} : { decide: route.decide }),
    needsScores: route.output.scores,
  });

  // One list for all records: the writer keeps nothing of it.
  const cells: AppendedCell[] = [];
  function cellsOf({ label: text, score, scores }: Classification, model: ModelIdentity): readonly AppendedCell[] {
    const { output } = route;
    let count = 0;
    cells[count++] = text;
    if (output.score !== null) cells[count++] = score;
    if (output.scores && scores !== undefined) for (const each of scores) cells[count++] = each;
    if (output.model !== null) cells[count++] = modelText(model);
    cells.length = count;
    return cells;
  }

  /** What becomes of a sound record by its answer. */
  function judge(answer: RowAnswer): Labelled | RowFailure {
    return isFailure(answer) ? answer : label(answer);
  }

  return async function deliver({ batch, answers, model: reported }) {
    const rejects: Buffer[] = [];
    const answeredCount = answers.reduce((count, answer) => (isFailure(answer) ? count : count + 1), 0);
    const model = answeredCount === 0 ? models.stated : models.add(reported, answeredCount);
    let position = 0;
    let next = 0;
    function reject(block: RecordBlock, index: number, problem: RowProblem): void {
      tally.rejected(problem.code);
      rejects.push(csv.rejectLine(block, index, { row: batch.firstRow + position, ...problem }));
    }

    async function writeRejects(): Promise<void> {
      if (rejects.length === 0) return;
      if (tally.counts.rejected === rejects.length) rejects.unshift(rejectsHeader);
      await options.writeRejects(Buffer.concat(rejects));
    }
    async function sort(): Promise<void> {
      for (const { block, start, end } of batch.stretches) {
        for (let index = start; index < end; index++, position++) {
          const problem = batch.problems.size === 0 ? undefined : batch.problems.get(position);
          if (problem !== undefined) {
            reject(block, index, problem);
            continue;
          }
          const judged = judge(answers[next++]!);
          if (typeof judged === 'string') reject(block, index, describeAnswer(judged, 200));
          else if ('problem' in judged) reject(block, index, describeAnswer(judged.problem, judged.status));
          else {
            tally.classified(judged.label, judged.abstained);
            if (csv.needsEncoding(judged.label)) await csv.decideEncoding();
            csv.addRecord(block, index, cellsOf(judged, model));
          }
        }
      }
    }

    tally.read(batch.recordCount);
    try {
      await sort();
    } finally {
      // An answer may end the job; the rejects that were found before it are written all the same.
      await writeRejects();
    }
    if (csv.pendingOutputBytes() >= outputPieceBytes) await options.writeOutput(await csv.takeOutput());
    options.onDelivered();
    tally.checkRejects(csv.maxRemainingRows(tally.counts.read));
  };
}
