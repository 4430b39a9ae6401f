/** Runs osls, the Serverless Framework, in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CommandLine } from './command-line.ts';

const program = fileURLToPath(new URL('../node_modules/serverless/bin/serverless.js', import.meta.url));

/** The framework's exit status; its output goes where ours goes. */
export async function runFramework(command: 'package' | 'deploy' | 'remove', line: CommandLine): Promise<number> {
  const child = spawn(process.execPath, [program, command, ...line.frameworkArguments], {
    stdio: 'inherit',
    env: { ...process.env, TAMIS_CONFIG: line.configFile },
  });
  const [status] = (await once(child, 'exit')) as [number | null];
  return status ?? 1;
}
