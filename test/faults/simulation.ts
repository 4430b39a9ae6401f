/**
 * One seed, one story: uploads and deletions of one key, their events as S3 and Lambda deliver them (late, twice, again after a
 * failure, and to the on-failure function in the end), and the holders that run the job of each, on bad connections, with
 * wrong clocks, until they die.
 */
import type { Config } from '../../lib/config/types.ts';
import { makeStubEndpoint } from '../../lib/endpoints/stub.ts';
import type { Outcome } from '../../lib/endpoints/types.ts';
import { hasCode, isTamisError } from '../../lib/errors.ts';
import { jobId } from '../../lib/job/identity.ts';
import { type JobEnd, type JobRequest, type JobTools, runJob } from '../../lib/job/run.ts';
import { settleJob } from '../../lib/job/settle.ts';
import type { Receipt } from '../../lib/ledger/types.ts';
import { type MemoryStore, makeMemoryStorage, makeMemoryStore } from '../../lib/storage/memory.ts';
import { drawDelayMs, fairWeather, type Mutation, makeFaultyStorage, type Weather } from './faulty-storage.ts';
import { type Actor, makeScheduler, type Scheduler } from './scheduler.ts';
import { isRefused, labelOf, makeUploadPlan, type Upload, type UploadPlan } from './uploads.ts';

/** What the checker gets to see. */
export interface Watcher {
  readonly uploaded: (upload: Upload) => void;
  readonly deleted: () => void;
  /** A holder begins to work on the job of an upload. */
  readonly began: (run: RunFacts) => void;
  readonly effect: (run: RunFacts, operation: string, key: string) => void;
  readonly ended: (run: RunFacts, end: JobEnd | undefined, error: unknown) => void;
  readonly needsRedrive: () => boolean;
}

export interface RunFacts {
  readonly attempt: string;
  readonly upload: Upload;
  readonly actor: Actor;
  readonly settles: boolean;
  readonly redrive: boolean;
  /** Died, or met a broken connection: what it left behind is the lifecycle's. */
  disturbed: boolean;
  /** Calls of the endpoint. */
  callCount: number;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly config: Config;
  readonly mutation?: Mutation;
  /** The same answers in every run, whoever asks. */
  readonly deterministic?: boolean;
  readonly makeWatcher: (world: World) => Watcher;
}

export interface World {
  readonly store: MemoryStore;
  readonly scheduler: Scheduler;
  readonly deterministic: boolean;
  /** Whether nothing but ordinary delays happens in this story. */
  readonly isCalm: boolean;
  readonly trace: string[];
}

export const bucket = 'bucket';
export const inputKey = 'input/r/data.csv';
export const outputKey = 'output/r/data.csv';
const lambdaTimeoutMs = 900_000;
const settleTimeoutMs = 120_000;
/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html (2026-11-23): one minute, then two. */
const retryAfterMs = [60_000, 120_000] as const;
/** What the ledger says is no matter here. */
const receipt = {} as Receipt;

/** What goes wrong in this story, and how often. Each seed leaves some of it out, so that the rest shows undisturbed. */
interface Fate {
  readonly weather: Weather;
  readonly killShare: number;
  readonly duplicateShare: number;
  readonly redriveShare: number;
  readonly refuseShare: number;
  readonly unreachableShare: number;
  readonly partSizeBytes: number;
}

function drawFate(random: () => number): Fate {
  const some = (share: number, maximum: number): number => (random() < share ? random() * maximum : 0);
  return {
    weather: {
      slowShare: some(0.6, 0.15),
      pauseShare: some(0.6, 0.06),
      refusedShare: some(0.3, 0.04),
      lostShare: some(0.3, 0.04),
      conflictShare: some(0.3, 0.1),
      lateShare: some(0.3, 0.1),
    },
    killShare: some(0.6, 0.7),
    duplicateShare: some(0.7, 0.8),
    redriveShare: some(0.5, 1),
    refuseShare: some(0.5, 0.3),
    unreachableShare: some(0.3, 0.3),
    partSizeBytes: random() < 0.5 ? 48 : 8 * 1024 * 1024,
  };
}

interface Delivery {
  readonly upload: Upload;
  readonly requestId: string;
  readonly redrive: boolean;
}

/** Plays the story of a seed to its end. What the watcher throws ends it. Returns the number of steps. */
export async function simulate(options: SimulationOptions): Promise<World> {
  const { seed, config, mutation, deterministic = false } = options;
  const scheduler = makeScheduler(seed);
  const { random, nowMs } = scheduler;
  const versioned = random() < 0.5;
  const store = makeMemoryStore({ versioned, clock: { now: nowMs }, bucket });
  const uploader = makeMemoryStorage({ store });
  const fate = drawFate(random);
  const isCalm = fate.killShare + Object.values(fate.weather).reduce((sum, share) => sum + share, 0) === 0;
  const trace: string[] = [];
  const world: World = { store, scheduler, deterministic, isCalm, trace };
  const watcher = options.makeWatcher(world);
  const uploads: Upload[] = [];
  let runCount = 0;
  let deliveryCount = 0;

  function note(line: string): void {
    trace.push(`${((nowMs() - Date.UTC(2026, 10, 23)) / 1000).toFixed(3).padStart(9)} ${line}`);
  }

  function makeRun(delivery: Delivery, settles: boolean): RunFacts {
    const attempt = `run${runCount++}`;
    const actor = scheduler.makeActor(attempt, (random() - 0.5) * 2 * 600_000);
    return {
      attempt,
      upload: delivery.upload,
      actor,
      settles,
      redrive: delivery.redrive,
      disturbed: false,
      callCount: 0,
    };
  }

  /** The calls before which, or the time after which, this run dies; most do not. */
  function planDeath(run: RunFacts, isLastChance: boolean, die: (why: string) => void): () => void {
    if (isLastChance || random() >= fate.killShare) return () => undefined;
    if (random() < 0.3) {
      scheduler.after(random() * 60_000, () => die('killed'));
      return () => undefined;
    }
    let stepsLeft = Math.floor(random() * 110);
    return () => {
      if (stepsLeft-- === 0 && !run.actor.isDead) die('killed');
    };
  }

  function toolsOf(
    run: RunFacts,
    delivery: Delivery,
    weather: Weather,
    deadlineMs: number,
    onStep: () => void,
  ): JobTools {
    const { actor, attempt } = run;
    const clock = scheduler.clockOf(actor);
    const storage = makeFaultyStorage({
      scheduler,
      actor,
      store,
      weather,
      partSizeBytes: fate.partSizeBytes,
      mutation,
      outputKey,
      ownVersion: run.upload,
      onStep,
      onFault: () => {
        run.disturbed = true;
      },
      onEffect: (operation, key) => {
        note(`${attempt} ${operation} ${key}`);
        try {
          watcher.effect(run, operation, key);
        } catch (error) {
          // Not into the job, which would deal with it.
          scheduler.fail(error);
        }
      },
    });
    async function answer(rows: readonly string[]): Promise<Outcome> {
      onStep();
      run.callCount++;
      await scheduler.wait(actor, drawDelayMs(scheduler, actor, weather));
      if (random() < fate.unreachableShare) return { kind: 'transient', status: 0 };
      const author = deterministic ? 'anybody' : attempt;
      const ids = rows.map((row) => (JSON.parse(row) as readonly [string])[0]);
      if (ids.some((id) => isRefused(author, id, fate.refuseShare))) return { kind: 'bad-rows', status: 400 };
      return { kind: 'ok', answers: rows.map(() => ({ label: labelOf(author) })) };
    }
    return {
      config,
      clock,
      holder: { requestId: delivery.requestId, attempt, retried: true },
      deployed: false,
      functionRegion: undefined,
      openStorages: () => ({ inputs: storage, outputs: storage, claims: storage }),
      hostOf: () => 'inside',
      openEndpoint: async () =>
        makeStubEndpoint({ kind: 'stub', labels: ['unused'] }, { clock, script: ({ rows }) => answer(rows) }),
      remainingMs: () => deadlineMs - nowMs(),
      writeReceipt: () => receipt,
    };
  }

  /** One invocation. Resolves when it returned, threw, or was killed. */
  function invoke(
    delivery: Delivery,
    work: (tools: JobTools, request: JobRequest) => Promise<JobEnd>,
    { settles, isLastChance }: { readonly settles: boolean; readonly isLastChance: boolean },
  ): Promise<{ readonly failed: boolean; readonly message: string }> {
    const run = makeRun(delivery, settles);
    const { actor, attempt, upload } = run;
    const timeoutMs = settles ? settleTimeoutMs : lambdaTimeoutMs;
    const weather = isLastChance ? fairWeather : fate.weather;
    return new Promise((resolve, reject) => {
      function die(why: string): void {
        if (actor.isDead || isOver) return;
        run.disturbed = true;
        note(`${attempt} ${why}`);
        scheduler.kill(actor);
        resolve({ failed: true, message: '' });
      }
      let isOver = false;
      const onStep = planDeath(run, isLastChance, die);
      scheduler.after(timeoutMs, () => die('timed out'));
      const tools = toolsOf(run, delivery, weather, nowMs() + timeoutMs, onStep);
      note(`${attempt} begins upload ${upload.index} ${delivery.requestId}${settles ? ' to settle it' : ''}`);
      watcher.began(run);
      work(tools, requestOf(delivery))
        .then(
          (end) => {
            note(`${attempt} ends ${end.kind}`);
            watcher.ended(run, end, undefined);
            return { failed: false, message: '' };
          },
          (error: unknown) => {
            if (!isTamisError(error) || error.kind !== 'passing') throw error;
            if (hasCode(error, 'internal.bug')) throw error;
            note(`${attempt} fails ${error.code}`);
            watcher.ended(run, undefined, error);
            return { failed: true, message: error.message };
          },
        )
        .then((result) => {
          isOver = true;
          resolve(result);
        })
        .catch(reject);
    });
  }

  function requestOf({ upload, redrive }: Delivery): JobRequest {
    const { etag, versionId, sequencer } = upload;
    return { bucket, key: inputKey, etag, versionId, sequencer, fallbackVersion: 'none', redrive };
  }

  /** Three tries, then the on-failure function's three; its last one meets no trouble. */
  async function deliver(delivery: Delivery): Promise<void> {
    let message = '';
    for (let attempt = 0; attempt <= retryAfterMs.length; attempt++) {
      if (attempt > 0) await scheduler.wait(undefined, retryAfterMs[attempt - 1]! + random() * 5_000);
      const tried = await invoke(delivery, runJob, { settles: false, isLastChance: false });
      if (!tried.failed) return;
      message = tried.message;
    }
    for (let attempt = 0; attempt <= retryAfterMs.length; attempt++) {
      await scheduler.wait(undefined, attempt === 0 ? random() * 2_000 : retryAfterMs[attempt - 1]!);
      const isLastChance = attempt === retryAfterMs.length;
      const settle = (tools: JobTools, request: JobRequest) =>
        settleJob(tools, { ...request, redrive: false }, { message });
      const requestId = mutation === 'settling-stranger' ? `${delivery.requestId} settled` : delivery.requestId;
      const settled = await invoke({ ...delivery, requestId }, settle, { settles: true, isLastChance });
      if (!settled.failed) break;
      if (isLastChance) note('nobody settled the job');
    }
    if (delivery.redrive || random() >= fate.redriveShare) return;
    await scheduler.wait(undefined, random() * 1_200_000);
    note(`redrive of upload ${delivery.upload.index}`);
    await deliver({ ...delivery, requestId: `request${deliveryCount++}`, redrive: true });
  }

  function announce(upload: Upload): void {
    const lateMs = (): number => (random() < 0.8 ? random() * 2_000 : random() * 900_000);
    const requestId = `request${deliveryCount++}`;
    scheduler.after(lateMs(), () => deliver({ upload, requestId, redrive: false }));
    while (random() < fate.duplicateShare && deliveryCount < 8) {
      // S3 repeats an event under another request id, Lambda's own queue under the same.
      const again = random() < 0.7 ? `request${deliveryCount++}` : requestId;
      scheduler.after(lateMs(), () => deliver({ upload, requestId: again, redrive: false }));
    }
  }

  async function put(plan: UploadPlan, index: number): Promise<void> {
    const written = await uploader.put(inputKey, plan.body);
    const sequencer = `0055AED6${(0xdc_d9_02_81 + index * 0x1000 + Math.floor(random() * 0x1000)).toString(16).toUpperCase()}`;
    const { etag, versionId } = written;
    const upload: Upload = {
      ...plan,
      index,
      etag,
      ...(versionId === undefined ? {} : { versionId }),
      sequencer,
      refuseShare: fate.refuseShare,
      job: jobId({ bucket, key: inputKey, route: 'r', version: versionId ?? sequencer }),
    };
    note(`upload ${index}: ${plan.kind}, ${plan.ids.length} rows`);
    uploads.push(upload);
    watcher.uploaded(upload);
    announce(upload);
  }

  const plans = makeUploadPlan(random);
  let atMs = 0;
  plans.forEach((plan, index) => {
    scheduler.after(atMs, () => put(plan, index));
    atMs += random() < 0.5 ? random() * 3_000 : random() * 600_000;
  });
  if (random() < 0.15)
    scheduler.after(atMs, async () => {
      note('input deleted');
      await uploader.delete(inputKey);
      watcher.deleted();
    });
  await scheduler.run();
  if (watcher.needsRedrive()) {
    note('redrive of what arrived late');
    scheduler.after(0, async () => {
      const delivery: Delivery = { upload: uploads.at(-1)!, requestId: 'redrive', redrive: true };
      await invoke(delivery, runJob, { settles: false, isLastChance: true });
    });
    await scheduler.run();
  }
  return world;
}
