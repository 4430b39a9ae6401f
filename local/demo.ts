/** `npm run demo`: uploads the samples through the S3 API, waits for the results, shows them, and ends. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { TamisError } from '../lib/errors.ts';
import type { ErrorDocument, Summary } from '../lib/job/summary.ts';
import { printLocalError } from './print-error.ts';
import { readStackOptions, startStack } from './stack.ts';

interface Sample {
  readonly file: string;
  readonly route: string;
  readonly shows: string;
}

const samples: readonly Sample[] = [
  { file: 'wine.csv', route: 'wine', shows: 'comma, decimal point, UTF-8' },
  { file: "vins d'été.csv", route: 'vins', shows: 'semicolon, decimal comma, Windows-1252, French headers' },
  { file: 'spreadsheet.csv', route: 'wine', shows: 'UTF-8 with BOM, newlines inside quotes' },
  { file: 'wine.csv.gz', route: 'wine', shows: 'gzip in, gzip out' },
  { file: 'a few bad rows.csv', route: 'wine', shows: 'five bad rows among thirty: none is lost' },
];

const bucket = 'tamis-local';
const patienceMs = 90_000;
const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const options = readStackOptions(process.argv.slice(2));
  print('Starting the local bucket (S3 API), the local Lambda (serverless offline) and the embedded model ...');
  const stack = await startStack(options, 'quiet');
  try {
    const client = new S3Client({
      region: 'eu-west-3',
      endpoint: stack.endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' },
    });
    print(`Bucket ${bucket} on ${stack.endpoint}, Region eu-west-3. Uploading ${samples.length} sample files.\n`);
    const uploads = await Promise.all(samples.map((sample) => upload(client, sample)));
    const ends: boolean[] = [];
    for (const uploaded of uploads) ends.push(await show(client, uploaded));
    client.destroy();
    printNextSteps(options.port);
    return ends.every(Boolean) ? 0 : 1;
  } finally {
    await stack.stop();
  }
}

interface Uploaded {
  readonly sample: Sample;
  readonly outputKey: string;
  readonly etag: string;
  /** Of an earlier demo, whose results stand until this upload's do: the same bytes have the same ETag. */
  readonly oldJobs: readonly (string | undefined)[];
}

async function upload(client: S3Client, sample: Sample): Promise<Uploaded> {
  const body = await readFile(new URL(`../samples/${sample.file}`, import.meta.url));
  const key = `${sample.route}/${sample.file}`;
  const outputKey = `output/${key}`;
  const oldSummary = await readJson<Summary>(client, `${outputKey}.summary.json`);
  const oldError = await readJson<ErrorDocument>(client, `${outputKey}.error.json`);
  const { ETag } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: `input/${key}`, Body: body }));
  const etag = (ETag ?? md5(body)).replaceAll('"', '');
  return { sample, outputKey, etag, oldJobs: [oldSummary?.job, oldError?.job] };
}

const md5 = (body: Buffer): string => createHash('md5').update(body).digest('hex');

/** Waits for the summary that answers this very upload, or for its error file, and shows it. */
async function show(client: S3Client, { sample, outputKey, etag, oldJobs }: Uploaded): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const summary = await readJson<Summary>(client, `${outputKey}.summary.json`);
    if (summary?.input.etag === etag && !oldJobs.includes(summary.job)) {
      await showSummary(client, sample, outputKey, summary);
      return true;
    }
    const error = await readJson<ErrorDocument>(client, `${outputKey}.error.json`);
    if (error?.input.etag === etag && !oldJobs.includes(error.job)) {
      print(`✗ ${sample.file}  ${error.code}: ${error.detail}\n`);
      return false;
    }
    await sleep(200);
  }
  print(`✗ ${sample.file}  no result after ${patienceMs / 1000} s\n`);
  return false;
}

async function showSummary(
  client: S3Client,
  { file, shows }: Sample,
  outputKey: string,
  summary: Summary,
): Promise<void> {
  const { rows, labels, cost, energy, carbon, timing } = summary;
  print(`✓ ${file}  (${shows})`);
  print(
    `  ${rows.classified} classified, ${rows.rejected} rejected in ${Math.round(timing.durationMs)} ms -> .tamis/s3/${bucket}/${outputKey}`,
  );
  print(
    `  labels   ${Object.entries(labels)
      .map(([label, count]) => `${label} ${count}`)
      .join(', ')}`,
  );
  print(
    `  on AWS   ${atLeast(cost.complete)}${cost.total.toPrecision(3)} ${cost.currency}, ${atLeast(energy.complete)}${milli(energy.wattHours.central)} mWh, ${atLeast(carbon.complete)}${milli(carbon.gramsCO2e.central)} mg CO2e (central estimate)`,
  );
  for (const line of await preview(client, outputKey, summary)) print(`  | ${line}`);
  print('');
}

const atLeast = (isComplete: boolean): string => (isComplete ? '' : 'at least ');
const milli = (amount: number): string => (amount * 1000).toPrecision(3);

/** Header and two records, cut to the width of a terminal from the left: what is appended stands on the right. */
async function preview(client: S3Client, key: string, { input }: Summary): Promise<readonly string[]> {
  const { encoding } = input.dialect as { readonly encoding: string };
  const stored = await readObject(client, key);
  const body = key.endsWith('.gz') ? gunzipSync(stored) : stored;
  const lines = new TextDecoder(encoding).decode(body).split(/\r?\n/).slice(0, 3);
  return lines.map((line) => (line.length > 90 ? `...${line.slice(-87)}` : line));
}

async function readObject(client: S3Client, key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

async function readJson<T>(client: S3Client, key: string): Promise<T | undefined> {
  try {
    return JSON.parse((await readObject(client, key)).toString()) as T;
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchKey') return undefined;
    throw error;
  }
}

function printNextSteps(port: number): void {
  print(`What to type next
  ls -R .tamis/s3/${bucket}/output                     the results, rejects and summaries
  npx tamis run samples/wine.csv --route wine            one file, without a bucket
  npm start${port === 4569 ? '                            ' : ` -- --port ${port}`.padEnd(28)}                  keep the stack running, drop your own files
  npm run package                                        what would be deployed to AWS`);
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    if (error instanceof TamisError) process.exitCode = printLocalError(error);
    else throw error;
  },
);
