import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readSources, root, type SourceFile } from './source-tree.ts';

const shellFolders = ['functions', 'cli', 'local', 'deploy', 'scripts', 'bench', 'models'];
const sources = readSources('lib', ...shellFolders);
const byPath = new Map(sources.map((source) => [source.path, source]));
const library = sources.filter(({ path }) => path.startsWith('lib/'));

const ground = /^lib\/(errors|units|clock|csv\/types)\.ts$/;
const adapterKinds = ['mlflow', 'onnx', 'sagemaker', 'stub', 's3', 'directory', 'memory'];

/** Who may import whom is decided by these numbers; see docs/adr/0001-layers.md. */
function levelOf(path: string): number {
  if (ground.test(path)) return 0;
  if (/^lib\/(config|csv|privacy|ledger)\//.test(path)) return 1;
  if (/^lib\/(endpoints|storage)\/types\.ts$/.test(path)) return 2;
  if (/^lib\/(endpoints|storage)\//.test(path)) return 3;
  if (path.startsWith('lib/job/')) return 4;
  // What the shells share: they may not import each other.
  if (path.startsWith('lib/setup/')) return 5;
  if (shellFolders.some((folder) => path.startsWith(`${folder}/`))) return 6;
  throw new Error(`${path} has no level: put it into a folder that has one, or give its folder one here`);
}

const folderOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('lib/') ? 2 : 1)
    .join('/');

/** The adapter that a file belongs to: `lib/endpoints/sagemaker-answers.ts` to `sagemaker`. */
function adapterOf(path: string): string | undefined {
  const name = /^lib\/(?:endpoints|storage)\/([^/.]+)/.exec(path)?.[1];
  return adapterKinds.find((kind) => name === kind || name?.startsWith(`${kind}-`));
}

function mayImport(from: string, to: string): boolean {
  const [upper, lower] = [levelOf(from), levelOf(to)];
  switch (upper) {
    case 0:
      return lower === 0;
    case 1:
      return lower === 0 || folderOf(from) === folderOf(to);
    case 2:
      return lower <= 1;
    case 3:
      if (lower <= 2) return true;
      if (folderOf(from) !== folderOf(to)) return false;
      if (from === 'lib/endpoints/registry.ts') return true;
      return adapterOf(to) === undefined || adapterOf(to) === adapterOf(from);
    case 4:
      return lower <= 2 || lower === 4;
    default:
      return lower < upper || folderOf(from) === folderOf(to);
  }
}

const edges = sources.flatMap(({ path, imports }) => imports.map((target) => [path, target] as const));

describe('imports', () => {
  it('are seen at all', () => {
    expect(sources.length).toBeGreaterThan(80);
    expect(edges.length).toBeGreaterThan(200);
  });

  it('never go from a lower level to a higher one, nor between neighbours', () => {
    const forbidden = edges.filter(([from, to]) => !mayImport(from, to)).map(([from, to]) => `${from} -> ${to}`);

    expect(forbidden).toEqual([]);
  });

  it('make no circle', () => {
    expect(findCircle(byPath)).toBeUndefined();
  });

  it('end in files that exist', () => {
    const data = /\.(json|cjs|mjs)$/;

    expect(edges.filter(([, to]) => !byPath.has(to) && !data.test(to)).map(([from, to]) => `${from} -> ${to}`)).toEqual(
      [],
    );
  });
});

describe('packages', () => {
  const isSdk = (name: string): boolean => name.startsWith('@aws-sdk/') || name.startsWith('onnxruntime');
  const packageOf = (specifier: string): string =>
    specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
  const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier);

  it('of a vendor are imported by adapters only, one each', () => {
    const users = library.filter(({ packages }) => packages.some(isSdk));

    expect(users.length).toBeGreaterThan(2);
    expect(users.filter(({ path }) => levelOf(path) !== 3).map(({ path }) => path)).toEqual([]);
    expect(
      users.filter(({ packages }) => new Set(packages.filter(isSdk).map(packageOf)).size > 1).map(({ path }) => path),
    ).toEqual([]);
  });

  it('that speak to S3 are loaded by the S3 adapter only', () => {
    const users = [...library, ...readSources('functions', 'cli')].filter(({ packages }) =>
      packages.includes('@aws-sdk/client-s3'),
    );

    expect(users.map(({ path }) => adapterOf(path) ?? path).filter((name) => name !== 's3')).toEqual([]);
    expect(users.length).toBeGreaterThan(0);
  });

  it('that read or write anything are not imported by levels 0 to 2 and the job', () => {
    const inputOutput =
      /^(node:)?(fs|net|http|https|http2|tls|dns|dgram|child_process|worker_threads|os|timers|cluster)(\/|$)/;
    const pure = library.filter(({ path }) => levelOf(path) !== 3 && levelOf(path) < 5);

    expect(pure.length).toBeGreaterThan(30);
    expect(
      pure.flatMap(({ path, packages }) =>
        packages.filter((name) => inputOutput.test(name)).map((name) => `${path} -> ${name}`),
      ),
    ).toEqual([]);
  });

  it('that the program imports are its dependencies, and each dependency is imported somewhere', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const shipped = sources.filter(({ path }) => /^(lib|functions|cli)\//.test(path));
    const imported = new Set(
      shipped
        .flatMap(({ loadedPackages }) => loadedPackages)
        .filter((name) => !isBuiltin(name))
        .map(packageOf),
    );

    expect([...imported].filter((name) => !(name in dependencies))).toEqual([]);
    expect(Object.keys(dependencies).filter((name) => !imported.has(name))).toEqual([]);
    expect(imported.size).toBeGreaterThan(5);
  });

  it('that read configurations do not come along into a function', () => {
    const handlers = sources.filter(({ path }) => /^functions\/[^/]+\.ts$/.test(path));
    const loaded = handlers.flatMap((handler) => [...reach(handler)]);

    expect(handlers.length).toBeGreaterThan(0);
    expect(loaded.length).toBeGreaterThan(20);
    expect(loaded.flatMap(({ loadedPackages }) => loadedPackages).filter((name) => /^(zod|yaml)$/.test(name))).toEqual(
      [],
    );
  });
});

/** Everything that is loaded with `start`, itself included. */
function reach(start: SourceFile, seen = new Set<SourceFile>()): Set<SourceFile> {
  if (seen.has(start)) return seen;
  seen.add(start);
  for (const path of start.loads) {
    const next = byPath.get(path);
    if (next !== undefined) reach(next, seen);
  }
  return seen;
}

function findCircle(files: ReadonlyMap<string, SourceFile>): string | undefined {
  const done = new Set<string>();
  const search = (path: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path].join(' -> ');
    if (done.has(path)) return undefined;
    for (const next of files.get(path)?.imports ?? []) {
      const circle = search(next, [...trail, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of files.keys()) {
    const circle = search(path, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

describe('findCircle', () => {
  it('finds a circle that is there', () => {
    const file = (path: string, ...imports: string[]): [string, SourceFile] => [
      path,
      { path, imports } as unknown as SourceFile,
    ];

    expect(findCircle(new Map([file('a', 'b'), file('b', 'c'), file('c', 'b')]))).toBe('b -> c -> b');
  });
});
