/** The job that is killed: real requests to the development S3 server, a model that takes its time and signs its answers. */
import { setTimeout as delay } from 'node:timers/promises';
import { readConfig } from '../../lib/config/read.ts';
import { makeStubEndpoint } from '../../lib/endpoints/stub.ts';
import { type JobEnd, type JobRequest, runJob } from '../../lib/job/run.ts';
import type { Receipt } from '../../lib/ledger/types.ts';
import { systemClock } from '../../lib/setup/system-clock.ts';
import { makeS3Connection, makeS3Storage, type S3Connection } from '../../lib/storage/s3.ts';
import type { Storage } from '../../lib/storage/types.ts';

export const bucket = 'tamis-kill';

export interface KillableJob {
  readonly port: number;
  readonly requestId: string;
  readonly attempt: string;
  readonly request: JobRequest;
}

export function connect(port: number): S3Connection {
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return makeS3Connection({ region: 'eu-west-3', endpoint, forcePathStyle: true, credentials });
}

/** `onStep` is called before each request to the storage or the model. */
export async function runKillable(
  { port, requestId, attempt, request }: KillableJob,
  onStep: () => void,
): Promise<JobEnd> {
  const connection = connect(port);
  const storage = announceSteps(makeS3Storage({ connection, bucket }), onStep);
  const config = readConfig(
    JSON.stringify({
      version: 1,
      routes: [
        {
          name: 'k',
          input: 'input/k/',
          features: ['x'],
          batch: { maxRows: 5, maxInFlight: 2 },
          limits: { maxRejected: { rows: 1000, share: 1 } },
          endpoint: { kind: 'stub', labels: ['unused'] },
        },
      ],
    }),
    'tamis.yml',
  );
  try {
    return await runJob(
      {
        config,
        clock: systemClock,
        holder: { requestId, attempt, retried: true },
        deployed: false,
        functionRegion: undefined,
        openStorages: () => ({ inputs: storage, outputs: storage, claims: storage }),
        hostOf: () => 'inside',
        openEndpoint: async () =>
          makeStubEndpoint(
            { kind: 'stub', labels: ['unused'] },
            {
              clock: systemClock,
              async script({ rows }) {
                onStep();
                await delay(2);
                return { kind: 'ok', answers: rows.map(() => ({ label: `by-${attempt}` })) };
              },
            },
          ),
        remainingMs: () => 900_000,
        writeReceipt: () => ({}) as Receipt,
      },
      request,
    );
  } finally {
    connection.close();
  }
}

function announceSteps(storage: Storage, onStep: () => void): Storage {
  const announced =
    <A extends unknown[], R>(send: (...args: A) => R) =>
    (...args: A): R => {
      onStep();
      return send(...args);
    };
  return {
    ...storage,
    head: announced(storage.head),
    read: announced(storage.read),
    put: announced(storage.put),
    delete: announced(storage.delete),
    versions: announced(storage.versions),
    upload: (...args) => {
      const upload = storage.upload(...args);
      return {
        get sizeBytes() {
          return upload.sizeBytes;
        },
        write: announced(upload.write),
        complete: announced(upload.complete),
        abort: upload.abort,
      };
    },
  };
}
