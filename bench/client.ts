/**
 * The process that is measured: classifies one file and tells what it took. Work and result travel over the channel to the parent.
 * CPU time counts from the first byte of the work to the last; starting Node and loading modules are left out, for us and for the peer.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ClientResult, ClientWork } from './types.ts';

const thisFile = fileURLToPath(import.meta.url);

/** `file`: this module in a bundle. */
export async function runClient(
  work: ClientWork,
  { file = thisFile, nodeOptions = [] }: { readonly file?: string; readonly nodeOptions?: readonly string[] } = {},
): Promise<ClientResult> {
  const child = fork(file, [], { execArgv: [...nodeOptions], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const gone = once(child, 'exit');
  const result = new Promise<ClientResult>((resolve) => child.once('message', resolve));
  child.send(work);
  const [status] = (await gone) as [number | null];
  if (status !== 0) throw new Error(`expected the ${work.program} pipeline to end well; it ended with ${status}`);
  return result;
}

/** The kernel's own mark of this process; `resourceUsage` would count the parent's memory from before the start. */
function peakBytes(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (kilobytes === undefined) throw new Error('expected Linux, whose /proc tells the peak memory of a process');
  return Number(kilobytes) * 1024;
}

async function prepare(work: ClientWork): Promise<() => Promise<unknown>> {
  await import('../lib/endpoints/mlflow.ts');
  await import('../lib/endpoints/http.ts');
  if (work.program === 'plain') {
    const { runPlainPipeline } = await import('./plain-pipeline.ts');
    return () => runPlainPipeline(work);
  }
  if (work.program === 'pipeline') {
    const { runPipeline } = await import('./our-pipeline.ts');
    return () => runPipeline(work);
  }
  const { main } = (await import(pathToFileURL(work.command).href)) as {
    main(args: readonly string[]): Promise<number>;
  };
  return async () => {
    const status = await main(['run', work.input, '--config', work.config, '--out', work.out, '--quiet']);
    if (status !== 0) throw new Error(`expected status 0 of tamis run; found ${status}`);
  };
}

if (process.argv[1] === thisFile) {
  const [work] = (await once(process, 'message')) as [ClientWork];
  const go = await prepare(work);
  mkdirSync(work.out, { recursive: true });
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  await go();
  const cpu = process.cpuUsage(cpuBefore);
  const result: ClientResult = {
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    wallSeconds: (performance.now() - startedMs) / 1000,
    peakBytes: peakBytes(),
  };
  process.send?.(result, () => process.disconnect());
}
