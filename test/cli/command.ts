/** Runs the real command in a folder of its own, as a person would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../cli/tamis.mjs', import.meta.url));

export interface CommandEnd {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly folder: string;
  readonly stdin?: string | Buffer | 'open';
  readonly environment?: Readonly<Record<string, string>>;
  /** Called once the process runs. */
  readonly onStarted?: (child: ChildProcess) => void;
}

export async function tamis(args: readonly string[], options: CommandOptions): Promise<CommandEnd> {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [command, ...args], {
    cwd: options.folder,
    env: { PATH, HOME, ...options.environment },
  });
  if (options.stdin !== 'open') child.stdin.end(options.stdin ?? '');
  options.onStarted?.(child);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  // A test may have closed standard output.
  const read = text(child.stdout).catch(() => '');
  const [stdout, stderr, status] = await Promise.all([read, text(child.stderr), ended]);
  return { status, stdout, stderr };
}

export interface Folder {
  readonly path: string;
  write(name: string, content: string | Buffer): Promise<void>;
  /** Files below it, sorted, relative. */
  files(below?: string): Promise<readonly string[]>;
  remove(): Promise<void>;
}

export async function makeFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'tamis-test-'));
  return {
    path,
    async write(name, content) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    },
    async files(below = '.') {
      const entries = await readdir(join(path, below), { recursive: true, withFileTypes: true }).catch(() => []);
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(path, below).length + 1))
        .sort();
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** JSON is YAML. */
export function configText(...routes: ReadonlyArray<Readonly<Record<string, unknown>>>): string {
  const stub = { features: ['x'], endpoint: { kind: 'stub', labels: ['oui', 'non'] } };
  const named = routes.map((route, index) => ({ name: `r${index}`, input: `input/r${index}/`, ...stub, ...route }));
  return JSON.stringify({ version: 1, routes: named });
}
