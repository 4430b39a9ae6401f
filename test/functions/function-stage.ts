/** A stage for handlers: a build folder as `npm run package` makes it, a development S3 server, and the environment of the offline stack. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../lib/config/read.ts';
import { selectFactors } from '../../lib/ledger/select-factors.ts';
import { makeS3Connection, makeS3Storage } from '../../lib/storage/s3.ts';
import type { Storage } from '../../lib/storage/types.ts';
import { startS3Server } from '../../local/s3/server.ts';

export type Handler = (event: unknown, context: unknown) => Promise<void>;

export interface Stage {
  readonly storage: Storage;
  /** Events that S3 would have sent, in order. */
  readonly events: readonly unknown[];
  /** Lines that were logged, parsed. */
  readonly lines: ReadonlyArray<Readonly<Record<string, unknown>>>;
  /** Loads a handler on this stage. */
  load(name: 'classify' | 'settle-failed'): Promise<Handler>;
  clear(): Promise<void>;
}

export const bucket = 'tamis-test';

export const context = (awsRequestId: string) => ({ awsRequestId, getRemainingTimeInMillis: () => 300_000 });

export async function setStage(configuration: string): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-functions-'));
  const built = join(folder, '.tamis', 'build');
  await mkdir(built, { recursive: true });
  await writeFile(join(built, 'config.json'), JSON.stringify(readConfig(configuration, 'tamis.yml')));
  await writeFile(join(built, 'factors.json'), JSON.stringify(selectFactors({ region: 'eu-west-3' })));
  const events: unknown[] = [];
  const server = await startS3Server({
    port: 0,
    folder: join(folder, 's3'),
    buckets: [bucket],
    onObjectCreated: ({ key, event }) => {
      if (key.startsWith('input/')) events.push(event);
    },
  });
  const endpoint = `http://127.0.0.1:${server.port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const connection = makeS3Connection({ region: 'eu-west-3', endpoint, forcePathStyle: true, credentials });
  Object.assign(process.env, {
    IS_OFFLINE: 'true',
    AWS_REGION: 'eu-west-3',
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });

  const lines: Array<Record<string, unknown>> = [];
  const { log, error } = console;
  const { info } = console;
  const keep = (line: unknown): void => void lines.push(JSON.parse(String(line)) as Record<string, unknown>);
  console.log = keep;
  console.info = keep;
  console.error = keep;
  process.env['POWERTOOLS_DEV'] = 'true';

  const home = process.cwd();
  return {
    storage: makeS3Storage({ connection, bucket }),
    events,
    lines,
    async load(name) {
      process.chdir(folder);
      const { handler } = (await import(`../../functions/${name}.ts`)) as { readonly handler: Handler };
      return handler;
    },
    async clear() {
      Object.assign(console, { log, info, error });
      process.chdir(home);
      connection.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
