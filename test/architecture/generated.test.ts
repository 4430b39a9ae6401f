import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../lib/config/read.ts';
import { errorRules } from '../../lib/errors.ts';
import { generateFiles } from '../../scripts/generate.ts';

const root = new URL('../../', import.meta.url);

describe('generated files', () => {
  it.each(generateFiles().map(({ path, text }) => [path, text]))(
    '%s is what npm run generate writes',
    async (path, text) => {
      const found = await readFile(new URL(path!, root), 'utf8');

      // Not toBe: the difference of two long files helps nobody.
      expect(found === text ? 'up to date' : 'stale: npm run generate').toBe('up to date');
    },
  );

  it('errors.json and docs/errors.md name every code and no other', async () => {
    const codes = Object.keys(errorRules).sort();
    const json = JSON.parse(await readFile(new URL('errors.json', root), 'utf8')) as { errors: { code: string }[] };
    const page = await readFile(new URL('docs/errors.md', root), 'utf8');

    expect(codes.length).toBeGreaterThan(45);
    expect(json.errors.map(({ code }) => code).sort()).toEqual(codes);
    expect([...page.matchAll(/^\| `([^`]+)`/gm)].map(([, code]) => code).sort()).toEqual(codes);
  });

  it('no text of an error is left without words for its details', async () => {
    const json = await readFile(new URL('errors.json', root), 'utf8');

    expect(json).not.toMatch(/undefined|\[object|NaN/);
  });

  it('the schema for editors knows the keys of the configuration in the repository', async () => {
    const schema = JSON.parse(await readFile(new URL('tamis.schema.json', root), 'utf8'));
    const config: unknown = parse(await readFile(new URL('tamis.yml', root), 'utf8'));

    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(config as object)));
    expect(schema.additionalProperties).toBe(false);
  });

  it('the configuration in the repository is valid', async () => {
    const config = readConfig(await readFile(new URL('tamis.yml', root), 'utf8'), 'tamis.yml');

    expect(config.routes.length).toBeGreaterThan(0);
  });
});
