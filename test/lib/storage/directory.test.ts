import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Clock } from '../../../lib/clock.ts';
import { makeDirectoryStorage } from '../../../lib/storage/directory.ts';
import { findPath } from '../../../lib/storage/directory-keys.ts';

const TEMPORARY = '.tamis-tmp';
const DAY_MS = 24 * 3600 * 1000;

let folder: string;
let nowMs: number;
let steadyMs: number;
/** Time passes only while somebody waits. */
const clock: Clock = {
  now: () => nowMs,
  monotonicMs: () => steadyMs,
  async sleep(ms) {
    steadyMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  },
  random: () => 0.5,
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-directory-'));
  nowMs = Date.now();
  steadyMs = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The id of a process that has ended. */
async function findDeadProcessId(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('findPath', () => {
  it('never leaves the folder, whatever the key', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom('..', '.', '', 'a', '...', '.hidden', TEMPORARY), fc.string()), {
          maxLength: 6,
        }),
        (segments) => {
          const path = findPath('/base/folder', segments.join('/'));
          expect(path === undefined || path.startsWith('/base/folder/')).toBe(true);
          expect(path?.startsWith(`/base/folder/${TEMPORARY}/`) ?? false).toBe(false);
        },
      ),
    );
  });

  it.each(['', '/', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a\0b', TEMPORARY, `${TEMPORARY}/x`])(
    'finds none for %j',
    (key) => {
      expect(findPath('/base/folder', key)).toBeUndefined();
    },
  );
});

describe('makeDirectoryStorage', () => {
  it('writes plain files that other programs can read, and reads those of other programs', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    await mkdir(join(folder, 'input'));
    await writeFile(join(folder, 'input', 'a b.csv'), 'abc');

    await storage.put('output/é.csv', Buffer.from('xyz'));
    const head = await storage.head('input/a b.csv');

    expect(await readFile(join(folder, 'output', 'é.csv'), 'utf8')).toBe('xyz');
    // The MD5 of "abc", RFC 1321.
    expect(head).toMatchObject({ etag: '900150983cd24fb0d6963f7d28e17f72', sizeBytes: 3, answeredAtMs: nowMs });
    expect(storage.uri('a/b')).toBe(join(folder, 'a', 'b'));
  });

  it('notices a file that another program has changed', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    const written = await storage.put('shared', Buffer.from('ours'));

    await writeFile(join(folder, 'shared'), 'theirs');

    expect((await storage.head('shared'))?.etag).not.toBe(written.etag);
    const condition = { ifMatch: written.etag };
    await expect(storage.put('shared', Buffer.from('again'), { condition })).rejects.toMatchObject({
      code: 'storage.precondition-failed',
    });
  });

  it('refuses the end of a file that was written to while it was read', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    await writeFile(join(folder, 'growing'), Buffer.alloc(600_000));
    const { body } = await storage.read('growing');

    const reading = (async () => {
      let isFirst = true;
      for await (const _ of body) {
        if (isFirst) await appendFile(join(folder, 'growing'), 'more');
        isFirst = false;
      }
    })();

    await expect(reading).rejects.toMatchObject({ code: 'storage.precondition-failed' });
  });

  it('finds nothing under keys that are no files, and refuses to write there', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    await storage.put('file', Buffer.from('x'));
    await mkdir(join(folder, 'empty'));

    for (const key of ['../file', 'a//b', 'empty', 'file/below', `${TEMPORARY}/x`]) {
      expect(await storage.head(key)).toBeUndefined();
      await expect(storage.read(key)).rejects.toMatchObject({ code: 'storage.not-found' });
      await expect(storage.delete(key)).resolves.toBeUndefined();
    }
    for (const key of ['../file', 'a//b', 'empty', 'file/below', 'x'.repeat(300)]) {
      await expect(storage.put(key, Buffer.from('y'))).rejects.toMatchObject({ code: 'storage.refused' });
    }
    expect((await readdir(folder)).sort()).toEqual(['empty', 'file']);
  });

  it('shows neither a file nor its own folder while an upload is unfinished, and removes both when it is aborted', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    const upload = storage.upload('result.csv');

    await upload.write(Buffer.from('half'));
    const during = await readdir(folder);
    const listed: string[] = [];
    for await (const head of storage.list('')) listed.push(head.key);
    await upload.abort();

    expect(during).toEqual([TEMPORARY]);
    expect(listed).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves no empty folder where the last file was deleted', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    await storage.put('a/b/c', Buffer.from('x'));
    await storage.put('a/d', Buffer.from('x'));

    await storage.delete('a/b/c');

    expect(await readdir(join(folder, 'a'))).toEqual(['d']);
    await storage.delete('a/d');
    expect(await readdir(folder)).toEqual([]);
  });

  it('removes the temporary files of killed processes with the next write, and nobody else’s', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    const place = join(folder, TEMPORARY);
    const dead = `${hostname()}.${await findDeadProcessId()}.x`;
    const alive = `${hostname()}.${process.pid}.x`;
    await mkdir(place);
    for (const name of [dead, alive, 'elsewhere.1.x']) await writeFile(join(place, name), 'half');

    await storage.put('next', Buffer.from('x'));
    const soon = (await readdir(place)).sort();
    nowMs += 2 * DAY_MS;
    await makeDirectoryStorage({ folder, clock }).put('later', Buffer.from('x'));

    expect(soon).toEqual([alive, 'elsewhere.1.x'].sort());
    expect(await readdir(place)).toEqual([alive]);
  });

  it('takes over the lock of a killed process, and gives up on the lock of a living one', async () => {
    const storage = makeDirectoryStorage({ folder, clock });
    const place = join(folder, TEMPORARY);
    const lockPath = join(place, `${createHash('md5').update('locked').digest('hex')}.lock`);
    await mkdir(place);

    await writeFile(lockPath, `${hostname()}.${await findDeadProcessId()}.x`);
    await storage.put('locked', Buffer.from('after a killed one'));
    await mkdir(place, { recursive: true });
    await writeFile(lockPath, `${hostname()}.${process.pid}.x`);

    await expect(storage.put('locked', Buffer.from('no'))).rejects.toMatchObject({ code: 'storage.conflict' });
    expect(await readFile(join(folder, 'locked'), 'utf8')).toBe('after a killed one');
    expect(await readFile(lockPath, 'utf8')).toContain(`.${process.pid}.`);
  });

  it('follows a folder that is a link', async () => {
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    const storage = makeDirectoryStorage({ folder: join(folder, 'link'), clock });

    await storage.put('a/b', Buffer.from('x'));

    expect(await readFile(join(folder, 'real', 'a', 'b'), 'utf8')).toBe('x');
  });

  it('makes the folder with the first write, and finds nothing before', async () => {
    const storage = makeDirectoryStorage({ folder: join(folder, 'not', 'yet'), clock });

    expect(await storage.head('a')).toBeUndefined();
    for await (const _ of storage.list('')) throw new Error('listed something');
    await storage.put('a', Buffer.from('x'));

    expect(await readFile(join(folder, 'not', 'yet', 'a'), 'utf8')).toBe('x');
  });
});
