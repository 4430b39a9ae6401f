import { describe, expect, it } from '@jest/globals';
import { parseSource, readSources } from './source-tree.ts';

const shells = readSources('functions', 'cli', 'local', 'deploy', 'scripts', 'bench', 'models');
const library = readSources('lib');

/** `file: what it uses` for all files outside `allowed` that use something of `forbidden`. */
function usersOf(forbidden: RegExp, allowed: RegExp): string[] {
  return [...library, ...shells]
    .filter(({ path }) => !allowed.test(path))
    .flatMap(({ path, uses }) => [...uses].filter((use) => forbidden.test(use)).map((use) => `${path}: ${use}`));
}

describe('the outside world', () => {
  it('is in view', () => {
    expect(library.length).toBeGreaterThan(60);
    expect(shells.flatMap(({ uses }) => [...uses]).length).toBeGreaterThan(50);
    expect(usersOf(/^process\.env$/, /^$/).length).toBeGreaterThan(0);
  });

  it('is read through process.env only where the program is wired together', () => {
    const wiring = /^(functions\/support\/wiring\.ts$|(cli|local|deploy|scripts|bench|models)\/)/;

    expect(usersOf(/^process\.env$/, wiring)).toEqual([]);
  });

  it('is printed to by the command line and development tools only', () => {
    expect(usersOf(/^console\./, /^(cli|local|scripts|bench|models)\//)).toEqual([]);
  });

  it('has no clock, chance or timer outside adapters and wiring: they are passed in', () => {
    const time =
      /^(Date\.now|Math\.random|new Date\(\)|performance\.now|(set|clear)(Timeout|Interval|Immediate)\(\)|randomUUID\(\)|randomBytes\(\)|crypto\.randomUUID)$/;
    const outside =
      /^(lib\/(endpoints|storage)\/|functions\/support\/|lib\/setup\/|(cli|local|deploy|scripts|bench|models)\/)/;

    expect(usersOf(time, outside)).toEqual([]);
  });

  it('has one wall clock: adapters do not read it', () => {
    expect(
      usersOf(
        /^(Date\.now|Math\.random|new Date\(\))$/,
        /^(functions\/support\/|lib\/setup\/|(cli|local|deploy|scripts|bench|models)\/)/,
      ),
    ).toEqual([]);
  });
});

describe('parseSource', () => {
  it('sees what a file imports and uses, however it is written', () => {
    const text = `
      import type { A } from './a.ts';
      import { type B, c } from './b.ts';
      export { d } from './d.ts';
      const e = await import('./e.ts');
      const f = new URL('./f.ts', import.meta.url);
      type G = import('./g.ts').G;
      const { env } = process;
      process['exit'](Date.now(), new Date(), setTimeout(c, 1));
    `;

    const { imports, loads, uses } = parseSource('lib/x/y.ts', text);

    expect(imports).toEqual(['a', 'b', 'd', 'e', 'f', 'g'].map((name) => `lib/x/${name}.ts`));
    expect(loads).toEqual(['b', 'd', 'e', 'f'].map((name) => `lib/x/${name}.ts`));
    expect([...uses]).toEqual(
      expect.arrayContaining(['process.env', 'process.exit', 'Date.now', 'new Date()', 'setTimeout()']),
    );
  });
});
