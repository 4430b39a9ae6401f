/** `tamis redrive`: sends the event of a job that was given up to the function again. */
import { readFile } from 'node:fs/promises';
import { json } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { TamisError } from '../lib/errors.ts';
import type { ErrorDocument } from '../lib/job/summary.ts';
import { makeS3Connection, makeS3Storage } from '../lib/storage/s3.ts';
import { parseS3Location } from '../lib/storage/s3-location.ts';
import { awsRegion, s3Options } from './environment.ts';
import type { ExitStatus } from './exit-status.ts';

export async function redrive(args: readonly string[]): Promise<ExitStatus> {
  const { source, functionName } = readArguments(args);
  const document = await readErrorDocument(source);
  if (!document.redrive) {
    const problem = `${source} is a final failure (${document.code}): the same file would fail again`;
    throw new TamisError('local.usage', { problem });
  }
  await invoke(functionName, eventOf(document));
  process.stdout.write(`sent again: ${document.input.uri} -> ${functionName}\n`);
  return 0;
}

function readArguments(args: readonly string[]): { source: string; functionName: string } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new TamisError('local.usage', {
      problem: error instanceof Error ? error.message.split('. ')[0]! : 'unreadable options',
    });
  }
  const [source] = parsed.positionals;
  if (source === undefined) throw new TamisError('local.usage', { problem: 'no error file named' });
  return { source, functionName: parsed.values.function };
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: { function: { type: 'string', default: 'tamis-dev-classify' } },
    allowPositionals: true,
  });

async function readErrorDocument(source: string): Promise<ErrorDocument> {
  const location = parseS3Location(source);
  try {
    if (location === undefined) return JSON.parse(await readFile(source, 'utf8')) as ErrorDocument;
    const connection = makeS3Connection(s3Options());
    const object = await makeS3Storage({ connection, bucket: location.bucket }).read(location.key);
    return (await json(object.body)) as ErrorDocument;
  } catch (cause) {
    throw new TamisError('local.no-such-file', { file: source }, cause);
  }
}

/** The event as S3 would send it, marked as sent by a person: a job that was given up is open to it. */
function eventOf({ input }: ErrorDocument): object {
  const { bucket, key, etag, versionId, sequencer } = input;
  return {
    redrive: true,
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: awsRegion(),
        eventName: 'ObjectCreated:Put',
        s3: {
          bucket: { name: bucket },
          object: {
            key: encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/'),
            eTag: etag,
            versionId,
            sequencer,
          },
        },
      },
    ],
  };
}

async function invoke(functionName: string, event: object): Promise<void> {
  const { LambdaClient, InvokeCommand } = await import('@aws-sdk/client-lambda');
  const endpoint = process.env.AWS_ENDPOINT_URL_LAMBDA;
  const client = new LambdaClient({ region: awsRegion(), ...(endpoint === undefined ? {} : { endpoint }) });
  try {
    await client.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    );
  } catch (cause) {
    throw new TamisError('storage.unavailable', { operation: 'the call of the function' }, cause);
  } finally {
    client.destroy();
  }
}
