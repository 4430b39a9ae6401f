import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to one request on its way to the server and back. */
export type Fault =
  | { readonly kind: 'lose-answer' }
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  | { readonly kind: 'damage-answer' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  | { readonly kind: 'answer'; readonly status: number; readonly code?: string; readonly dateless?: boolean };

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FaultProxy {
  readonly port: number;
  readonly seen: SeenRequest[];
  /** Asked for each request; undefined lets it pass. */
  decide: (request: SeenRequest) => Fault | undefined;
  /** Answers whose client hung up before they were sent to the end. */
  hungUpCount(): number;
  close(): Promise<void>;
}

/** A proxy on 127.0.0.1 in front of `targetPort` that breaks what it is told to break. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  let hungUp = 0;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers };
    proxy.seen.push(seen);
    const fault = proxy.decide(seen);
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) hungUp += 1;
    });
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'answer') {
      incoming.resume();
      const { status, code } = fault;
      outgoing.sendDate = !fault.dateless;
      outgoing.writeHead(status, { 'content-type': 'application/xml' });
      outgoing.end(code && seen.method !== 'HEAD' ? `<Error><Code>${code}</Code><Message>m</Message></Error>` : '');
      return;
    }
    if (fault?.kind === 'hold') await fault.until;
    const { method, url, headers } = incoming;
    const onward = request({ port: targetPort, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      if (fault?.kind === 'lose-answer') {
        answer.resume();
        answer.on('end', () => incoming.socket.destroy());
        return;
      }
      outgoing.sendDate = false;
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      let sentBytes = 0;
      answer.on('data', (chunk: Buffer) => {
        if (fault?.kind === 'damage-answer') chunk[0] = (chunk[0] ?? 0) ^ 0xff;
        if (fault?.kind !== 'cut-answer' || sentBytes + chunk.length <= fault.afterBytes) {
          sentBytes += chunk.length;
          if (!outgoing.write(chunk)) {
            answer.pause();
            outgoing.once('drain', () => answer.resume());
          }
          return;
        }
        answer.destroy();
        outgoing.write(chunk.subarray(0, fault.afterBytes - sentBytes), () => incoming.socket.destroy());
      });
      answer.on('end', () => outgoing.end());
      answer.on('error', () => outgoing.destroy());
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    port: (server.address() as AddressInfo).port,
    seen: [],
    decide: () => undefined,
    hungUpCount: () => hungUp,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
