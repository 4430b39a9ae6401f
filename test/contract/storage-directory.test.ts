import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectoryStorage } from '../../lib/storage/directory.ts';
import { describeStorage } from './storage-contract.ts';

const clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms: number) => sleep(ms),
  random: () => Math.random(),
};

describeStorage('a folder', { versioned: false, keepsMetadata: false, takesEveryKey: false }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-directory-'));
  return {
    storage: makeDirectoryStorage({ folder, clock }),
    countLeftovers: async () => (await readdir(folder)).filter((name) => name.startsWith('.')).length,
    close: () => rm(folder, { recursive: true, force: true }),
  };
});
