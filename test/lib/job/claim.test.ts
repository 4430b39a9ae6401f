import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { TamisError } from '../../../lib/errors.ts';
import {
  type Claim,
  type ClaimRequest,
  claimKey,
  type Holder,
  type Publication,
  takeClaim,
} from '../../../lib/job/claim.ts';
import { type MemoryHooks, makeMemoryStorage, makeMemoryStore } from '../../../lib/storage/memory.ts';

const first: Holder = { requestId: 'request-1', attempt: 'a', retried: true };
const retry: Holder = { ...first, attempt: 'b' };
const stranger: Holder = { requestId: 'request-2', attempt: 'c', retried: true };

function makeJob() {
  let nowMs = Date.UTC(2026, 10, 23);
  const store = makeMemoryStore({ versioned: false, clock: { now: () => nowMs } });
  const sleeps: Array<() => void> = [];
  const clock: ClaimRequest['clock'] = {
    // Far from the storage's: a claim must not care.
    now: () => nowMs - 600_000,
    monotonicMs: () => nowMs,
    random: () => 0,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        expect(ms).toBe(15_000);
        sleeps.push(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
  return {
    store,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** Ends the wait for the next renewal, and lets it happen. */
    async renew() {
      sleeps.shift()?.();
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
    take: (holder: Holder, options: { redrive?: boolean; hooks?: MemoryHooks } = {}): Promise<Claim> =>
      takeClaim({
        storage: makeMemoryStorage({ store, ...options.hooks }),
        clock,
        job: 'j',
        holder,
        redrive: options.redrive ?? false,
      }),
    async state(): Promise<Record<string, unknown>> {
      const { body } = await makeMemoryStorage({ store }).read(claimKey('j'));
      return JSON.parse(await text(body)) as Record<string, unknown>;
    },
  };
}

const publication: Publication = { attempt: 'a', outcome: 'complete', document: { n: 1 }, rejectsKey: null };
const duplicate = { name: 'Withdrawn', as: 'duplicate' };
const claimed = { code: 'job.claimed' };

describe('takeClaim', () => {
  it('takes a job that nobody holds', async () => {
    const job = makeJob();

    const claim = await job.take(first);

    expect(claim.takenOver).toBe(false);
    expect(await job.state()).toMatchObject({ holder: first, state: 'held', publications: [] });
  });

  it('leaves a live claim to another delivery, whose own retries stand behind it', async () => {
    const job = makeJob();
    await job.take(first);

    await expect(job.take(stranger)).rejects.toMatchObject(duplicate);
  });

  it('asks to come again for a live claim of the same delivery, and of a holder whom nobody retries', async () => {
    const job = makeJob();
    await job.take(first);
    await expect(job.take(retry)).rejects.toMatchObject(claimed);

    const local = makeJob();
    await local.take({ ...first, retried: false });
    await expect(local.take(stranger)).rejects.toMatchObject(claimed);
  });

  it("judges a claim's age by the storage's clock: alive for 45 seconds and the clock's resolution, then free to take", async () => {
    const job = makeJob();
    const lost = await job.take(first);

    job.pass(46_000);
    await expect(job.take(stranger)).rejects.toMatchObject(duplicate);
    job.pass(1_000);
    const claim = await job.take(stranger);

    expect(claim.takenOver).toBe(true);
    await expect(lost.announce(publication)).rejects.toMatchObject(duplicate);
  });

  it('takes a freed claim at once and keeps what was announced', async () => {
    const job = makeJob();
    const claim = await job.take(first);
    await claim.announce(publication);
    await claim.end('free');

    const next = await job.take(retry);

    expect(next.publications).toEqual([publication]);
  });

  it('takes a job that is done as done, also for a redrive', async () => {
    const job = makeJob();
    await (await job.take(first)).end('done');

    await expect(job.take(retry)).rejects.toMatchObject(duplicate);
    await expect(job.take(stranger, { redrive: true })).rejects.toMatchObject(duplicate);
  });

  it('opens a settled job to a redrive alone, which forgets that the job was given up', async () => {
    const job = makeJob();
    const claim = await job.take(first);
    await claim.announce({ ...publication, outcome: 'given-up' });
    await claim.end('settled');

    await expect(job.take(retry)).rejects.toMatchObject(duplicate);
    const redriven = await job.take(stranger, { redrive: true });

    expect(redriven.publications).toEqual([{ ...publication, outcome: 'reopened' }]);
  });

  it('recognises its own claim when the answer to the first request got lost and the request was repeated', async () => {
    const job = makeJob();
    let puts = 0;
    const storage = makeMemoryStorage({ store: job.store });
    const claim = await job.take(first, {
      hooks: {
        async before(operation) {
          // The client's first attempt took effect; this is its second.
          if (operation === 'put' && puts++ === 0)
            await storage.put(
              claimKey('j'),
              Buffer.from(JSON.stringify({ job: 'j', holder: first, state: 'held', publications: [] })),
            );
        },
      },
    });

    expect(claim.takenOver).toBe(false);
    await claim.end('done');
    expect(await job.state()).toMatchObject({ state: 'done' });
  });

  it('of two that take a lapsed claim together lets one have it', async () => {
    const job = makeJob();
    await job.take(first);
    job.pass(60_000);

    const results = await Promise.allSettled([job.take(retry), job.take(stranger)]);

    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('a claim', () => {
  it('stays alive as long as it is renewed, and ends with its signal', async () => {
    const job = makeJob();
    const claim = await job.take(first);
    const ended = new AbortController();
    const renewals = claim.keepAlive(ended.signal, () => undefined);

    for (let round = 0; round < 5; round++) {
      job.pass(15_000);
      await job.renew();
    }

    await expect(job.take(stranger)).rejects.toMatchObject(duplicate);
    ended.abort();
    await renewals;
  });

  it('tells its holder once when another run has taken it', async () => {
    const job = makeJob();
    const claim = await job.take(first);
    let lostCount = 0;
    const renewals = claim.keepAlive(new AbortController().signal, () => lostCount++);
    job.pass(60_000);
    await job.take(stranger);

    await job.renew();
    await renewals;

    expect(lostCount).toBe(1);
    expect(await job.state()).toMatchObject({ holder: stranger });
  });

  it('outlives a renewal that does not get through', async () => {
    const job = makeJob();
    let isDown = false;
    const claim = await job.take(first, {
      hooks: {
        async before() {
          if (isDown) throw new TamisError('storage.unavailable', { operation: 'put' });
        },
      },
    });
    let isLost = false;
    const ended = new AbortController();
    const renewals = claim.keepAlive(ended.signal, () => {
      isLost = true;
    });
    isDown = true;
    await job.renew();
    isDown = false;
    await job.renew();
    ended.abort();
    await renewals;

    expect(isLost).toBe(false);
    await claim.announce(publication);
    expect(await job.state()).toMatchObject({ publications: [publication] });
  });

  it('keeps an announcement whose answer got lost', async () => {
    const job = makeJob();
    let isLost = false;
    const claim = await job.take(first, {
      hooks: {
        async after(operation) {
          if (!isLost || operation !== 'put') return;
          isLost = false;
          throw new TamisError('storage.unavailable', { operation: 'put' });
        },
      },
    });
    isLost = true;
    await expect(claim.announce(publication)).rejects.toMatchObject({ code: 'storage.unavailable' });
    await claim.end('free');

    expect(await job.state()).toMatchObject({ state: 'free', publications: [publication] });
  });

  it('lets a run that lost it mark the job as done, and nothing less', async () => {
    const job = makeJob();
    const lost = await job.take(first);
    job.pass(60_000);
    const claim = await job.take(stranger);

    await lost.end('free');
    expect(await job.state()).toMatchObject({ holder: stranger, state: 'held' });
    await lost.end('settled');
    expect(await job.state()).toMatchObject({ holder: stranger, state: 'held' });
    await lost.end('done');
    expect(await job.state()).toMatchObject({ holder: first, state: 'done' });

    await expect(claim.announce(publication)).rejects.toMatchObject(duplicate);
  });
});
