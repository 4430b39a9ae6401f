import type { Clock } from '../clock.ts';
import { checkResidency, type Location } from '../config/residency.ts';
import { type KeyMeaning, outputKey, readKey, reservedSuffixes } from '../config/routes.ts';
import type { Config, Route } from '../config/types.ts';
import { compressionOf } from '../csv/compression.ts';
import type { Endpoint } from '../endpoints/types.ts';
import { hasCode, isTamisError, TamisError } from '../errors.ts';
import { type Meter, makeMeter } from '../ledger/meter.ts';
import type { CostReceipt } from '../ledger/types.ts';
import type { CountOperation, ObjectHead, Storage } from '../storage/types.ts';
import {
  type Account,
  makeAccount,
  nothingPlanned,
  type ReportSize,
  type Spent,
  type WriteReceipt,
} from './account.ts';
import { type Claim, type ClaimRequest, type Holder, type Publication, takeClaim } from './claim.ts';
import { classify, type Progress } from './classify.ts';
import { jobId } from './identity.ts';
import {
  clearOldEnds,
  dropStagedRejects,
  isPublished,
  type OldEnds,
  type Place,
  publishFailure,
  publishSuccess,
  removeTraces,
  requestsOfSuccess,
  rollForward,
  tidyAfterEnd,
} from './publish.ts';
import { metadataOf, resultKeys } from './results.ts';
import { makeStagedRejects } from './staged-rejects.ts';
import { type ErrorDocument, type Summary, writeError, writeSummary } from './summary.ts';
import { Withdrawn } from './withdrawn.ts';

/** One object version that arrived. */
export interface JobRequest {
  readonly bucket: string;
  readonly key: string;
  /** Of the bucket; undefined on this machine. */
  readonly region?: string | undefined;
  readonly etag?: string | undefined;
  readonly versionId?: string | undefined;
  readonly sequencer?: string | undefined;
  /** What makes this upload a job of its own where the storage says nothing: unique each time. */
  readonly fallbackVersion: string;
  readonly redrive: boolean;
  /** Where it goes, when somebody decided that (the command line); else the key decides. */
  readonly chosen?: { readonly route: Route; readonly outputKey: string };
}

export interface Storages {
  readonly inputs: Storage;
  readonly outputs: Storage;
  readonly claims: Storage;
}

/** Everything of the outside world that a job needs. Put together by `functions/support/wiring.ts` and by the command line. */
export interface JobTools {
  readonly config: Config;
  readonly clock: Clock;
  readonly holder: Holder;
  /** Whether this runs in the cloud: loopback hosts are refused there. */
  readonly deployed: boolean;
  /** The Region that the function runs in; undefined on this machine. */
  readonly functionRegion: string | undefined;
  readonly openStorages: (count: CountOperation) => Storages;
  /** Where the route's endpoint is, from its configuration alone: nothing is loaded. */
  readonly hostOf: (
    route: Route,
  ) => { readonly host: string } | { readonly region: string; readonly name: string } | 'inside';
  /** Loads the model or the endpoint's client. `count` hears of what the ledger meters outside the calls' own outcomes. */
  readonly openEndpoint: (route: Route, count: Meter['add']) => Promise<Endpoint>;
  /** Milliseconds until the platform ends the run; `Infinity` where nobody does. */
  readonly remainingMs: () => number;
  readonly writeReceipt: WriteReceipt;
  /** What telling the end of a run takes; nothing where nobody is told. */
  readonly sizeReport?: (end: JobEnd | GivenBack) => ReportSize;
  /** Hears what a run cost that throws: no summary and no error file will say it. */
  readonly onGivenBack?: (run: GivenBack) => void;
  readonly onProgress?: (progress: JobProgress) => void;
  /** Stops the job before it publishes, with the signal's reason; once it publishes, it goes on to its end. */
  readonly interruption?: AbortSignal;
}

export interface JobProgress extends Progress {
  readonly costSoFar: () => CostReceipt;
}

export type JobEnd =
  | { readonly kind: 'ignored'; readonly reason: 'outside' | 'folder' | 'hidden' | 'no-match'; readonly key: string }
  | {
      readonly kind: 'duplicate' | 'superseded';
      readonly job: string;
      readonly route: string | undefined;
      /** Undefined when it never had the claim. */
      readonly spent?: Spent;
    }
  | { readonly kind: 'complete'; readonly job: string; readonly summary: Summary }
  | { readonly kind: 'failed'; readonly job: string; readonly error: ErrorDocument; readonly spent: Spent };

/** A run that ended in a passing failure: the event comes again. */
export interface GivenBack {
  readonly kind: 'given-back';
  readonly job: string;
  readonly route: string | undefined;
  readonly spent: Spent;
}

/** Kept back for publishing: what comes after the last row takes a dozen requests. */
const publishReserveMs = 15_000;

/**
 * Runs one job to its end. Returns how it ended; a final failure is an end, with its error file written. Throws passing
 * failures (`TamisError` of kind `passing`, and whatever nobody expected): then nothing is published and the claim is free.
 */
export async function runJob(tools: JobTools, request: JobRequest): Promise<JobEnd> {
  const opened = await openJob(tools, request);
  if ('kind' in opened) return opened;
  const { run, claim, meaning } = opened;
  return holdWhile(claim, tools.interruption, async (signal) => {
    try {
      return await runClaimed(run, claim, meaning, signal);
    } catch (error) {
      return await endOf(run, claim, error);
    }
  });
}

export interface OpenedJob {
  readonly run: Run;
  readonly claim: Claim;
  readonly meaning: Exclude<KeyMeaning, { readonly kind: 'ignored' }>;
}

/** Finds the route, sees that the version still stands, takes the claim; or says why there is nothing to do. */
export async function openJob(tools: JobTools, request: JobRequest): Promise<OpenedJob | JobEnd> {
  const { key } = request;
  const meaning = meaningOf(tools.config, request);
  if (meaning.kind === 'ignored') return { kind: 'ignored', reason: meaning.reason, key };

  const route = meaning.kind === 'no-route' ? undefined : meaning.route;
  const meter = makeMeter();
  const storages = tools.openStorages((operation) => meter.add(`s3.${operation}`, 1));
  const version = request.versionId ?? request.sequencer ?? request.fallbackVersion;
  const job = jobId({ bucket: request.bucket, key, route: route?.name ?? 'none', version });
  const isThisVersion = (head: ObjectHead | undefined): head is ObjectHead =>
    head !== undefined &&
    (request.versionId === undefined || head.versionId === request.versionId) &&
    (request.etag === undefined || head.etag === request.etag);

  const place: Place = {
    storage: storages.outputs,
    keys: resultKeys(request.chosen?.outputKey ?? outputKey(key)),
    job,
    sequencer: request.sequencer,
    isCurrent: async () => isThisVersion(await storages.inputs.head(key)),
  };
  const account = makeAccount({ clock: tools.clock, meter, route, writeReceipt: tools.writeReceipt });
  const opening = { tools, request, job, route, place, storages, meter, account };
  try {
    const input = await storages.inputs.head(key);
    if (!isThisVersion(input)) {
      // Whoever deletes an input once its results are there keeps them, however late the event comes again.
      if (input === undefined && (await isPublished(place))) return withdraw(opening, 'duplicate');
      await removeTraces(place);
      return withdraw(opening, 'superseded');
    }
    const claim = await takeOrTidy({ ...tools, storage: storages.claims, job, redrive: request.redrive }, place);
    return { run: { ...opening, input }, claim, meaning };
  } catch (error) {
    if (error instanceof Withdrawn) return withdraw(opening, error.as);
    throw giveBack(opening, error);
  }
}

type Opening = Omit<Run, 'input'>;

export function withdraw({ tools, job, route, account }: Opening, kind: 'duplicate' | 'superseded'): JobEnd {
  return withReport(tools, (report) => ({ kind, job, route: route?.name, spent: account.spent(report) }));
}

/** Lets it be known what the run cost, and returns the error. */
export function giveBack({ tools, job, route, account }: Opening, error: unknown): unknown {
  tools.onGivenBack?.(
    withReport(tools, (report) => ({ kind: 'given-back', job, route: route?.name, spent: account.spent(report) })),
  );
  return error;
}

/** The receipt of a run holds the line that it is logged on: so the end is written twice, first without that line's cost. */
function withReport<T extends JobEnd | GivenBack>({ sizeReport }: JobTools, write: (report: ReportSize) => T): T {
  const first = write(nothingPlanned.report);
  return sizeReport === undefined ? first : write(sizeReport(first));
}

async function takeOrTidy(request: ClaimRequest, place: Place): Promise<Claim> {
  try {
    return await takeClaim(request);
  } catch (error) {
    if (!(error instanceof Withdrawn) || !(await tidyAfterEnd(place))) throw error;
    // Either somebody works on it, or the job was given up too early.
    return takeClaim({ ...request, redrive: true });
  }
}

type Meaning = KeyMeaning | { readonly kind: 'ignored'; readonly reason: 'outside' };

function meaningOf(config: Config, { key, chosen }: JobRequest): Meaning {
  if (chosen !== undefined) {
    const suffix = reservedSuffixes.find((reserved) => key.endsWith(reserved));
    return suffix === undefined ? { kind: 'job', ...chosen } : { kind: 'reserved', route: chosen.route, suffix };
  }
  // Our own results, and anything that no route can ever name: an error file there might start the next job.
  return key.startsWith('input/') ? readKey(config, key) : { kind: 'ignored', reason: 'outside' };
}

/** What all steps of one run share. */
export interface Run {
  readonly tools: JobTools;
  readonly request: JobRequest;
  readonly job: string;
  readonly route: Route | undefined;
  readonly place: Place;
  readonly storages: Storages;
  readonly meter: Meter;
  readonly account: Account;
  readonly input: ObjectHead;
}

/** Renews the claim as long as `work` goes on; stops the work when the claim is lost. */
async function holdWhile<T>(
  claim: Claim,
  interruption: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const ended = new AbortController();
  const renewals = claim.keepAlive(ended.signal, () => lost.abort(new Withdrawn('duplicate')));
  // A renewal that is refused for good shows again, and is dealt with, at the next write.
  renewals.catch(() => undefined);
  try {
    return await work(interruption === undefined ? lost.signal : AbortSignal.any([lost.signal, interruption]));
  } finally {
    ended.abort(new Error('ended'));
    await renewals.catch(() => undefined);
  }
}

async function runClaimed(run: Run, claim: Claim, meaning: OpenedJob['meaning'], signal: AbortSignal): Promise<JobEnd> {
  const { tools, request, place } = run;
  const standing = claim.takenOver ? await rollForward(place, claim) : undefined;
  if (standing !== undefined) return endWith(run, claim, standing);
  if (meaning.kind === 'no-route') throw new TamisError('input.no-route', {});
  if (meaning.kind === 'reserved') throw new TamisError('input.reserved-name', { suffix: meaning.suffix });
  const route = run.route!;
  const { maxInputBytes } = route.limits;
  if (maxInputBytes !== null && run.input.sizeBytes > maxInputBytes)
    throw new TamisError('limit.input-bytes', { maxInputBytes, sizeBytes: run.input.sizeBytes });
  const location = locate(tools, request, route);
  const oldEnds = await run.account.timeRequests(() => clearOldEnds(place, claim, tools.holder.attempt));
  const endpoint = await tools.openEndpoint(route, run.meter.add);
  try {
    return await classifyAndPublish(run, claim, { route, endpoint, location, oldEnds }, signal);
  } finally {
    await endpoint.close();
  }
}

/** Bucket, function and endpoint, in this order; throws `residency.*`. */
function locate(tools: JobTools, request: JobRequest, route: Route): Location & { readonly host?: string } {
  const rule = tools.config.residency;
  const { deployed } = tools;
  if (request.region !== undefined) checkResidency(rule, { region: request.region, name: 'the bucket' }, { deployed });
  if (tools.functionRegion !== undefined)
    checkResidency(rule, { region: tools.functionRegion, name: 'the function' }, { deployed });
  const host = tools.hostOf(route);
  if (host !== 'inside')
    return { ...checkResidency(rule, host, { deployed }), ...('host' in host ? { host: host.host } : {}) };
  if (tools.functionRegion === undefined) return { residency: 'local' };
  return checkResidency(rule, { region: tools.functionRegion, name: 'the function' }, { deployed });
}

interface Ready {
  readonly route: Route;
  readonly endpoint: Endpoint;
  readonly location: Location & { readonly host?: string };
  readonly oldEnds: OldEnds;
}

async function classifyAndPublish(
  run: Run,
  claim: Claim,
  { route, endpoint, location, oldEnds }: Ready,
  signal: AbortSignal,
): Promise<JobEnd> {
  const { tools, request, job, place, storages, meter, account, input } = run;
  const { clock, holder } = tools;
  const author = { job, attempt: holder.attempt, sequencer: place.sequencer };
  const upload = storages.outputs.upload(place.keys.output, { metadata: metadataOf(author) });
  const rejects = makeStagedRejects(storages.outputs, job, holder.attempt);
  // S3 calls only functions of the bucket's own Region.
  const transferred = (bytes: number): void => {
    if (tools.functionRegion !== undefined) meter.add('network.in-region', bytes);
  };
  const pinned = input.versionId === undefined ? { ifMatch: input.etag } : { versionId: input.versionId };
  try {
    const result = await classify({
      route,
      endpoint,
      clock,
      meter,
      signal,
      sizeBytes: input.sizeBytes,
      compression: compressionOf(request.key),
      openInput: () => readInput(storages.inputs, request.key, { ...pinned, signal }, transferred),
      writeOutput: (chunk) => {
        transferred(chunk.length);
        return upload.write(chunk);
      },
      writeRejects: rejects.write,
      timeLeftMs: () => tools.remainingMs() - publishReserveMs,
      onCounting: account.startCounting,
      onProgress: (progress) =>
        tools.onProgress?.({
          ...progress,
          costSoFar: () => tools.writeReceipt(route, meter.read(clock.monotonicMs()), 0, nothingPlanned).cost,
        }),
    });
    signal.throwIfAborted();
    const rejectsKey = await rejects.complete();
    const facts = {
      job,
      route,
      configuration: tools.config.hash,
      input: {
        uri: storages.inputs.uri(request.key),
        bytes: input.sizeBytes,
        etag: input.etag,
        ...(input.versionId === undefined ? {} : { versionId: input.versionId }),
      },
      location,
      result,
      timing: account.timing(result.throttledMs),
    };
    const planned = requestsOfSuccess(upload, rejects.upload(), oldEnds);
    const { summary } = withReport(tools, (report) => {
      const receipt = account.receipt(result.rows.classified, planned, report);
      return { kind: 'complete' as const, job, summary: writeSummary({ ...facts, receipt }) };
    });
    const publication: Publication = { attempt: holder.attempt, outcome: 'complete', document: summary, rejectsKey };
    const published = await publishSuccess(place, { publication, claim }, upload, oldEnds);
    if (published.attempt !== holder.attempt) await rejects.remove();
    return await endWith(run, claim, published);
  } catch (error) {
    // Whoever withdraws has not committed, for certain, or has undone it: nobody will ask for these rejects.
    if (error instanceof Withdrawn) await rejects.remove();
    if (isTamisError(error) && error.kind === 'final')
      return await fail(run, claim, error, await rejects.complete().catch(() => null));
    throw error;
  } finally {
    await upload.abort();
    await rejects.abort();
  }
}

/** The final failure's error file; `rejectsKey` names the rejects that were found before it. */
async function fail(run: Run, claim: Claim, error: TamisError, rejectsKey: string | null): Promise<JobEnd> {
  const { tools, place } = run;
  const document = describeFailure(run, error);
  const publication: Publication = { attempt: tools.holder.attempt, outcome: 'failed', document, rejectsKey };
  try {
    const published = await publishFailure(place, { publication, claim });
    if (published !== publication) await dropStagedRejects(place, publication);
    return await endWith(run, claim, published);
  } catch (failure) {
    if (failure instanceof Withdrawn) await dropStagedRejects(place, publication);
    throw failure;
  }
}

export function describeFailure({ job, request, route, storages, input }: Run, error: TamisError): ErrorDocument {
  return writeError(error, job, route?.name, {
    uri: storages.inputs.uri(request.key),
    bucket: request.bucket,
    key: request.key,
    etag: input.etag,
    ...(input.versionId === undefined ? {} : { versionId: input.versionId }),
    ...(request.sequencer === undefined ? {} : { sequencer: request.sequencer }),
  });
}

/** Turns whatever stopped a claimed run into its end, or throws it when the event shall come again. */
async function endOf(run: Run, claim: Claim, error: unknown): Promise<JobEnd> {
  const { place } = run;
  if (error instanceof Withdrawn) {
    if (error.as === 'superseded') {
      await removeTraces(place);
      await claim.end('done');
    }
    return withdraw(run, error.as);
  }
  // Where nobody sends the event again, a passing failure is an end too.
  const isInterrupted = run.tools.interruption?.aborted === true;
  if (isTamisError(error) && !isInterrupted && (error.kind === 'final' || !run.tools.holder.retried)) {
    try {
      return await fail(run, claim, error, null);
    } catch (failure) {
      if (failure instanceof Withdrawn) return endOf(run, claim, failure);
      throw failure;
    }
  }
  await claim.end('free').catch(() => undefined);
  throw giveBack(run, error);
}

/** Ends a job with what was published, by whichever run. */
export async function endWith(run: Run, claim: Claim, found: Publication): Promise<JobEnd> {
  const { tools, job, place, account } = run;
  const { outcome, document } = found;
  await claim.end(outcome === 'given-up' ? 'settled' : 'done');
  await dropStagedRejects(place, found);
  if (outcome === 'complete') return { kind: 'complete', job, summary: document as Summary };
  const error = document as ErrorDocument;
  return withReport(tools, (report) => ({ kind: 'failed', job, error, spent: account.spent(report) }));
}

async function* readInput(
  storage: Storage,
  key: string,
  options: NonNullable<Parameters<Storage['read']>[1]>,
  transferred: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  try {
    const object = await storage.read(key, options);
    for await (const chunk of object.body) {
      transferred(chunk.length);
      yield chunk;
    }
  } catch (error) {
    // The pinned version cannot be read any more: the object was overwritten or deleted.
    if (hasCode(error, 'storage.not-found') || hasCode(error, 'storage.precondition-failed'))
      throw new Withdrawn('superseded');
    throw error;
  }
}
