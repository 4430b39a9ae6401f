import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ObjectCreated, objectsCreated } from '../../lib/job/event.ts';
import { jobId } from '../../lib/job/identity.ts';
import { context, type Handler, type Stage, setStage } from './function-stage.ts';

const configuration = `
version: 1
routes:
  - name: mail
    input: input/mail/
    features: [subject]
    labels: [ham, spam]
    endpoint: { kind: stub, labels: [ham, spam] }
`;

let stage: Stage;
let settle: Handler;
let classify: Handler;
beforeAll(async () => {
  stage = await setStage(configuration);
  settle = await stage.load('settle-failed');
  classify = await stage.load('classify');
});
afterAll(() => stage.clear());

async function upload(key: string, body: string): Promise<object> {
  const before = stage.events.length;
  await stage.storage.put(key, Buffer.from(body));
  while (stage.events.length === before) await new Promise((resolve) => setImmediate(resolve));
  return stage.events.at(-1) as object;
}

const failureOf = (event: object, errorMessage: string) => ({
  version: '1.0',
  requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  requestPayload: event,
  responsePayload: { errorType: 'TamisError', errorMessage },
});
const cold =
  'endpoint.cold: expected an endpoint that wakes in time; found still asleep (HTTP 503); the job is tried again';

const readError = async (key: string): Promise<Record<string, unknown>> =>
  JSON.parse(await text((await stage.storage.read(`${key}.error.json`)).body)) as Record<string, unknown>;

describe('settle-failed', () => {
  it('writes the error file with the code of the last failure, open to a redrive', async () => {
    const event = await upload('input/mail/cold.csv', 'subject\nhello\n');

    await settle(failureOf(event, cold), context('settle-1'));

    expect(await readError('output/mail/cold.csv')).toMatchObject({ code: 'endpoint.cold', redrive: true });
  });

  it('reads the same record from a queue message', async () => {
    const event = await upload('input/mail/queued.csv', 'subject\nhello\n');

    await settle({ Records: [{ body: JSON.stringify(failureOf(event, cold)) }] }, context('settle-2'));

    expect(await readError('output/mail/queued.csv')).toMatchObject({ code: 'endpoint.cold' });
  });

  it('reads the bare event of the dead-letter queue, which does not say why it failed', async () => {
    const event = await upload('input/mail/bare.csv', 'subject\nhello\n');

    await settle({ Records: [{ body: JSON.stringify(event) }] }, context('settle-7'));

    expect(await readError('output/mail/bare.csv')).toMatchObject({ code: 'job.died', redrive: true });
  });

  it('says that the function died, and repeats nothing, when the message is not ours', async () => {
    const event = await upload('input/mail/died.csv', 'subject\nhello\n');

    await settle(failureOf(event, 'cannot parse "secret cell"'), context('settle-3'));

    const error = await readError('output/mail/died.csv');
    expect(error).toMatchObject({ code: 'job.died', redrive: true });
    expect(JSON.stringify(error)).not.toContain('secret cell');
  });

  it('settles once, and a redriven event then classifies the file', async () => {
    const event = await upload('input/mail/again.csv', 'subject\nhello\n');
    await settle(failureOf(event, cold), context('settle-4'));
    const first = await stage.storage.head('output/mail/again.csv.error.json');

    await settle(failureOf(event, cold), context('settle-5'));
    expect((await stage.storage.head('output/mail/again.csv.error.json'))?.versionId).toBe(first?.versionId);

    await classify(event, context('late-duplicate'));
    expect(await stage.storage.head('output/mail/again.csv')).toBeUndefined();

    await classify({ ...event, redrive: true }, context('redrive-1'));
    expect(await stage.storage.head('output/mail/again.csv.error.json')).toBeUndefined();
    expect(await stage.storage.head('output/mail/again.csv.summary.json')).toBeDefined();
  });

  it('is tried again while the claim of the invocation that was killed looks alive', async () => {
    const event = await upload('input/mail/killed.csv', 'subject\nhello\n');
    const [{ bucket: name, key, versionId }] = objectsCreated(event) as [ObjectCreated];
    const job = jobId({ bucket: name, key, route: 'mail', version: versionId! });
    const holder = { requestId: 'killed', attempt: 'killed', retried: true };
    await stage.storage.put(
      `.tamis/claims/${job}`,
      Buffer.from(JSON.stringify({ job, holder, state: 'held', publications: [] })),
    );
    const record = failureOf(event, '');

    const settling = settle(
      { ...record, requestContext: { ...record.requestContext, requestId: 'killed' } },
      context('settle-7'),
    );

    await expect(settling).rejects.toMatchObject({ code: 'job.claimed' });
  });

  it('does nothing for a job that was done after all', async () => {
    const event = await upload('input/mail/done.csv', 'subject\nhello\n');
    await classify(event, context('done-1'));

    await settle(failureOf(event, cold), context('settle-6'));

    expect(await stage.storage.head('output/mail/done.csv.error.json')).toBeUndefined();
    expect(await stage.storage.head('output/mail/done.csv')).toBeDefined();
  });
});
