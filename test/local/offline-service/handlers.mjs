import { randomUUID } from 'node:crypto';

/** Writes what the function saw into the bucket, under a name of its own. */
async function note(name, event, context) {
  const { awsRequestId, clientContext, functionName } = context;
  const seen = { event, awsRequestId, hasClientContext: clientContext !== undefined, functionName };
  const url = `${process.env.AWS_ENDPOINT_URL_S3}/tamis-local/seen/${name}/${Date.now()}-${randomUUID()}`;
  const { ok, status } = await fetch(url, { method: 'PUT', body: JSON.stringify(seen) });
  if (!ok) throw new Error(`noting failed: ${status}`);
}

const failsOn = (event) => event.Records[0].s3.object.key.includes('fail');

export async function classify(event, context) {
  await note('classify', event, context);
  if (failsOn(event)) throw new Error('job.claimed: expected a free job');
}

export async function bySuffix(event, context) {
  await note('by-suffix', event, context);
  if (failsOn(event)) throw new Error('no');
}

export const settleFailed = (event, context) => note('settle-failed', event, context);
export const pollFailed = (event, context) => note('poll-failed', event, context);
