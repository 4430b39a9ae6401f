import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type S3Server, startS3Server } from '../../local/s3/server.ts';
import { s3Conformance } from '../conformance/s3/suite.ts';

let folder: string | undefined;
let server: S3Server | undefined;

s3Conformance('the development server', {
  start: async () => {
    folder = await mkdtemp(join(tmpdir(), 'tamis-s3-'));
    server = await startS3Server({ port: 0, folder, buckets: [], versioning: false });
    return {
      name: 'local',
      endpoint: `http://127.0.0.1:${server.port}`,
      region: 'eu-west-3',
      accessKeyId: 'any',
      secretAccessKey: 'any',
    };
  },
  stop: async () => {
    await server?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  },
});
