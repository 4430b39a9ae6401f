import { readFileSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { resolveCredentials } from '../../lib/endpoints/auth.ts';
import { type HttpClient, type HttpClientOptions, type HttpRequest, makeHttpClient } from '../../lib/endpoints/http.ts';
import { makeSecrets } from '../../lib/endpoints/secrets.ts';
import { startServer } from '../stand-ins/server.ts';

const certificateFile = fileURLToPath(new URL('./endpoint-tls/test-only-cert.pem', import.meta.url));
const certificate = readFileSync(certificateFile, 'utf8');
const key = readFileSync(new URL('./endpoint-tls/test-only-key.pem', import.meta.url), 'utf8');
const toClose: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

function open(options: Partial<HttpClientOptions> = {}): HttpClient {
  const client = makeHttpClient({ maxSockets: 2, ...options });
  toClose.push(() => client.close());
  return client;
}

function post(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'POST',
    url: new URL(url),
    headers: {},
    body: 'é',
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...more,
  };
}

/** A server on bare sockets: `respond` gets the socket and the number of the request on that connection. */
async function listen(respond: (socket: net.Socket, numberOnConnection: number) => void) {
  let connectionCount = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    connectionCount += 1;
    sockets.add(socket);
    let number = 0;
    socket.on('error', () => {});
    socket.on('data', () => respond(socket, number++));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  toClose.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    connectionCount: () => connectionCount,
  };
}

const okResponse = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('makeHttpClient', () => {
  it('sends the length in bytes and keeps the connection', async () => {
    const server = await startServer(() => ({ status: 200, body: 'done' }));
    toClose.push(server.close);
    const client = open();

    const first = await client.exchange(post(server.origin));
    const second = await client.exchange(post(server.origin, { body: Buffer.from('abc') }));

    expect(first).toMatchObject({ status: 200, body: Buffer.from('done') });
    expect(second.status).toBe(200);
    expect(server.requests.map(({ headers }) => headers['content-length'])).toEqual(['2', '3']);
  });

  it('repeats a call at once when a kept connection turns out to be closed', async () => {
    const server = await listen((socket, number) =>
      number === 0 ? socket.write(okResponse) : socket.resetAndDestroy(),
    );
    const client = open();

    const first = await client.exchange(post(server.url));
    const second = await client.exchange(post(server.url));

    expect([first.status, second.status]).toEqual([200, 200]);
    expect(server.connectionCount()).toBe(2);
  });

  it('does not repeat a call that a fresh connection loses', async () => {
    const server = await listen((socket) => socket.resetAndDestroy());

    const result = await open().exchange(post(server.url));

    expect(result).toEqual({ status: 0, failure: 'reset' });
    expect(server.connectionCount()).toBe(1);
  });

  it('does not repeat a call whose response had begun', async () => {
    const server = await listen((socket, number) => {
      if (number === 0) socket.write(okResponse);
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.destroy());
    });
    const client = open();
    await client.exchange(post(server.url));

    expect(await client.exchange(post(server.url))).toEqual({ status: 0, failure: 'reset' });
    expect(server.connectionCount()).toBe(1);
  });

  it('frees the connection of a call that timed out or was aborted', async () => {
    let delayMs: number | undefined = 60_000;
    const server = await startServer(() => ({ status: 200, body: 'x', ...(delayMs === undefined ? {} : { delayMs }) }));
    toClose.push(server.close);
    const client = open({ maxSockets: 1 });
    const abort = new AbortController();

    const late = await client.exchange(post(server.origin, { timeoutMs: 50 }));
    const pending = client.exchange(post(server.origin, { signal: abort.signal }));
    abort.abort();
    const aborted = await pending;
    delayMs = undefined;
    const after = await client.exchange(post(server.origin));

    expect([late, aborted]).toEqual([
      { status: 0, failure: 'timeout' },
      { status: 0, failure: 'aborted' },
    ]);
    expect(after.status).toBe(200);
  });

  it('gives up on a response beyond the cap', async () => {
    const server = await startServer(() => ({ status: 200, body: 'x'.repeat(1000) }));
    toClose.push(server.close);

    expect(await open({ maxResponseBytes: 999 }).exchange(post(server.origin))).toEqual({
      status: 0,
      failure: 'too-long',
    });
    expect((await open({ maxResponseBytes: 1000 }).exchange(post(server.origin))).status).toBe(200);
  });

  it('reports the bytes of both bodies, whatever the answer', async () => {
    const traffic: object[] = [];
    const client = open({ onTraffic: (bytes) => traffic.push(bytes) });
    const refusing = await listen((socket) => void socket.write('HTTP/1.1 400 No\r\nContent-Length: 3\r\n\r\nbad'));

    await client.exchange(post(refusing.url));
    await client.exchange(post(refusing.url, { body: Buffer.alloc(70_000) }));

    expect(traffic).toEqual([
      { sentBytes: 2, receivedBytes: 3 },
      { sentBytes: 70_000, receivedBytes: 3 },
    ]);
  });

  it('reports what went out and came in before a call timed out, and nothing when nobody listened', async () => {
    const traffic: object[] = [];
    const client = open({ onTraffic: (bytes) => traffic.push(bytes) });
    const halting = await listen((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));

    await client.exchange(post(halting.url, { timeoutMs: 100 }));
    await client.exchange(post('http://127.0.0.1:1/'));

    expect(traffic).toEqual([
      { sentBytes: 2, receivedBytes: 4 },
      { sentBytes: 0, receivedBytes: 0 },
    ]);
  });

  it('says refused when nothing listens', async () => {
    const server = await startServer(() => ({ status: 200 }));
    await server.close();

    expect(await open().exchange(post(server.origin))).toEqual({ status: 0, failure: 'refused' });
  });
});

describe('a private certificate authority', () => {
  async function listenTls(isClientAsked: boolean): Promise<string> {
    const server = https.createServer(
      {
        cert: certificate,
        key,
        ...(isClientAsked ? { ca: certificate, requestCert: true, rejectUnauthorized: true } : {}),
      },
      (_, response) => response.end('ok'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    toClose.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }
  const secrets = makeSecrets({ environment: { CA: certificate, CLIENT: `${certificate}${key}` } });

  it('is trusted when the route names it, by path or as a secret, and not otherwise', async () => {
    const url = await listenTls(false);
    const byPath = await resolveCredentials({ scheme: 'none' }, certificateFile, secrets);
    const bySecret = await resolveCredentials({ scheme: 'none' }, 'env:CA', secrets);

    expect((await open(byPath.tls).exchange(post(url))).status).toBe(200);
    expect((await open(bySecret.tls).exchange(post(url))).status).toBe(200);
    expect(await open().exchange(post(url))).toEqual({ status: 0, failure: 'tls' });
  });

  it('sees the certificate of the client with mtls', async () => {
    const url = await listenTls(true);
    const { tls } = await resolveCredentials({ scheme: 'mtls', secret: 'env:CLIENT' }, 'env:CA', secrets);

    expect((await open(tls).exchange(post(url))).status).toBe(200);
    expect((await open({ ca: certificate }).exchange(post(url))).status).toBe(0);
  });
});
