import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { listFiles, readSources, root } from './source-tree.ts';

const handlers = readSources('functions')
  .map(({ path }) => /^functions\/([^/]+)\.ts$/.exec(path)?.[1])
  .filter((name) => name !== undefined);
const deployed = Object.keys(
  (parse(readFileSync(join(root, 'serverless.yml'), 'utf8')) as { functions: Record<string, unknown> }).functions,
);

describe('functions', () => {
  it('are there', () => {
    expect(handlers).toContain('classify');
  });

  it('are deployed under the names of their files, all of them', () => {
    expect([...deployed].sort()).toEqual([...handlers].sort());
  });

  it('load neither the tables of the ledger nor formulas that no endpoint uses yet', () => {
    const sources = new Map(readSources('functions', 'lib').map((source) => [source.path, source]));
    const loaded = new Set(handlers.map((name) => `functions/${name}.ts`));
    for (const path of loaded) for (const next of sources.get(path)?.loads ?? []) loaded.add(next);

    expect(loaded).toContain('lib/ledger/receipt.ts');
    expect([...loaded].filter((path) => /ledger\/(data\/|select-factors|token-energy|pay-per-use)/.test(path))).toEqual(
      [],
    );
  });

  it('have an event each, named <function>.<source>[-variation].json', () => {
    const events = listFiles('events').filter((path) => path.endsWith('.json'));

    expect(events.length).toBeGreaterThanOrEqual(handlers.length);
    expect([...new Set(events.map((path) => /^events\/([a-z-]+)\.[a-z0-9-]+\.json$/.exec(path)?.[1]))].sort()).toEqual(
      [...handlers].sort(),
    );
  });

  it('have a test each, of the same name', () => {
    const tests = listFiles('test/functions')
      .map((path) => /^test\/functions\/([^/]+)\.test\.ts$/.exec(path)?.[1])
      .filter((name) => name !== undefined);

    expect([...tests].sort()).toEqual(expect.arrayContaining([...handlers]));
  });
});
