import type { IncomingMessage } from 'node:http';
import { S3Fault } from './fault.ts';

/** One request, taken apart. The path is never normalised: `..` and `//` are ordinary characters of a key. */
export interface S3Request {
  readonly message: IncomingMessage;
  readonly method: string;
  /** Empty for the service itself. */
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** A header, or in a presigned URL the `x-amz-…` query parameter that stands for it. */
  header(name: string): string | undefined;
}

const MAX_KEY_BYTES = 1024;

/** Throws `InvalidURI` and `KeyTooLongError`. Credentials and signatures are not looked at. */
export function readRequest(message: IncomingMessage): S3Request {
  const target = (message.url ?? '/').replace(/^https?:\/\/[^/]*/i, '');
  const queryStart = target.indexOf('?');
  const path = queryStart === -1 ? target : target.slice(0, queryStart);
  const query = new URLSearchParams(queryStart === -1 ? '' : target.slice(queryStart + 1));
  const keyStart = path.indexOf('/', 1);
  const bucket = decode(keyStart === -1 ? path.slice(1) : path.slice(1, keyStart));
  const key = keyStart === -1 ? '' : decode(path.slice(keyStart + 1));
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Fault('KeyTooLongError');

  const hoisted = new Map<string, string>();
  for (const [name, value] of query) {
    if (/^x-amz-/i.test(name)) hoisted.set(name.toLowerCase(), value);
  }
  return {
    message,
    method: message.method ?? 'GET',
    bucket,
    key,
    query,
    header(name) {
      const value = message.headers[name];
      return (Array.isArray(value) ? value.join(',') : value) ?? hoisted.get(name);
    },
  };
}

/** Percent-decoding of a path: `+` is a plus. Throws `InvalidURI`. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new S3Fault('InvalidURI', { cause });
  }
}

/** A whole number within [low, high] from a query parameter; `fallback` when it is absent. Throws `InvalidArgument`. */
export function readCount(query: URLSearchParams, name: string, low: number, high: number, fallback: number): number {
  const text = query.get(name);
  if (text === null || text === '') return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= low)) throw new S3Fault('InvalidArgument', { message: `${name} is not valid` });
  return Math.min(value, high);
}
