/**
 * What happens before the first request: traces of a killed run are swept, and what people changed by hand in the plain folder
 * is taken over. A file put there or edited is an object, a deleted file is a deleted object. No events are sent for that.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Bucket } from './bucket.ts';
import { type FileIdentity, readIdentity, sameIdentity } from './plain-folder.ts';

export async function takeOver(bucket: Bucket): Promise<void> {
  const own = await sweep(bucket);
  for (const key of bucket.sortedKeys()) await settle(bucket, key, own);
  for await (const key of bucket.plain.keys()) {
    if (bucket.record(key)?.isPlain !== true) await settleUnrecorded(bucket, key, own);
  }
  for (const blob of own.orphans) await bucket.blobs.remove(blob);
}

interface OwnFiles {
  /** Blobs that no record names: writes that were never acknowledged. */
  readonly orphans: readonly string[];
  /** Whether a plain file is one of the server's own blobs rather than somebody's work. */
  has(identity: FileIdentity): boolean;
}

async function sweep(bucket: Bucket): Promise<OwnFiles> {
  const named = new Set<string>();
  for (const key of bucket.sortedKeys()) {
    for (const { blob } of bucket.record(key)?.versions ?? []) named.add(blob);
  }
  const orphans: string[] = [];
  const identities = new Set<string>();
  for (const blob of await bucket.blobs.list()) {
    if (!named.has(blob)) orphans.push(blob);
    const identity = await readIdentity(bucket.blobs.path(blob));
    if (identity !== undefined) identities.add(`${identity.sizeBytes} ${identity.modifiedMs}`);
  }
  return { orphans, has: ({ sizeBytes, modifiedMs }) => identities.has(`${sizeBytes} ${modifiedMs}`) };
}

async function settle(bucket: Bucket, key: string, own: OwnFiles): Promise<void> {
  const record = bucket.record(key);
  const current = bucket.current(key);
  if (record === undefined || current === undefined || !record.isPlain) return;
  const found = await bucket.plain.look(key);
  if (found === undefined) {
    await bucket.restore({ ...record, isPlain: false });
    await bucket.delete(key);
    return;
  }
  if (sameIdentity(found, { sizeBytes: current.sizeBytes, modifiedMs: current.blobModifiedMs })) return;
  const intact = await readIdentity(bucket.blobs.path(current.blob));
  if (own.has(found) && !sameIdentity(found, intact)) {
    // A kill between the plain file and the record: the write was never acknowledged.
    await bucket.plain.publish(key, bucket.blobs.path(current.blob), true);
    return;
  }
  await takeIn(bucket, key);
  if (sameIdentity(intact, { sizeBytes: current.sizeBytes, modifiedMs: current.blobModifiedMs })) return;
  // Edited in place: the file was a link to the old version's content, which is lost.
  await bucket.delete(key, { versionId: current.versionId });
}

async function settleUnrecorded(bucket: Bucket, key: string, own: OwnFiles): Promise<void> {
  const found = await bucket.plain.look(key);
  if (found === undefined) return;
  if (own.has(found)) await bucket.plain.withdraw(key);
  else await takeIn(bucket, key);
}

/** Makes the plain file, as it is now, the key's current version. */
async function takeIn(bucket: Bucket, key: string): Promise<void> {
  const md5 = createHash('md5');
  let sizeBytes = 0;
  const { blob } = await bucket.blobs.create(async (write) => {
    for await (const chunk of createReadStream(bucket.plain.path(key)) as AsyncIterable<Buffer>) {
      md5.update(chunk);
      sizeBytes += chunk.length;
      await write(chunk);
    }
  });
  const headers = [['content-type', 'binary/octet-stream']] as const;
  const content = { etag: md5.digest('hex'), sizeBytes, headers, metadata: [], tags: [] };
  await bucket.put(key, blob, content, { takesPlace: true });
}
