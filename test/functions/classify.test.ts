import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Summary } from '../../lib/job/summary.ts';
import { context, type Handler, type Stage, setStage } from './function-stage.ts';

const configuration = `
version: 1
routes:
  - name: mail
    input: input/mail/
    features: [subject]
    labels: [ham, spam]
    endpoint: { kind: stub, labels: [ham, spam] }
  - name: down
    input: input/down/
    features: [subject]
    endpoint: { kind: mlflow, url: 'http://127.0.0.1:1/invocations' }
`;

let stage: Stage;
let handler: Handler;
beforeAll(async () => {
  stage = await setStage(configuration);
  handler = await stage.load('classify');
});
afterAll(() => stage.clear());

async function upload(key: string, body: string): Promise<unknown> {
  const before = stage.events.length;
  await stage.storage.put(key, Buffer.from(body));
  while (stage.events.length === before) await new Promise((resolve) => setImmediate(resolve));
  return stage.events.at(-1);
}

const read = async (key: string): Promise<string> => text((await stage.storage.read(key)).body);
const readSummary = async (key: string): Promise<Summary> => JSON.parse(await read(`${key}.summary.json`)) as Summary;
const quantityOf = async (key: string, name: string): Promise<number> =>
  (await readSummary(key)).usage.find(({ resource }) => resource === name)?.quantity ?? 0;
const jobLines = () => stage.lines.filter(({ message }) => message === 'job');

describe('classify', () => {
  it('writes output and summary for an object whose key holds spaces, +, % and accents', async () => {
    const event = await upload('input/mail/a b+c%é.csv', 'id,subject\n1,hello\n2,offer\n');

    await handler(event, context('request-1'));

    const summary = await readSummary('output/mail/a b+c%é.csv');
    expect(await read('output/mail/a b+c%é.csv')).toMatch(
      /^id,subject,prediction,score\n1,hello,(ham|spam),[\d.]+\n2,offer,(ham|spam),[\d.]+\n$/,
    );
    expect(summary).toMatchObject({ outcome: 'complete', rows: { read: 2, classified: 2, rejected: 0 } });
    expect(summary.output?.etag).toBe((await stage.storage.head('output/mail/a b+c%é.csv'))?.etag);
  });

  it('logs one job line with rows, cost, energy and carbon, and none of the cells', async () => {
    const before = jobLines().length;
    const event = await upload('input/mail/log.csv', 'subject\nsecret-cell-value\n');

    await handler(event, context('request-2'));

    const lines = jobLines().slice(before);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      route: 'mail',
      outcome: 'complete',
      rows: { read: 1 },
      cost: { currency: 'USD', complete: true },
    });
    expect(JSON.stringify(stage.lines)).not.toContain('secret-cell-value');
  });

  it('bills the log for the line that it writes', async () => {
    const event = await upload('input/mail/line.csv', 'subject\nhello\n');

    await handler(event, context('b'.repeat(36)));

    const lineBytes = Buffer.byteLength(JSON.stringify(stage.lines.at(-1))) + 1;
    const platformBytes = 450;
    const idBytes = 120;
    const billed = await quantityOf('output/mail/line.csv', 'logs.ingested');
    expect(billed).toBeGreaterThanOrEqual(lineBytes + platformBytes - 20);
    expect(billed).toBeLessThanOrEqual(lineBytes + platformBytes + idBytes);
  });

  it('bills no time in which it waited for the first event', async () => {
    const event = await upload('input/mail/wait.csv', 'subject\nhello\n');
    const startedMs = performance.now();

    await handler(event, context('request-10'));

    const seconds = (performance.now() - startedMs) / 1000;
    // Loaded long ago, and charged to the first invocation; what follows the receipt is an estimate.
    expect(await quantityOf('output/mail/wait.csv', 'lambda.compute')).toBeLessThan((1769 / 1024) * seconds * 3);
  });

  it('does nothing the second time when the same event is delivered twice', async () => {
    const event = await upload('input/mail/twice.csv', 'subject\nhello\n');
    await handler(event, context('request-3'));
    const first = await stage.storage.head('output/mail/twice.csv');

    await handler(event, context('request-4'));

    expect((await stage.storage.head('output/mail/twice.csv'))?.versionId).toBe(first?.versionId);
    expect(stage.lines.at(-1)).toMatchObject({ message: 'duplicate' });
  });

  it('classifies every object of an event with several', async () => {
    const events = [
      await upload('input/mail/one.csv', 'subject\na\n'),
      await upload('input/mail/two.csv', 'subject\nb\n'),
    ];
    const records = events.flatMap((event) => (event as { readonly Records: readonly unknown[] }).Records);

    await handler({ Records: records }, context('request-5'));

    expect((await readSummary('output/mail/one.csv')).rows.read).toBe(1);
    expect((await readSummary('output/mail/two.csv')).rows.read).toBe(1);
    expect(await quantityOf('output/mail/one.csv', 'lambda.requests')).toBe(1);
    expect(await quantityOf('output/mail/two.csv', 'lambda.requests')).toBe(0);
  });

  it('writes an error file and succeeds when the failure is final', async () => {
    const event = await upload('input/mail/wrong.csv', 'topic\nhello\n');

    await handler(event, context('request-6'));

    expect(JSON.parse(await read('output/mail/wrong.csv.error.json'))).toMatchObject({
      code: 'input.column-missing',
      redrive: false,
    });
    expect(await stage.storage.head('output/mail/wrong.csv')).toBeUndefined();
    expect(jobLines().at(-1)).toMatchObject({
      outcome: 'failed',
      code: 'input.column-missing',
      timing: { endpointMs: 0 },
      cost: { currency: 'USD', complete: true, total: expect.any(Number) },
      energy: { complete: true },
      carbon: { complete: true },
    });
  });

  it('throws, publishes nothing and frees the claim when the endpoint cannot be reached', async () => {
    const event = await upload('input/down/x.csv', 'subject\nhello\n');

    await expect(handler(event, context('request-7'))).rejects.toMatchObject({ code: 'endpoint.unreachable' });

    expect(await stage.storage.head('output/down/x.csv')).toBeUndefined();
    expect(await stage.storage.head('output/down/x.csv.error.json')).toBeUndefined();
    expect(stage.lines.at(-1)).toMatchObject({
      message: 'failure',
      code: 'endpoint.unreachable',
      route: 'down',
      batches: { sent: 1 },
      cost: { currency: 'USD', total: expect.any(Number) },
    });
    await expect(handler(event, context('request-7'))).rejects.toMatchObject({ code: 'endpoint.unreachable' });
  });

  it('ignores folders, hidden names and S3 test events', async () => {
    const event = await upload('input/mail/_draft.csv', 'subject\nhello\n');

    await handler(event, context('request-8'));
    await handler(
      JSON.parse(readFileSync(new URL('../../events/classify.s3-test-event.json', import.meta.url), 'utf8')),
      context('request-9'),
    );

    expect(await stage.storage.head('output/mail/_draft.csv')).toBeUndefined();
    expect(stage.lines.at(-1)).toMatchObject({ message: 'ignored', reason: 'hidden' });
  });
});
