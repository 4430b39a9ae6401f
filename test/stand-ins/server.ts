/** A loopback server for stand-ins: collects bodies, keeps a record of what was asked, closes at once. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Break the connection instead of answering. */
  readonly isReset?: boolean;
  /** Wait before answering. */
  readonly delayMs?: number;
}

export interface StandInServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** What was asked, oldest first. */
  readonly requests: ReceivedRequest[];
  close(): Promise<void>;
}

export async function startServer(
  answer: (request: ReceivedRequest, number: number) => Reply,
  options: { readonly port?: number; readonly keepAliveTimeoutMs?: number } = {},
): Promise<StandInServer> {
  const requests: ReceivedRequest[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const server = http.createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => {});
    incoming.on('end', () => {
      const received = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      const reply = answer(received, requests.length);
      requests.push(received);
      const respond = (): void => {
        if (reply.isReset) incoming.socket.destroy();
        else outgoing.writeHead(reply.status, reply.headers).end(reply.body);
      };
      if (reply.delayMs === undefined) return respond();
      const timer = setTimeout(() => {
        timers.delete(timer);
        respond();
      }, reply.delayMs);
      timers.add(timer);
    });
  });
  server.keepAliveTimeout = options.keepAliveTimeoutMs ?? 5_000;
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearTimeout(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The same cells get the same class everywhere: by the code units of the first cell's text. */
export function classOf(cells: readonly unknown[], classCount: number): number {
  let sum = 0;
  const text = String(cells[0]);
  for (let at = 0; at < text.length; at += 1) sum += text.charCodeAt(at);
  return sum % classCount;
}

/** Probabilities of which that of class `index` is the highest; they sum to 1. */
export function probabilitiesFor(index: number, classCount: number): number[] {
  return Array.from({ length: classCount }, (_, at) => (at === index ? 0.75 : 0.25 / (classCount - 1)));
}
