/**
 * `npm run lock`: after `npm install`, names in package-lock.json the optional packages of other platforms that npm left out.
 * npm does so over a tree that is already installed, and where a mirror carries only the platforms in use; `npm ci` then refuses
 * the lock file. An entry without a checksum is completed by npm on the platform that needs it.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
interface Lock {
  packages: Record<string, LockedPackage>;
}

const platforms = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'win32',
  'sunos',
  'aix',
];
const processors = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

/** What the name of a platform's package says of it: `@swc/core-linux-arm64-musl`. */
function platformOf(name: string): Partial<LockedPackage> {
  const words = name.split(/[-/]/);
  const os = platforms.filter((each) => words.includes(each));
  const cpu = processors.filter(
    (each) => words.includes(each) || (each === 'arm' && words.some((word) => /^armv?7?$/.test(word))),
  );
  const isMusl = words.some((word) => word.startsWith('musl'));
  const isGlibc = words.includes('glibc') || words.includes('gnu');
  return {
    ...(cpu.length === 0 ? {} : { cpu }),
    ...(isMusl ? { libc: ['musl'] } : isGlibc && os.includes('linux') ? { libc: ['glibc'] } : {}),
    ...(os.length === 0 ? {} : { os }),
  };
}

/** Adds what is missing and returns the names that were added. */
export function completeLock(lock: Lock): readonly string[] {
  const added: string[] = [];
  for (const [path, locked] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      const own = `node_modules/${name}`;
      if (lock.packages[own] !== undefined || lock.packages[`${path}/${own}`] !== undefined) continue;
      if (!/^\d/.test(version)) continue;
      lock.packages[own] = {
        version,
        ...(locked.dev === true ? { dev: true } : {}),
        optional: true,
        ...platformOf(name),
      };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
  const added = completeLock(lock);
  writeFileSync('package-lock.json', `${JSON.stringify(lock, undefined, 2)}\n`);
  process.stdout.write(`package-lock.json: ${added.length} packages of other platforms added\n`);
}
