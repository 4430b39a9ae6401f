/** The `tamis` command: finds the subcommand, prints errors in one form, decides the exit status. */
import { isTamisError, TamisError } from '../lib/errors.ts';
import { describeError } from '../lib/privacy/log-lines.ts';
import { type ExitStatus, statusOfCode } from './exit-status.ts';
import { help } from './help.ts';

/** Loaded when they are asked for: help needs none of what a run needs. */
const subcommands: Readonly<Record<string, (args: readonly string[]) => Promise<ExitStatus>>> = {
  run: async (args) => (await import('./run.ts')).run(args),
  redrive: async (args) => (await import('./redrive.ts')).redrive(args),
  help,
};

const isHelp = (argument: string): boolean => argument === '--help' || argument === '-h';

/** Keeps what nobody caught in the form of all errors, and a reader that left (`tamis … | head`) from being one. */
export function guardProcess(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.on('uncaughtException', (error) => {
    printError(error);
    process.exit(statusOf(error));
  });
}

export async function main(args: readonly string[]): Promise<ExitStatus> {
  const [name = 'help', ...rest] = args;
  try {
    const subcommand = isHelp(name) ? help : Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
    if (subcommand === undefined) throw new TamisError('local.usage', { problem: `no subcommand "${name}"` });
    return await (rest.some(isHelp) ? help(subcommand === help ? [] : [name]) : subcommand(rest));
  } catch (error) {
    printError(error);
    return statusOf(error);
  }
}

const statusOf = (error: unknown): ExitStatus => statusOfCode(isTamisError(error) ? error.code : 'internal.bug');

function printError(error: unknown): void {
  if (isTamisError(error)) {
    process.stderr.write(`${error.message}\n`);
    return;
  }
  // A foreign message may quote the file; its name and code say enough to report it.
  const about = Object.values(describeError(error)).join(' ');
  process.stderr.write(`internal.bug: expected correct code; found a mistake (${about}); please report this\n`);
}
