/** Requests of exactly the bytes that a test wants, signed with Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html (read 2026-11-20). */
import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { S3Target } from './target.ts';

export interface RawRequest {
  readonly method: string;
  /** Percent-encoded, beginning with `/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** How the body is cut on the wire, in bytes; in one piece otherwise. */
  readonly pieceBytes?: number;
  /** `unsigned`: no credentials at all. `presigned`: in the query. */
  readonly signing?: 'header' | 'presigned' | 'unsigned';
}

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export async function sendRaw(target: S3Target, request: RawRequest): Promise<RawReply> {
  const url = new URL(target.endpoint);
  const signed = sign(target, url.host, request);
  const query = Object.entries(signed.query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
  return await new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: url.hostname,
        port: url.port,
        method: request.method,
        path: query === '' ? request.path : `${request.path}?${query}`,
        headers: signed.headers,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      },
    );
    outgoing.on('error', reject);
    const body = request.body ?? Buffer.alloc(0);
    const pieceBytes = request.pieceBytes ?? Math.max(1, body.length);
    for (let start = 0; start < body.length; start += pieceBytes) {
      outgoing.write(body.subarray(start, start + pieceBytes));
    }
    outgoing.end();
  });
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const sha256 = (data: string) => createHash('sha256').update(data).digest('hex');

function sign(
  target: S3Target,
  host: string,
  request: RawRequest,
): { headers: Record<string, string>; query: Record<string, string> } {
  const { signing = 'header' } = request;
  const headers: Record<string, string> = { host, ...request.headers };
  if (headers['content-length'] === undefined && request.body !== undefined) {
    headers['content-length'] = String(request.body.length);
  }
  const query: Record<string, string> = { ...request.query };
  if (signing === 'unsigned') return { headers, query };

  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${target.region}/s3/aws4_request`;
  const payload = headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  if (signing === 'header') {
    headers['x-amz-date'] = time;
    headers['x-amz-content-sha256'] = payload;
  }
  const signedNames = (signing === 'header' ? Object.keys(headers) : ['host']).sort();
  if (signing === 'presigned') {
    Object.assign(query, {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${target.accessKeyId}/${scope}`,
      'X-Amz-Date': time,
      'X-Amz-Expires': '300',
      'X-Amz-SignedHeaders': signedNames.join(';'),
    });
  }
  const canonical = [
    request.method,
    request.path,
    Object.entries(query)
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...signedNames.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    signedNames.join(';'),
    payload,
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const dateKey = hmac(`AWS4${target.secretAccessKey}`, time.slice(0, 8));
  const key = hmac(hmac(hmac(dateKey, target.region), 's3'), 'aws4_request');
  const signature = hmac(key, toSign).toString('hex');
  if (signing === 'presigned') query['X-Amz-Signature'] = signature;
  else {
    headers['authorization'] =
      `AWS4-HMAC-SHA256 Credential=${target.accessKeyId}/${scope}, SignedHeaders=${signedNames.join(';')}, Signature=${signature}`;
  }
  return { headers, query };
}
