/** Packages the repository as it is, in a folder of its own, so that other tests and a running local stack are not disturbed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const linked = ['deploy', 'functions', 'lib', 'local', 'models', 'node_modules', 'package.json', 'tamis.yml'];

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface PackagedStack {
  readonly template: Template;
  readonly text: string;
  /** Names and sizes in bytes of what lies in `.serverless`. */
  readonly artefacts: readonly string[];
  readonly output: string;
}

export interface PackageRequest {
  /** Words after `npm run package --`. */
  readonly words?: readonly string[];
  /** Text of another configuration than tamis.yml. */
  readonly config?: string;
}

/** Without credentials, profile, home or network: what would reach out meets a proxy that is not there. */
const isolated = (home: string): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: home,
  HTTPS_PROXY: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
});

export interface PackageRun {
  readonly status: number;
  readonly output: string;
  readonly folder: string;
}

async function run(folder: string, { words = [], config }: PackageRequest): Promise<PackageRun> {
  for (const name of linked) await symlink(join(root, name), join(folder, name));
  await copyFile(join(root, 'serverless.yml'), join(folder, 'serverless.yml'));
  if (config !== undefined) await writeFile(join(folder, 'other.yml'), config);
  const child = spawn(
    process.execPath,
    [join(root, 'deploy/package.ts'), ...(config === undefined ? [] : ['--config', 'other.yml']), ...words],
    { cwd: folder, env: isolated(folder), stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(String(chunk)));
  const [status] = (await once(child, 'close')) as [number];
  return { status, output: said.join(''), folder };
}

/** Calls `use` with the packaged folder, and removes it afterwards. */
export async function withPackage<T>(request: PackageRequest, use: (run: PackageRun) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-package-'));
  try {
    return await use(await run(folder, request));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function packageStack(request: PackageRequest): Promise<PackagedStack> {
  return withPackage(request, async ({ status, output, folder }) => {
    if (status !== 0) throw new Error(`packaging ended with ${status}:\n${output}`);
    const out = join(folder, '.serverless');
    const text = await readFile(join(out, 'cloudformation-template-update-stack.json'), 'utf8');
    return { template: JSON.parse(text) as Template, text, artefacts: await readdir(out), output };
  });
}
