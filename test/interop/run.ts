/**
 * `npm run test:interop [-- name …]`: installs the named pieces of third-party software into `.interop/`, then runs the tests
 * against them. Without names: all of them. A piece is `<name>-install.ts`, which exports `install(folder)`, and
 * `<name>.interop.ts`, which holds the tests.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const suffix = '-install.ts';

/** What an installer exports. It does nothing when its software is there already, and throws when it cannot be had. */
export type Install = (folder: string) => Promise<void>;

const known = (await readdir(here))
  .filter((name) => name.endsWith(suffix))
  .map((name) => name.slice(0, -suffix.length));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no such piece: ${unknown.join(', ')}; there are ${known.sort().join(', ')}`);
  process.exit(2);
}

const names = asked.length > 0 ? asked : known.sort();
for (const name of names) {
  const folder = join(root, '.interop', name);
  await mkdir(folder, { recursive: true });
  console.error(`${name}: installing into .interop/${name}`);
  const module = (await import(pathToFileURL(join(here, `${name}${suffix}`)).href)) as { readonly install: Install };
  try {
    await module.install(folder);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const pattern = `test/interop/(${names.join('|')})\\.interop\\.ts$`;
const { status } = spawnSync(
  process.execPath,
  ['--experimental-vm-modules', jest, '--selectProjects=interop', '--runInBand', '--testPathPatterns', pattern],
  { cwd: root, stdio: 'inherit' },
);
process.exit(status ?? 1);
