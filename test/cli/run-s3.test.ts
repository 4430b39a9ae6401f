import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type S3Server, startS3Server } from '../../local/s3/server.ts';
import { configText, type Folder, makeFolder, tamis } from './command.ts';

const input = 'x,y\n1,a\n2\n3,a\n';
let folder: Folder;
let server: S3Server;
let environment: Record<string, string>;

beforeEach(async () => {
  folder = await makeFolder();
  await folder.write('tamis.yml', configText({}, { name: 'other' }));
  await mkdir(join(folder.path, 's3'));
  server = await startS3Server({ port: 0, folder: join(folder.path, 's3'), buckets: ['in', 'out'] });
  environment = {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${server.port}`,
    AWS_ACCESS_KEY_ID: 'any',
    AWS_SECRET_ACCESS_KEY: 'any',
    AWS_REGION: 'eu-west-3',
  };
  await fetch(`${environment['AWS_ENDPOINT_URL_S3']}/in/input/r0/a%20b%2B%C3%A9.csv`, { method: 'PUT', body: input });
});
afterEach(async () => {
  await server.close();
  await folder.remove();
});

const run = (...args: string[]) => tamis(['run', ...args], { folder: folder.path, environment });
const stored = (path: string) => readFile(join(folder.path, 's3', path), 'utf8');

describe('tamis run with buckets', () => {
  it('reads from one and writes to another', async () => {
    const { status, stdout, stderr } = await run('s3://in/input/r0/a b+é.csv', '--out', 's3://out/some/prefix');

    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: '2 classified, 1 rejected -> s3://out/some/prefix/a b+é.csv\n',
      stderr: '',
    });
    expect(await folder.files('s3/out')).toEqual(
      ['', '.rejects.csv', '.summary.json'].map((suffix) => `some/prefix/a b+é.csv${suffix}`),
    );
    expect(await stored('out/some/prefix/a b+é.csv')).toMatch(/^x,y,prediction,score\n1,a,.+\n3,a,.+\n$/);
    const summary = JSON.parse(await stored('out/some/prefix/a b+é.csv.summary.json'));
    expect(summary).toMatchObject({
      route: 'r0',
      input: { uri: 's3://in/input/r0/a b+é.csv', bytes: input.length },
      output: { uri: 's3://out/some/prefix/a b+é.csv' },
    });
  });

  it('writes to the top of a bucket, and to a folder', async () => {
    const top = await run('s3://in/input/r0/a b+é.csv', '--out', 's3://out');
    const local = await run('s3://in/input/r0/a b+é.csv', '--out', 'results');

    expect(top.stdout).toBe('2 classified, 1 rejected -> s3://out/a b+é.csv\n');
    expect(local.stdout).toBe('2 classified, 1 rejected -> results/a b+é.csv\n');
    expect(await readFile(join(folder.path, 'results/a b+é.csv'), 'utf8')).toBe(await stored('out/a b+é.csv'));
  });

  it('reads a file and writes to a bucket', async () => {
    await folder.write('data.csv', input);

    const { stdout } = await run('data.csv', '--route', 'r0', '--out', 's3://out/');

    expect(stdout).toBe('2 classified, 1 rejected -> s3://out/data.csv\n');
  });

  it('ends with 2 when the object is not there', async () => {
    const { status, stderr } = await run('s3://in/input/r0/missing.csv');

    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^local\.no-such-file: expected .+; found no file at s3:\/\/in\/input\/r0\/missing\.csv; .+\n$/,
    );
  });

  it('ends with 2 when the output would replace the input', async () => {
    const { status, stderr } = await run('s3://in/input/r0/a b+é.csv', '--out', 's3://in/input/r0/');

    expect(status).toBe(2);
    expect(stderr).toMatch(/^local\.usage: .+would replace the input/);
    expect(await stored('in/input/r0/a b+é.csv')).toBe(input);
  });

  it('ends with 1 when the bucket does not exist', async () => {
    await folder.write('data.csv', input);

    const { status, stderr } = await run('data.csv', '--route', 'r0', '--out', 's3://nowhere/');

    expect(status).toBe(1);
    expect(stderr).toMatch(/^storage\.[a-z-]+: expected .+; found .+; .+\n$/);
  });
});
