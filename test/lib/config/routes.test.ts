import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../lib/config/read.ts';
import { findRoute, isJobName, outputKey, readKey } from '../../../lib/config/routes.ts';

const config = readConfig(
  `version: 1
routes:
  - { name: wine, input: input/wine/, features: '*', endpoint: { kind: stub, labels: [x] } }
  - { name: red, input: input/wine/red/, features: '*', match: ['r?.csv'], endpoint: { kind: stub, labels: [x] } }
  - { name: beer, input: input/beer/, features: '*', endpoint: { kind: stub, labels: [x] } }
`,
  'tamis.yml',
);

describe('findRoute', () => {
  it.each([
    ['input/wine/a.csv', 'wine'],
    ['input/wine/red/a.csv', 'red'],
    ['input/wine/redder/a.csv', 'wine'],
    ['input/beer/2026/a.csv', 'beer'],
  ])('gives %s to the route with the longest prefix, %s', (key, name) => {
    expect(findRoute(config, key)?.name).toBe(name);
  });

  it.each(['input/winery/a.csv', 'input/a.csv', 'output/wine/a.csv', ' input/wine/a.csv', 'Input/wine/a.csv'])(
    'gives %s to nobody',
    (key) => {
      expect(findRoute(config, key)).toBeUndefined();
    },
  );
});

describe('outputKey', () => {
  it('puts output/ in place of the first input/ only', () => {
    expect(outputKey('input/wine/input/a b+%.csv')).toBe('output/wine/input/a b+%.csv');
  });
});

describe('readKey', () => {
  it.each([
    ['input/wine/a.csv', 'job'],
    ['input/wine/2026/a b.csv', 'job'],
    ['input/wine/a.tsv.gz', 'job'],
    ['input/wine/A.CSV.ZST', 'job'],
    ['input/wine/red/r1.csv', 'job'],
    ['input/wine/', 'folder'],
    ['input/nowhere/', 'folder'],
    ['input/wine/.hidden.csv', 'hidden'],
    ['input/wine/_SUCCESS', 'hidden'],
    ['input/wine/_a.rejects.csv', 'hidden'],
    ['input/wine/a.pdf', 'no-match'],
    ['input/wine/a.csv.bz2', 'no-match'],
    ['input/wine/a.gz', 'no-match'],
    ['input/wine/red/white.csv', 'no-match'],
    ['input/wine/a.csv.rejects.csv', '.rejects.csv'],
    ['input/wine/a.csv.summary.json', '.summary.json'],
    ['input/wine/a.csv.error.json', '.error.json'],
    ['input/wine/a.summary.json.csv', 'job'],
    ['input/tea/a.csv', 'no-route'],
    ['input/tea/a.csv.error.json', 'no-route'],
    ['output/wine/a.csv', 'no-route'],
  ])('reads %s as %s', (key, expected) => {
    const meaning = readKey(config, key);

    const said = { ignored: 'reason', reserved: 'suffix' }[meaning.kind as string];
    expect(said === undefined ? meaning.kind : Reflect.get(meaning, said)).toBe(expected);
  });

  it('names the route and the key of the output', () => {
    expect(readKey(config, 'input/wine/2026/a b.csv')).toMatchObject({
      kind: 'job',
      route: { name: 'wine' },
      outputKey: 'output/wine/2026/a b.csv',
    });
  });
});

describe('isJobName', () => {
  it('takes each pattern with .gz or .zst behind it', () => {
    const route = { match: ['*.dat'] };

    expect(['a.dat', 'a.dat.gz', 'a.dat.zst', 'a.dat.gz.gz', 'a.gz'].map((name) => isJobName(route, name))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});
