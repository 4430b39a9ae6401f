import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { completeLock } from '../../scripts/complete-lock.ts';
import { root } from './source-tree.ts';

const readLock = () =>
  JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Parameters<typeof completeLock>[0];

describe('package-lock.json', () => {
  it('names the optional packages of every platform, so that npm ci accepts it', () => {
    expect(completeLock(readLock())).toEqual([]);
  });

  it('would be completed where one is left out', () => {
    const lock = readLock();
    delete lock.packages['node_modules/@biomejs/cli-darwin-arm64'];

    expect(completeLock(lock)).toEqual(['@biomejs/cli-darwin-arm64']);
    expect(lock.packages['node_modules/@biomejs/cli-darwin-arm64']).toMatchObject({
      os: ['darwin'],
      cpu: ['arm64'],
      optional: true,
    });
  });

  it('names no registry', () => {
    expect(JSON.stringify(readLock())).not.toMatch(/"resolved"/);
  });
});
