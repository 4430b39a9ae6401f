/**
 * One HTTP exchange with a service, as data. What the network did is a value, never an exception, and no text of it goes any further than the adapter.
 * Redirects are not followed: where rows may go is decided by the residency rule, not by the service.
 */
import http from 'node:http';
import https from 'node:https';
import type { OnTraffic } from './types.ts';

export interface HttpClientOptions {
  /** Connections kept open, and so calls in flight; a call beyond waits for a connection. */
  readonly maxSockets: number;
  /** Certificates (PEM) of a private authority, instead of the system's. */
  readonly ca?: string;
  /** The client's certificate and its key, both PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** A response longer than this is given up. Default 64 MiB. */
  readonly maxResponseBytes?: number;
  /** Called once for every attempt, also for one that is repeated. */
  readonly onTraffic?: OnTraffic | undefined;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent with its length, never chunked. */
  readonly body?: Buffer | string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** `refused` also stands for names that do not resolve; `tls` for certificates that do not hold; `too-long` for a response beyond the cap. */
export interface HttpFailure {
  readonly status: 0;
  readonly failure: 'timeout' | 'aborted' | 'refused' | 'reset' | 'tls' | 'too-long';
}

export interface HttpClient {
  /** Resolves with the response, whatever its status, or with what kept it from coming. Never rejects. */
  exchange(request: HttpRequest): Promise<HttpResponse | HttpFailure>;
  close(): void;
}

export function isHttpFailure(result: HttpResponse | HttpFailure): result is HttpFailure {
  return result.status === 0;
}

const defaultMaxResponseBytes = 64 * 1024 * 1024;

/** A kept connection that the service had closed answers with a reset at once; a later reset may be the service's answer to the rows. */
const staleSocketMs = 1000;

export function makeHttpClient(options: HttpClientOptions): HttpClient {
  const maxResponseBytes = options.maxResponseBytes ?? defaultMaxResponseBytes;
  const tls = {
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(options.cert === undefined ? {} : { cert: options.cert }),
    ...(options.key === undefined ? {} : { key: options.key }),
  };
  const pool = { keepAlive: true, maxSockets: options.maxSockets, maxFreeSockets: options.maxSockets };
  const plainAgent = new http.Agent(pool);
  const tlsAgent = new https.Agent({ ...pool, ...tls });

  function attempt(request: HttpRequest, fresh: boolean): Promise<HttpResponse | HttpFailure | 'stale'> {
    return new Promise((resolve) => {
      const isTls = request.url.protocol === 'https:';
      const startedAt = performance.now();
      let failure: HttpFailure['failure'] | undefined;
      let responded = false;
      let settled = false;
      let sentBytes = 0;
      let receivedBytes = 0;

      const call = (isTls ? https : http).request(request.url, {
        method: request.method,
        headers: withLength(request),
        // A fresh connection must not come from the pool: every kept one may be as stale as the first.
        ...(fresh ? { agent: false as const, ...tls } : { agent: isTls ? tlsAgent : plainAgent }),
      });

      const giveUp = (reason: HttpFailure['failure']): void => {
        failure ??= reason;
        call.destroy();
        settle({ status: 0, failure });
      };
      const onAbort = (): void => giveUp('aborted');
      const timer = setTimeout(giveUp, request.timeoutMs, 'timeout');
      const settle = (result: HttpResponse | HttpFailure | 'stale'): void => {
        clearTimeout(timer);
        request.signal.removeEventListener('abort', onAbort);
        if (!settled) options.onTraffic?.({ sentBytes, receivedBytes });
        settled = true;
        resolve(result);
      };
      request.signal.addEventListener('abort', onAbort);

      call.on('finish', () => {
        sentBytes = sizeOf(request.body);
      });
      call.on('response', (response) => {
        responded = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          receivedBytes += chunk.length;
          if (receivedBytes > maxResponseBytes) giveUp('too-long');
          else chunks.push(chunk);
        });
        response.on('end', () => {
          const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, receivedBytes);
          settle({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
        response.on('error', () => settle({ status: 0, failure: failure ?? 'reset' }));
      });
      call.on('error', (error: NodeJS.ErrnoException) => {
        const isStale =
          call.reusedSocket &&
          !responded &&
          failure === undefined &&
          (error.code === 'ECONNRESET' || error.code === 'EPIPE') &&
          performance.now() - startedAt < staleSocketMs;
        settle(isStale ? 'stale' : { status: 0, failure: failure ?? failureOf(error.code) });
      });

      call.end(request.body);
    });
  }

  return {
    async exchange(request) {
      if (request.signal.aborted) return { status: 0, failure: 'aborted' };
      const first = await attempt(request, false);
      if (first !== 'stale') return first;
      const second = await attempt(request, true);
      return second === 'stale' ? { status: 0, failure: 'reset' } : second;
    },
    close() {
      plainAgent.destroy();
      tlsAgent.destroy();
    },
  };
}

function withLength({ headers, body }: HttpRequest): Record<string, string | number> {
  if (body === undefined) return headers;
  return { ...headers, 'content-length': sizeOf(body) };
}

function sizeOf(body: Buffer | string | undefined): number {
  return body === undefined ? 0 : Buffer.byteLength(body);
}

function failureOf(code: string | undefined): HttpFailure['failure'] {
  if (code === undefined) return 'reset';
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/.test(code))
    return 'tls';
  if (['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code)) return 'refused';
  return 'reset';
}
