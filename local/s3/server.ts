/**
 * A small S3 for development: path-style, any credentials or none, objects on disk, events after the reply.
 * It enforces what AWS enforces, so that what works here works there; test/conformance says what that means.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { TamisError } from '../../lib/errors.ts';
import { listBuckets, routeBucket } from './bucket-routes.ts';
import { S3Fault } from './fault.ts';
import { routeMultipart } from './multipart-routes.ts';
import { makeObjectCreated, type ObjectCreated } from './notification.ts';
import { routeObject } from './object-routes.ts';
import { httpTime, type Reply } from './reply.ts';
import { readRequest, type S3Request } from './request.ts';
import { Service } from './service.ts';
import { errorDocument, leaf } from './xml.ts';

export interface S3ServerOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Which option a person changes the port with, for the error when it is in use. */
  readonly portOption?: string;
  /** Objects are plain files `<folder>/<bucket>/<key>`; what cannot be one is in `<folder>/.server`. */
  readonly folder: string;
  /** Made when they are missing. */
  readonly buckets: readonly string[];
  readonly region?: string;
  /** Of buckets that are made; on by default. */
  readonly versioning?: boolean;
  /** Called after the reply to the request that made the object was sent, in the order of the replies. */
  readonly onObjectCreated?: (created: ObjectCreated) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Told of a mistake in the server itself. */
  readonly onInternalError?: (error: unknown) => void;
}

export interface S3Server {
  readonly port: number;
  /** Ends open connections and resolves when the port is free. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1. Throws `local.port-busy`. The folder must belong to one server at a time. */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const now = options.now ?? Date.now;
  const region = options.region ?? 'eu-west-3';
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 });
  server.on('checkContinue', (message, response) => {
    response.writeContinue();
    server.emit('request', message, response);
  });
  // Listen first: two servers must never work in one folder, and the port is what keeps them apart.
  await listen(server, options);
  const ready = Service.open(
    { folder: options.folder, region, versioning: options.versioning === false ? undefined : 'Enabled', now },
    options.buckets,
  );
  server.on('request', (message, response) => {
    void ready.then((service) => serve(service, message, response, options)).catch(() => response.destroy());
  });
  try {
    await ready;
  } catch (error) {
    await close(server);
    throw error;
  }
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

async function listen(server: Server, { port, portOption = '--port' }: S3ServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' ? new TamisError('local.port-busy', { port, option: portOption }, error) : error,
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function serve(
  service: Service,
  message: IncomingMessage,
  response: ServerResponse,
  options: S3ServerOptions,
): Promise<void> {
  const requestId = randomBytes(8).toString('hex').toUpperCase();
  response.sendDate = false;
  // Comes after the reply, and also when the client goes away before it: an object that was made is announced in both cases.
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  const common = { 'x-amz-request-id': requestId, 'x-amz-id-2': requestId, server: 'tamis-local' };
  const isHead = message.method === 'HEAD';
  let reply: Reply;
  try {
    reply = await route(service, readRequest(message));
  } catch (error) {
    const fault = error instanceof S3Fault ? error : new S3Fault('InternalError', { cause: error });
    if (fault.code === 'InternalError') options.onInternalError?.(fault.cause ?? fault);
    reply = faultReply(fault, message, requestId);
  }
  if (reply.created !== undefined && options.onObjectCreated !== undefined) {
    const { bucket, key, by, version } = reply.created;
    const created = makeObjectCreated({
      bucket: bucket.name,
      key,
      createdBy: by,
      version,
      isVersioned: bucket.versioning !== undefined,
      region: service.region,
      requestId,
      nowMs: service.now(),
    });
    void closed.then(() => options.onObjectCreated?.(created));
  }
  await send(response, { ...reply, headers: { ...common, date: httpTime(service.now()), ...reply.headers } }, isHead);
  // What is left of a refused body is read to its end: a client that still writes would see a reset instead of the answer.
  message.resume();
}

async function send(response: ServerResponse, reply: Reply, isHead: boolean): Promise<void> {
  const headers: Record<string, string> = { ...reply.headers };
  if (reply.xml !== undefined) {
    headers['content-type'] = 'application/xml';
    headers['content-length'] = String(Buffer.byteLength(reply.xml));
  } else if (reply.file === undefined && reply.status !== 204 && reply.status !== 304) {
    headers['content-length'] = '0';
  }
  response.writeHead(reply.status, headers);
  if (reply.file === undefined) {
    response.end(isHead ? undefined : reply.xml);
    return;
  }
  const { handle, start, end } = reply.file;
  if (isHead || end < start) {
    await handle.close();
    response.end();
    return;
  }
  // Fails when the client goes away, which is its right; the stream closes the file.
  await pipeline(handle.createReadStream({ start, end, highWaterMark: 256 * 1024 }), response).catch(() => undefined);
}

function faultReply(fault: S3Fault, message: IncomingMessage, requestId: string): Reply {
  if (fault.status === 304) return { status: 304, headers: fault.headers };
  return {
    status: fault.status,
    headers: fault.headers,
    xml: errorDocument(
      leaf('Code', fault.code),
      leaf('Message', fault.message),
      ...Object.entries(fault.details).map(([name, value]) => leaf(name, value)),
      leaf('Resource', (message.url ?? '').replace(/\?.*$/s, '')),
      leaf('RequestId', requestId),
      leaf('HostId', requestId),
    ),
  };
}

/** Parts of the API that this server does not have. Refused, because ignoring them would store a setting as an object. */
const unsupported = [
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'torrent',
  'website',
] as const;

async function route(service: Service, request: S3Request): Promise<Reply> {
  const { method, query } = request;
  if (unsupported.some((name) => query.has(name))) throw new S3Fault('NotImplemented');
  if (request.bucket === '') {
    if (method !== 'GET') throw new S3Fault('MethodNotAllowed');
    return listBuckets(service);
  }
  if (request.key === '') {
    if (query.has('tagging')) throw new S3Fault('NotImplemented');
    return await routeBucket(service, request);
  }
  const bucket = service.bucket(request.bucket);
  if (query.has('uploads') || query.has('uploadId')) return await routeMultipart(service, bucket, request);
  return await routeObject(service, bucket, request);
}
