import { type ErrorCode, errorRules, isTamisError, TamisError, type ThrownCode } from '../errors.ts';
import type { Publication } from './claim.ts';
import { publishFailure, removeTraces, rollForward } from './publish.ts';
import {
  describeFailure,
  endWith,
  giveBack,
  type JobEnd,
  type JobRequest,
  type JobTools,
  openJob,
  withdraw,
} from './run.ts';
import type { ErrorDocument } from './summary.ts';
import { Withdrawn } from './withdrawn.ts';

/** What the platform says of an invocation that failed on its last retry. */
export interface LastFailure {
  /** The message of the error that the function threw, or the platform's own. */
  readonly message: string;
}

/**
 * Gives a job up after its last retry: writes the error file, once, and leaves the job open to a redrive. Finishes what an
 * earlier run had already completed instead. Throws `job.claimed` while a run is still alive.
 */
export async function settleJob(tools: JobTools, request: JobRequest, failure: LastFailure): Promise<JobEnd> {
  const opened = await openJob(tools, request);
  if ('kind' in opened) return opened;
  const { run, claim } = opened;
  const { place } = run;
  try {
    const standing = claim.takenOver ? await rollForward(place, claim) : undefined;
    if (standing !== undefined) return await endWith(run, claim, standing);
    const document = {
      ...describeFailure(run, new TamisError('job.died', {})),
      ...codeAndDetail(failure.message),
      redrive: true,
    };
    const publication: Publication = { attempt: tools.holder.attempt, outcome: 'given-up', document, rejectsKey: null };
    return await endWith(run, claim, await publishFailure(place, { publication, claim }));
  } catch (error) {
    if (error instanceof Withdrawn) {
      if (error.as === 'superseded') {
        await removeTraces(place);
        await claim.end('done');
      }
      return withdraw(run, error.as);
    }
    if (!isTamisError(error) || error.kind === 'passing') await claim.end('free').catch(() => undefined);
    throw giveBack(run, error);
  }
}

/** Our own messages are `code: detail`, and safe to repeat; any other text is the platform's or a library's, and is not. */
function codeAndDetail(message: string): Partial<Pick<ErrorDocument, 'code' | 'detail' | 'title' | 'type'>> {
  const [, code, detail] = /^([a-z]+\.[a-z-]+): (expected .*)$/s.exec(message) ?? [];
  if (code === undefined || detail === undefined || !isThrownCode(code)) return {};
  return { type: `urn:tamis:error:${code}`, title: errorRules[code].meaning, detail, code };
}

function isThrownCode(code: string): code is ThrownCode {
  return Object.hasOwn(errorRules, code) && errorRules[code as ErrorCode].kind !== 'row';
}
