import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { listFiles, readSources, root } from './source-tree.ts';

const sources = readSources('lib', 'functions', 'cli', 'local', 'deploy', 'scripts', 'bench', 'models');
const tests = readSources('test');
const lineCount = (text: string): number => text.split('\n').length - 1;

describe('files', () => {
  it('are named after what they are for, in kebab-case', () => {
    const vague = /^(utils?|helpers?|common|misc|shared|stuff|index)$/;
    const names = [...sources, ...tests].map(({ path }) => path);
    const stem = (path: string): string =>
      path
        .split('/')
        .at(-1)!
        .replace(/\.(test|interop)?\.?(ts|mjs|cjs)$/, '');

    expect(names.length).toBeGreaterThan(120);
    expect(names.filter((path) => path.split('/').some((part) => vague.test(part)) || vague.test(stem(path)))).toEqual(
      [],
    );
    expect(names.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem(path)))).toEqual([]);
  });

  it('do not just hand on what others export', () => {
    expect(sources.filter(({ isBarrel }) => isBarrel).map(({ path }) => path)).toEqual([]);
  });

  it('of functions stay within 60 lines', () => {
    const handlers = sources.filter(({ path }) => /^functions\/[^/]+\.ts$/.test(path));

    expect(handlers.length).toBeGreaterThan(0);
    expect(handlers.filter(({ text }) => lineCount(text) > 60).map(({ path }) => path)).toEqual([]);
  });

  it('hold one idea each, as far as length can tell', () => {
    // lib/errors.ts is one table, and the table is the idea.
    const long = sources.filter(({ path, text }) => path !== 'lib/errors.ts' && lineCount(text) > 450);

    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it('of adapters say at the top what they speak to, where that is described and when it was read', () => {
    const adapters = sources.filter(({ path }) =>
      /^lib\/(endpoints\/(mlflow|onnx|sagemaker)|storage\/s3)\.ts$/.test(path),
    );

    expect(adapters).toHaveLength(4);
    for (const { path, text } of adapters) {
      const head = text.slice(0, text.indexOf('*/'));
      expect([path, head]).toEqual([path, expect.stringMatching(/^\/\*\*/)]);
      expect([path, head]).toEqual([path, expect.stringMatching(/https:\/\/|\.com\//)]);
      expect([path, head]).toEqual([path, expect.stringMatching(/20\d\d/)]);
      expect([path, head]).toEqual([path, expect.stringMatching(/usage|billed/i)]);
    }
  });
});

describe('tests', () => {
  it('are neither skipped nor run alone, and do not sleep', () => {
    const waived = /\b(it|test|describe)\.(skip|only|todo)\b|\bxit\(|\bfit\(/;

    expect(tests.length).toBeGreaterThan(40);
    expect(
      tests
        .filter(({ path, text }) => !path.startsWith('test/architecture/') && waived.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  it('have titles that state a condition and a result', () => {
    const titles = tests.flatMap(({ path, text }) =>
      [...text.matchAll(/\b(?:it|test)(?:\.each\([\s\S]*?\))?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g)].map(
        (match) => [path, match[2]!] as const,
      ),
    );

    expect(titles.length).toBeGreaterThan(300);
    expect(titles.filter(([, title]) => /\bshould\b|^(works|ok|test)$/i.test(title))).toEqual([]);
  });

  it('of lib and functions lie where their subject lies', () => {
    const subjects = new Set(sources.map(({ path }) => path));
    const mirrored = listFiles('test/lib', 'test/functions').filter((path) => path.endsWith('.test.ts'));
    const stray = mirrored.filter((path) => {
      const subject = path.replace(/^test\//, '').replace(/\.test\.ts$/, '');
      const folder = subject.slice(0, subject.lastIndexOf('/'));
      return !subjects.has(`${subject}.ts`) && ![...subjects].some((path) => path.startsWith(`${folder}/`));
    });

    expect(mirrored.length).toBeGreaterThan(20);
    expect(stray).toEqual([]);
  });
});

describe('the repository', () => {
  const texts = listFiles(
    'lib',
    'functions',
    'cli',
    'local',
    'deploy',
    'scripts',
    'bench',
    'models',
    'docs',
    'events',
    'samples',
    'test',
  )
    .filter((path) => /\.(ts|mjs|cjs|json|ya?ml|md|csv|txt)$/.test(path) && !path.startsWith('test/architecture/'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  const including = (pattern: RegExp): string[] =>
    texts.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

  it('names no folder of the machine that it was written on', () => {
    expect(texts.length).toBeGreaterThan(150);
    expect(including(/(?<![\w.:])\/(work|root|Users|home\/(?!user\b))\/[\w.-]+/)).toEqual([]);
  });

  it('names no AWS account but the placeholder', () => {
    const accounts = texts.flatMap(({ path, text }) =>
      [...text.matchAll(/arn:aws[\w-]*:[\w-]*:[\w-]*:(\d{12}):/g)].map((match) => `${path}: ${match[1]}`),
    );

    expect(accounts.filter((found) => !/: (123456789012|000000000000|111122223333)$/.test(found))).toEqual([]);
  });

  it('holds no key that looks real', () => {
    expect(
      including(
        /\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bhf_[A-Za-z0-9]{30,}|\bsk-[A-Za-z0-9]{30,}/,
      ),
    ).toEqual([]);
  });
});
