/** Every command in the documents is run here, or by the gate, or is marked as needing AWS. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> };

interface Command {
  readonly document: string;
  readonly line: string;
}

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Lines of fenced shell blocks, without those behind the mark `needs AWS`. */
function commandsOf(document: string): readonly Command[] {
  const blocks = [...read(document).matchAll(/(<!-- needs AWS -->\n)?```sh\n([\s\S]*?)```/g)].filter(
    ([, mark]) => mark === undefined,
  );
  return blocks.flatMap(([, , body = '']) =>
    body
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '').trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .flatMap((line) => line.split(' && '))
      .map((line) => ({ document, line })),
  );
}

const commands = documents.flatMap(commandsOf);
const runHere = commands.filter(({ line }) => line.startsWith('npx tamis '));
/** Run by .ci/run, or by the tests named. */
const runElsewhere: Readonly<Record<string, string>> = {
  'npm ci': '.ci/run',
  'npm test': '.ci/run',
  'npm run demo': '.ci/run',
  'npm run package': '.ci/run',
  'npm run check': '.ci/run',
  'npm start': 'test/local/start.test.ts',
  'curl --upload-file': 'test/local/start.test.ts',
  'npx serverless invoke local': 'test/local/start.test.ts',
  'npm run test:interop': '.ci/run',
  'npm run bench': '.ci/run',
  'npm run test:faults': '.ci/run',
  'aws --endpoint-url': 'test/interop/s3-clients.interop.ts',
};

describe('documents', () => {
  it('show commands at all', () => {
    expect(runHere.length).toBeGreaterThanOrEqual(3);
    expect(commands.length).toBeGreaterThan(8);
  });

  it.each(runHere)('$document: $line ends with status 0', ({ line }) => {
    const out = mkdtempSync(join(tmpdir(), 'tamis-docs-'));
    const [, , ...args] = line.match(/"[^"]*"|\S+/g)!.map((word) => word.replaceAll('"', ''));
    const isRun = args[0] === 'run';
    const result = spawnSync(
      join(root, 'node_modules/node/bin/node'),
      [
        join(root, 'cli/tamis.mjs'),
        ...args.filter((word, index) => word !== '--out' && args[index - 1] !== '--out'),
        ...(isRun ? ['--out', out] : []),
      ],
      { cwd: root, encoding: 'utf8' },
    );
    rmSync(out, { recursive: true });

    // Shown when it fails: what the reader would have seen.
    expect(result.status === 0 ? '' : result.stdout + result.stderr).toBe('');
  });

  it.each(commands.filter((command) => !runHere.includes(command)))('$document: $line is run by a test', ({ line }) => {
    const known = Object.entries(runElsewhere).find(([start]) => line === start || line.startsWith(`${start} `));

    expect(known === undefined ? line : undefined).toBeUndefined();
    expect(read(known![1]).length).toBeGreaterThan(0);
  });

  it('name npm scripts that exist', () => {
    const named = documents.flatMap((document) =>
      [...read(document).matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)].map(([, name = '']) => name),
    );

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});
