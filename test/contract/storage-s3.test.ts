import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { makeS3Connection, makeS3Storage } from '../../lib/storage/s3.ts';
import { startS3Server } from '../../local/s3/server.ts';
import { describeStorage } from './storage-contract.ts';

for (const versioning of [false, true]) {
  const traits = { versioned: versioning, keepsMetadata: true, takesEveryKey: true };
  describeStorage(`S3, ${versioning ? 'with' : 'without'} versions`, traits, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tamis-s3-'));
    const server = await startS3Server({ port: 0, folder, buckets: ['contract'], versioning });
    const connection = makeS3Connection({
      region: 'eu-west-3',
      endpoint: `http://127.0.0.1:${server.port}`,
      forcePathStyle: true,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    return {
      storage: makeS3Storage({ connection, bucket: 'contract' }),
      countLeftovers: async (prefix) => {
        const command = new ListMultipartUploadsCommand({ Bucket: 'contract', Prefix: prefix });
        return (await connection.client.send(command)).Uploads?.length ?? 0;
      },
      close: async () => {
        connection.close();
        await server.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  });
}
