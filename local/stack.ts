/** The local stack as a child process: the framework's offline mode with the development S3 server inside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readConfig } from '../lib/config/read.ts';
import { TamisError } from '../lib/errors.ts';

export interface StackOptions {
  readonly port: number;
  readonly lambdaPort: number;
  readonly configFile: string;
}

export interface Stack {
  readonly endpoint: string;
  /** Resolves with the exit status when the stack ends by itself. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

const startPatienceMs = 60_000;

/** `--port`, `--lambda-port` and `--config`, else TAMIS_CONFIG. Throws `local.usage`. */
export function readStackOptions(args: readonly string[]): StackOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '4569' },
        'lambda-port': { type: 'string', default: '3002' },
        config: { type: 'string', default: process.env['TAMIS_CONFIG'] ?? 'tamis.yml' },
      },
    });
    return { port: readPort(values.port), lambdaPort: readPort(values['lambda-port']), configFile: values.config };
  } catch (error) {
    if (error instanceof TamisError) throw error;
    throw new TamisError('local.usage', {
      problem: error instanceof Error ? error.message.split('. ')[0]! : 'unreadable options',
    });
  }
}

function readPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new TamisError('local.usage', { problem: `"${text}" is no port` });
  return port;
}

/** Resolves when both APIs answer. Throws `local.port-busy`, or `config.*` as the child reports it. */
export async function startStack(options: StackOptions, output: 'inherit' | 'quiet'): Promise<Stack> {
  await refuseBusyPort(options.port, '--port');
  await refuseBusyPort(options.lambdaPort, '--lambda-port');
  await checkConfig(options.configFile);
  const child = spawn(
    process.execPath,
    [frameworkCommand(), 'offline', 'start', '--lambdaPort', String(options.lambdaPort)],
    {
      env: {
        ...process.env,
        TAMIS_CONFIG: options.configFile,
        TAMIS_S3_PORT: String(options.port),
        // The framework asks its registry for news otherwise.
        SLS_NOTIFICATIONS_MODE: 'off',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      said.push(text);
      if (said.length > 200) said.shift();
      if (output === 'inherit') process.stdout.write(text);
    });
  }
  const ended = once(child, 'exit').then(([status]) => (status as number | null) ?? 1);
  const stop = () => stopChild(child);
  const ready = await Promise.race([
    Promise.all([answers(options.port), answers(options.lambdaPort)]).then(() => true),
    ended.then(() => false),
    sleep(startPatienceMs, false, { ref: false }),
  ]);
  if (!ready) {
    await stop();
    if (output === 'quiet') process.stderr.write(said.join(''));
    throw new TamisError('local.stack', {});
  }
  return { endpoint: `http://127.0.0.1:${options.port}`, ended, stop };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  const impatient = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await gone;
  clearTimeout(impatient);
}

/** Read here first, so that a mistake is said in one line and not in the framework's words. Throws `config.*`. */
async function checkConfig(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TamisError('config.missing', { file }, cause);
  });
  readConfig(text, file);
}

/** The script behind `npx serverless`. */
function frameworkCommand(): string {
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  return join(dirname(manifest), 'bin', 'serverless.js');
}

async function refuseBusyPort(port: number, option: string): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (cause) {
    throw new TamisError('local.port-busy', { port, option }, cause);
  }
  server.close();
  await once(server, 'close');
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await sleep(100, undefined, { ref: false });
    } finally {
      socket.destroy();
    }
  }
}
