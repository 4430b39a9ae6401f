import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, ListMultipartUploadsCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { makeS3Connection, makeS3Storage } from '../../lib/storage/s3.ts';
import { s3Conformance } from '../conformance/s3/suite.ts';
import type { S3Target } from '../conformance/s3/target.ts';
import { describeStorage } from '../contract/storage-contract.ts';
import { gatewayPath } from './s3-install.ts';

const installed = fileURLToPath(new URL('../../.interop/s3', import.meta.url));
let folder: string | undefined;
let gateway: ChildProcess | undefined;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function startGateway(): Promise<S3Target> {
  const port = await freePort();
  folder = await mkdtemp(join(installed, 'run-'));
  const [objects, versions] = [join(folder, 'objects'), join(folder, 'versions')];
  await mkdir(objects);
  await mkdir(versions);
  const target = {
    name: 'Versity S3 Gateway',
    region: 'eu-west-3',
    accessKeyId: 'interop',
    secretAccessKey: 'interop-key',
  };
  const options = ['--port', `127.0.0.1:${port}`, '--region', target.region, '--quiet'];
  gateway = spawn(gatewayPath(installed), [...options, 'posix', '--versioning-dir', versions, objects], {
    env: { ...process.env, ROOT_ACCESS_KEY: target.accessKeyId, ROOT_SECRET_KEY: target.secretAccessKey },
    stdio: 'ignore',
  });
  const endpoint = `http://127.0.0.1:${port}`;
  // Another process gives no other sign of being ready than an answer.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (
      await fetch(endpoint).then(
        () => true,
        () => false,
      )
    )
      return { ...target, endpoint };
    await sleep(100);
  }
  throw new Error('the gateway does not answer');
}

async function stopGateway(): Promise<void> {
  if (gateway !== undefined && gateway.exitCode === null) {
    gateway.kill();
    await once(gateway, 'exit');
  }
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}

s3Conformance('Versity S3 Gateway', {
  start: startGateway,
  stop: stopGateway,
  expectedDifferences: {
    'a key with two slashes in a row is written, read and listed as it is':
      'its keys are paths of a file system, which knows no empty segments',
    'a key of more than 1,024 bytes is refused': 'it leaves the limit to the file system, whose error it passes on',
    'on a versioned bucket a delete marker counts as no object for conditions':
      'it compares If-Match with the object before the delete marker',
    'the framing of a stream does not show in the content encoding':
      'it stores aws-chunked, which S3 documents that it drops',
    'with EncodingType url keys are listed form-encoded, slashes kept': 'it ignores the parameter',
    'a quiet deletion of many names only errors': 'it ignores Quiet',
    'a deletion of none is refused': 'it accepts the empty list',
  },
});

for (const versioned of [false, true]) {
  // A key is a path there, and a delete marker counts as an object.
  const traits = { versioned, keepsMetadata: true, takesEveryKey: false, judgesDeleted: !versioned };
  describeStorage(`storage on Versity S3 Gateway, ${versioned ? 'with' : 'without'} versions`, traits, async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = await startGateway();
    const credentials = { accessKeyId, secretAccessKey };
    const connection = makeS3Connection({ region, endpoint, forcePathStyle: true, credentials });
    const bucket = { Bucket: 'contract' };
    await connection.client.send(new CreateBucketCommand(bucket));
    if (versioned) {
      const status = { VersioningConfiguration: { Status: 'Enabled' as const } };
      await connection.client.send(new PutBucketVersioningCommand({ ...bucket, ...status }));
    }
    return {
      storage: makeS3Storage({ connection, bucket: bucket.Bucket }),
      countLeftovers: async (prefix) => {
        const command = new ListMultipartUploadsCommand({ ...bucket, Prefix: prefix });
        return (await connection.client.send(command)).Uploads?.length ?? 0;
      },
      close: async () => {
        connection.close();
        await stopGateway();
      },
    };
  });
}
