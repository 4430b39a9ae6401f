import { readFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ObjectCreated } from '../../local/s3/notification.ts';
import { type S3Server, type S3ServerOptions, startS3Server } from '../../local/s3/server.ts';
import { makeClient, refusal, textOf } from '../conformance/s3/target.ts';

const Bucket = 'tamis-local';
let folder: string;
let server: S3Server;
let client: S3Client;
let created: ObjectCreated[];

async function start(options: Partial<S3ServerOptions> = {}): Promise<void> {
  created = [];
  server = await startS3Server({
    port: 0,
    folder,
    buckets: [Bucket],
    onObjectCreated: (event) => created.push(event),
    ...options,
  });
  client = makeClient({
    name: 'local',
    endpoint: `http://127.0.0.1:${server.port}`,
    region: 'eu-west-3',
    accessKeyId: 'any',
    secretAccessKey: 'any',
  });
}

async function stop(): Promise<void> {
  client.destroy();
  await server.close();
}

async function restart(): Promise<void> {
  await stop();
  await start();
}

async function put(Key: string, Body: string): Promise<string> {
  return (await client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from(Body) }))).VersionId ?? '';
}

async function read(Key: string, VersionId?: string): Promise<string> {
  return await textOf(await client.send(new GetObjectCommand({ Bucket, Key, VersionId })));
}

async function list(): Promise<(string | undefined)[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  return Contents.map(({ Key }) => Key);
}

/** Every plain file, relative to the bucket's folder. */
async function plainFiles(): Promise<string[]> {
  const root = join(folder, Bucket);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

const blobs = () => readdir(join(folder, '.server', Bucket, 'blobs'));
const plain = (...path: string[]) => join(folder, Bucket, ...path);
/** The reply comes before the event; one turn of the loop is between them. */
const afterReply = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-s3-'));
  await start();
});

afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true, force: true });
});

describe('startS3Server', () => {
  it('says that its port is busy, and which option changes it', async () => {
    const second = startS3Server({ port: server.port, portOption: '--port', folder, buckets: [] });

    await expect(second).rejects.toMatchObject({
      code: 'local.port-busy',
      details: { port: server.port, option: '--port' },
    });
  });

  it('needs no signature and takes any credentials', async () => {
    const url = `http://127.0.0.1:${server.port}/${Bucket}/unsigned`;

    const { status } = await fetch(url, { method: 'PUT', body: 'hello' });
    const answer = await fetch(`${url}?X-Amz-Signature=wrong`, { headers: { authorization: 'AWS nonsense' } });

    expect(status).toBe(200);
    expect(await answer.text()).toBe('hello');
  });

  it('gives its own time as Date and Last-Modified, the latter in whole seconds', async () => {
    await stop();
    await start({ now: () => Date.parse('2026-11-20T10:00:00.900Z') });
    await put('a', 'x');

    const answer = await fetch(`http://127.0.0.1:${server.port}/${Bucket}/a`, { method: 'HEAD' });

    expect(answer.headers.get('last-modified')).toBe('Fri, 20 Nov 2026 10:00:00 GMT');
    expect(answer.headers.get('date')).toBe('Fri, 20 Nov 2026 10:00:00 GMT');
  });

  it('refuses parts of the API that it does not have, rather than storing them as objects', async () => {
    const url = `http://127.0.0.1:${server.port}/${Bucket}/a?acl`;

    const { status } = await fetch(url, { method: 'PUT', body: 'x' });

    expect(status).toBe(501);
    expect(await list()).toEqual([]);
  });

  it('stores nothing of an upload that the client breaks off', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`PUT /${Bucket}/half HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nonly this`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await blobs()).toHaveLength(1);

    socket.destroy();
    while ((await blobs()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));

    expect(await list()).toEqual([]);
    expect(created).toEqual([]);
  });
});

describe('object created events', () => {
  it('have the shape of AWS, with the key form-encoded and the version, size and ETag of the object', async () => {
    const versionId = await put('input/a b+é.csv', 'hello');
    await afterReply();

    expect(created).toMatchObject([{ bucket: Bucket, key: 'input/a b+é.csv', createdBy: 'Put' }]);
    expect(created[0]?.event).toEqual({
      Records: [
        {
          eventVersion: '2.1',
          eventSource: 'aws:s3',
          awsRegion: 'eu-west-3',
          eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          eventName: 'ObjectCreated:Put',
          userIdentity: { principalId: expect.any(String) },
          requestParameters: { sourceIPAddress: '127.0.0.1' },
          responseElements: { 'x-amz-request-id': expect.any(String), 'x-amz-id-2': expect.any(String) },
          s3: {
            s3SchemaVersion: '1.0',
            configurationId: 'local',
            bucket: {
              name: Bucket,
              ownerIdentity: { principalId: expect.any(String) },
              arn: `arn:aws:s3:::${Bucket}`,
            },
            object: {
              key: 'input/a+b%2B%C3%A9.csv',
              size: 5,
              eTag: '5d41402abc4b2a76b9719d911017c592',
              versionId,
              sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
            },
          },
        },
      ],
    });
  });

  it('come when the object can be read and is a plain file', async () => {
    const found: string[] = [];
    await stop();
    await start({ onObjectCreated: ({ key }) => found.push(readFileSync(plain(key), 'utf8')) });

    await put('a', 'complete');
    await afterReply();

    expect(found).toEqual(['complete']);
  });

  it('come too when the client goes away before it has read the reply', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(`PUT /${Bucket}/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx`);
    while ((await blobs()).length === 0) await afterReply();
    socket.destroy();
    while (created.length === 0) await afterReply();

    expect(created).toMatchObject([{ key: 'a' }]);
    expect(await read('a')).toBe('x');
  });

  it('are sent for uploads, copies and completed multipart uploads, and for nothing else', async () => {
    await put('a', 'x');
    await client.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'c' }));
    const part = { Bucket, Key: 'c', UploadId, PartNumber: 1 };
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: Buffer.from('x') }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'c', UploadId, MultipartUpload }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    await refusal(client.send(new PutObjectCommand({ Bucket, Key: 'b', Body: Buffer.from('y'), IfNoneMatch: '*' })));
    await afterReply();

    expect(created.map(({ event }) => event.Records[0].eventName)).toEqual([
      'ObjectCreated:Put',
      'ObjectCreated:Copy',
      'ObjectCreated:CompleteMultipartUpload',
    ]);
  });

  it('have sequencers that grow, over a restart and a clock that goes back too', async () => {
    await put('a', '1');
    await put('a', '2');
    await afterReply();
    const before = created.map(({ event }) => event.Records[0].s3.object.sequencer);
    await stop();
    await start({ now: () => 1_000_000_000_000 });
    await put('a', '3');
    await afterReply();

    const sequencers = [...before, ...created.map(({ event }) => event.Records[0].s3.object.sequencer)];

    expect(sequencers).toHaveLength(3);
    expect([...sequencers].sort()).toEqual(sequencers);
    expect(new Set(sequencers).size).toBe(3);
  });

  it('name no version where a bucket has none', async () => {
    await rm(folder, { recursive: true });
    await stop();
    await start({ versioning: false });
    await put('a', 'x');
    await afterReply();

    expect(created[0]?.event.Records[0].s3.object).not.toHaveProperty('versionId');
  });
});

describe('plain files', () => {
  it('hold the current version of every key whose segments are ordinary file names', async () => {
    await put('input/wine/a b.csv', 'old');
    await put('input/wine/a b.csv', 'new');
    await put('dégustation été+50%.csv', 'x');

    expect(await plainFiles()).toEqual(['dégustation été+50%.csv', 'input/wine/a b.csv']);
    expect(await readFile(plain('input', 'wine', 'a b.csv'), 'utf8')).toBe('new');
  });

  it('go away with their object, and so do folders that become empty', async () => {
    await put('a/b/c', 'x');
    await put('a/d', 'y');

    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a/b/c' }));

    expect(await plainFiles()).toEqual(['a/d']);
    expect(await readdir(plain('a'))).toEqual(['d']);
  });

  it('show the version before when the newest is deleted by its id', async () => {
    await put('a', 'one');
    const newest = await put('a', 'two');

    await client.send(new DeleteObjectCommand({ Bucket, Key: 'a', VersionId: newest }));

    expect(await readFile(plain('a'), 'utf8')).toBe('one');
  });

  it.each([
    '../escaped',
    'a/../../escaped',
    '..',
    './a',
    'a//b',
    '/absolute',
    'folder/',
    'a\\b',
    'bell\u0007',
    'x'.repeat(300),
  ])('are not made for the key %j, which is stored elsewhere inside the folder', async (key) => {
    const outside = await readdir(join(folder, '..'));
    const path = key.split('/').map(encodeURIComponent).join('/');
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.write(`PUT /${Bucket}/${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 7\r\n\r\ncontent`);
    await new Promise((resolve) => socket.once('close', resolve));

    expect(answer).toMatch(/^HTTP\/1.1 200/);
    expect(await list()).toEqual([key]);
    expect(await plainFiles()).toEqual([]);
    expect((await readdir(join(folder, '..'))).filter((name) => name === 'escaped')).toEqual([]);
    expect(await readdir(join(folder, '..'))).toEqual(expect.arrayContaining(outside));
    expect((await readdir(folder)).sort()).toEqual(['.server', Bucket]);
  });

  it('give way where one key is a folder of another: both are objects all the same', async () => {
    await put('a', 'file');
    await put('a/b', 'inside');
    await put('c/d', 'inside');
    await put('c', 'file');

    expect(await plainFiles()).toEqual(['a', 'c/d']);
    expect([await read('a'), await read('a/b'), await read('c/d'), await read('c')]).toEqual([
      'file',
      'inside',
      'inside',
      'file',
    ]);
  });

  it('that were written by many at once hold one of the writes, the same as the object', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => put(index % 2 ? 'x/race' : 'y/race', `writer ${index}`)),
    );

    for (const key of ['x/race', 'y/race']) {
      expect(await readFile(plain(...key.split('/')), 'utf8')).toBe(await read(key));
    }
  });
});

describe('a restart', () => {
  it('keeps objects, versions, markers, metadata, tags and uploads in progress', async () => {
    const one = await put('a', 'one');
    await put('a', 'two');
    await put('gone', 'x');
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
    const described = { Bucket, Key: 'described', Body: Buffer.from('x') };
    await client.send(new PutObjectCommand({ ...described, Metadata: { job: '7' }, Tagging: 'team=a' }));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
    const part = { Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: Buffer.from('part') };
    const { ETag } = await client.send(new UploadPartCommand(part));

    await restart();

    expect(await read('a')).toBe('two');
    expect(await read('a', one)).toBe('one');
    expect(await list()).toEqual(['a', 'described']);
    const { DeleteMarkers } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'gone' }));
    expect(DeleteMarkers).toMatchObject([{ Key: 'gone', IsLatest: true }]);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'described' }));
    expect(head).toMatchObject({ Metadata: { job: '7' }, TagCount: 1 });
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'parts', UploadId, MultipartUpload }));
    expect(await read('parts')).toBe('part');
  });

  it('keeps what was said about versioning', async () => {
    const VersioningConfiguration = { Status: 'Suspended' as const };
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));

    await restart();

    expect(await put('a', '1')).toBe('null');
    expect(await put('a', '2')).toBe('null');
    const { Versions } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions).toHaveLength(1);
  });

  it('takes over what was done by hand: new files, edits in place and by replacing, deletions', async () => {
    for (const key of ['kept', 'edited', 'replaced', 'deleted']) await put(key, `${key} before`);
    await stop();
    await mkdir(plain('input'));
    await writeFile(plain('input', 'new.csv'), 'by hand');
    await appendFile(plain('edited'), ' and after');
    await unlink(plain('replaced'));
    await writeFile(plain('replaced'), 'quite different');
    await unlink(plain('deleted'));
    await start();

    expect(await list()).toEqual(['edited', 'input/new.csv', 'kept', 'replaced']);
    expect(await read('kept')).toBe('kept before');
    expect(await read('edited')).toBe('edited before and after');
    expect(await read('replaced')).toBe('quite different');
    expect(await read('input/new.csv')).toBe('by hand');
    expect(created).toEqual([]);
    const { Versions } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'replaced' }));
    expect(Versions).toHaveLength(2);
    await restart();
    expect(await plainFiles()).toEqual(['edited', 'input/new.csv', 'kept', 'replaced']);
  });

  it('undoes a write that a kill stopped between the plain file and the record, and sweeps its traces', async () => {
    await put('a', 'acknowledged');
    await stop();
    const records = join(folder, '.server', Bucket, 'keys');
    const [record = ''] = (await readdir(records, { recursive: true })).filter((name) => name.endsWith('.json'));
    const before = await readFile(join(records, record), 'utf8');
    await start();
    await put('a', 'never acknowledged');
    await put('b', 'never acknowledged');
    await stop();
    for (const name of await readdir(records, { recursive: true })) {
      if (name.endsWith('.json')) await unlink(join(records, name));
    }
    await writeFile(join(records, record), before);

    await start();

    expect(await list()).toEqual(['a']);
    expect(await read('a')).toBe('acknowledged');
    expect(await plainFiles()).toEqual(['a']);
    expect(await readFile(plain('a'), 'utf8')).toBe('acknowledged');
    expect(await blobs()).toHaveLength(1);
  });
});
