import { describe, expect, it } from '@jest/globals';
import {
  type AsyncTarget,
  AWS_MAX_EVENT_AGE_MS,
  type DestinationRecord,
  type EventPumpOptions,
  type FailedAttempt,
  type Invocation,
  type InvocationResult,
  makeEventPump,
} from '../../local/events.ts';

/** A clock whose sleepers wake at once, in the order of their times; what they slept is added to the time. */
function makeJumpingClock() {
  let nowMs = Date.parse('2026-11-20T10:00:00Z');
  const slept: number[] = [];
  return {
    slept,
    now: () => nowMs,
    async sleep(ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted();
      slept.push(ms);
      nowMs += ms;
      await Promise.resolve();
    },
  };
}

const failure: InvocationResult = { isError: true, payload: { errorMessage: 'storage.unavailable: …' } };
const success: InvocationResult = { isError: false, payload: null };

/** A pump whose invocations get these answers in turn, the last one for ever; `unreached` is the Lambda API itself failing. */
function arrange(answers: readonly (InvocationResult | 'unreached')[], options: Partial<EventPumpOptions> = {}) {
  const clock = makeJumpingClock();
  const invocations: (Invocation & { readonly atMs: number })[] = [];
  const failedAttempts: FailedAttempt[] = [];
  const records: DestinationRecord[] = [];
  const startMs = clock.now();
  let idCount = 0;
  const pump = makeEventPump({
    clock,
    invoke: async (invocation) => {
      const answer = answers[Math.min(invocations.length, answers.length - 1)]!;
      invocations.push({ ...invocation, atMs: clock.now() - startMs });
      if (answer === 'unreached') throw new Error('connection refused');
      return answer;
    },
    newRequestId: () => `request-${(idCount += 1)}`,
    onFailedAttempt: (attempt) => failedAttempts.push(attempt),
    ...options,
  });
  const target: AsyncTarget = {
    functionName: 'classify',
    functionArn: 'arn:aws:lambda:eu-west-3:000000000000:function:classify',
    onFailure: (record) => records.push(record),
  };
  return { clock, pump, target, invocations, failedAttempts, records };
}

describe('makeEventPump', () => {
  it('invokes once when the function succeeds', async () => {
    const { pump, target, invocations, records } = arrange([success]);

    pump.submit(target, { file: 1 });
    await pump.idle();

    expect(invocations).toEqual([{ functionName: 'classify', requestId: 'request-1', payload: { file: 1 }, atMs: 0 }]);
    expect(records).toEqual([]);
  });

  it('tries twice more after one minute and after two, with the same request id, until the function succeeds', async () => {
    const { pump, target, invocations, failedAttempts, records } = arrange([failure, failure, success]);

    pump.submit(target, {});
    await pump.idle();

    expect(invocations.map(({ atMs, requestId }) => [atMs, requestId])).toEqual([
      [0, 'request-1'],
      [60_000, 'request-1'],
      [180_000, 'request-1'],
    ]);
    expect(failedAttempts.map(({ attempt, nextInMs }) => [attempt, nextInMs])).toEqual([
      [1, 60_000],
      [2, 120_000],
    ]);
    expect(records).toEqual([]);
  });

  it('hands the record of AWS to the on-failure destination after the third error', async () => {
    const { pump, target, invocations, failedAttempts, records } = arrange([failure]);

    pump.submit(target, { Records: [] });
    await pump.idle();

    expect(invocations).toHaveLength(3);
    expect(failedAttempts.at(-1)?.nextInMs).toBeUndefined();
    expect(records).toEqual([
      {
        version: '1.0',
        timestamp: '2026-11-20T10:03:00.000Z',
        requestContext: {
          requestId: 'request-1',
          functionArn: 'arn:aws:lambda:eu-west-3:000000000000:function:classify:$LATEST',
          condition: 'RetriesExhausted',
          approximateInvokeCount: 3,
        },
        requestPayload: { Records: [] },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        responsePayload: failure.payload,
      },
    ]);
  });

  it('tries as often as the function is configured for', async () => {
    const none = arrange([failure]);
    none.pump.submit({ ...none.target, maxRetries: 0 }, {});
    await none.pump.idle();

    const one = arrange([failure]);
    one.pump.submit({ ...one.target, maxRetries: 1 }, {});
    await one.pump.idle();

    expect([none.invocations.length, one.invocations.length]).toEqual([1, 2]);
    expect([none.records.length, one.records.length]).toEqual([1, 1]);
  });

  it('does not count it as an error of the function when the Lambda API cannot be reached, and backs off to five minutes', async () => {
    const { pump, target, invocations, records, clock } = arrange([...Array(11).fill('unreached'), failure, success]);

    pump.submit(target, {});
    await pump.idle();

    expect(invocations).toHaveLength(13);
    expect(clock.slept.slice(0, 11)).toEqual(
      [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1000),
    );
    expect(clock.slept[11]).toBe(60_000);
    expect(records).toEqual([]);
  });

  it('gives up an event that has become too old, and says so in the record', async () => {
    const { pump, target, records, clock } = arrange(['unreached']);
    const startMs = clock.now();

    pump.submit(target, {});
    await pump.idle();

    expect(clock.now() - startMs).toBeGreaterThan(AWS_MAX_EVENT_AGE_MS);
    expect(records).toHaveLength(1);
    expect(records[0]?.requestContext).toMatchObject({ condition: 'EventAgeExceeded', approximateInvokeCount: 0 });
    expect(records[0]).not.toHaveProperty('responsePayload');
  });

  it('does not retry an event that is older than the age of the function allows', async () => {
    const { pump, target, invocations, records } = arrange([failure]);

    pump.submit({ ...target, maxEventAgeMs: 90_000 }, {});
    await pump.idle();

    expect(invocations).toHaveLength(2);
    expect(records[0]?.requestContext).toMatchObject({ condition: 'EventAgeExceeded', approximateInvokeCount: 2 });
    expect(records[0]?.responsePayload).toEqual(failure.payload);
  });

  it('never has more events with functions than it may, and a failing one frees its place', async () => {
    let busyCount = 0;
    let mostBusy = 0;
    const { pump, target, records } = arrange([failure], {
      maxConcurrent: 3,
      invoke: async () => {
        busyCount += 1;
        mostBusy = Math.max(mostBusy, busyCount);
        await new Promise((resolve) => setImmediate(resolve));
        busyCount -= 1;
        throw new Error('unreached');
      },
    });

    for (let index = 0; index < 10; index += 1) pump.submit({ ...target, maxEventAgeMs: 5000 }, { index });
    await pump.idle();

    expect(mostBusy).toBe(3);
    expect(records).toHaveLength(10);
  });

  it('gives up what is waiting when it is closed', async () => {
    const { pump, target, invocations, records } = arrange([failure], {
      clock: {
        now: () => 0,
        sleep: (_ms, signal) =>
          new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason));
            setImmediate(() => pump.close());
          }),
      },
    });

    pump.submit(target, {});
    await pump.idle();
    pump.submit(target, {});
    await pump.idle();

    expect(invocations).toHaveLength(1);
    expect(records).toEqual([]);
  });
});
