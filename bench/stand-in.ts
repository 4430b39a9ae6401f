/**
 * A scoring server that costs nearly nothing, run in a process of its own: it counts the rows of a body and answers with that many
 * predictions, made beforehand. `node bench/stand-in.ts`; options and address travel over the channel to the parent.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** `labels`: one class a row, `{"predictions":[0,2,…]}`. `probabilities`: a list of three a row. */
export type StandInAnswer = 'labels' | 'probabilities';

export interface StandInOptions {
  readonly answer: StandInAnswer;
  /** Before each answer. */
  readonly latencyMs: number;
}

export interface StandIn {
  readonly url: string;
  stop(): Promise<void>;
}

const thisFile = fileURLToPath(import.meta.url);

export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const child = fork(thisFile, [], { execArgv: [] });
  child.send(options);
  const [url] = (await once(child, 'message')) as [string];
  return { url, stop: () => stopChild(child) };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}

/** Rows of a body as our adapters and the peers write it: one a line behind a header, or one list each inside `"data"`. */
function countRows(chunks: readonly Buffer[], isCsv: boolean): number {
  const mark = isCsv ? 0x0a : 0x5b;
  let count = 0;
  for (const chunk of chunks) for (let at = chunk.indexOf(mark); at >= 0; at = chunk.indexOf(mark, at + 1)) count += 1;
  // The header's line; the lists of names and of rows.
  return isCsv ? count - 1 : count - 2;
}

function serve({ answer, latencyMs }: StandInOptions): http.Server {
  const bodies = new Map<number, Buffer>();

  function bodyOf(rowCount: number): Buffer {
    let body = bodies.get(rowCount);
    if (body === undefined) {
      const predictions = Array.from({ length: rowCount }, (_, row) => (answer === 'labels' ? row % 3 : sharesOf(row)));
      body = Buffer.from(JSON.stringify({ predictions }));
      bodies.set(rowCount, body);
    }
    return body;
  }

  return http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = bodyOf(countRows(chunks, request.headers['content-type'] === 'text/csv'));
      const respond = (): void => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
      };
      if (latencyMs === 0) respond();
      else setTimeout(respond, latencyMs);
    });
  });
}

/** Like a forest's: shares of a hundred trees. */
function sharesOf(row: number): readonly number[] {
  const first = (row * 37) % 101;
  const second = (row * 53) % (101 - first);
  return [first, second, 100 - first - second].map((votes) => votes / 100);
}

if (process.argv[1] === thisFile) {
  const [options] = (await once(process, 'message')) as [StandInOptions];
  const server = serve(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/invocations`);
  // Ends with its parent, however that ends.
  process.on('disconnect', () => process.exit());
}
