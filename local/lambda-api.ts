/**
 * serverless-offline's Lambda API: https://github.com/dherault/serverless-offline (14.8.2, read 2026-11-23).
 * `fetch` is no use here: it gives up on an answer after five minutes, and an invocation may take fifteen.
 */
import { request } from 'node:http';
import type { Invocation, InvocationResult } from './events.ts';

/** The name under which a request id travels in the client context. */
export const REQUEST_ID = 'tamis-local-request-id';

/** Invokes and waits for the result. Rejects when the API cannot be reached, does not know the function, or fails itself. */
export async function invokeLambda(port: number, invocation: Invocation): Promise<InvocationResult> {
  const clientContext = { custom: { [REQUEST_ID]: invocation.requestId } };
  const { status, headers, body } = await post({
    port,
    path: `/2015-03-31/functions/${encodeURIComponent(invocation.functionName)}/invocations`,
    headers: {
      'content-type': 'application/octet-stream',
      'x-amz-invocation-type': 'RequestResponse',
      'x-amz-client-context': Buffer.from(JSON.stringify(clientContext)).toString('base64'),
    },
    body: JSON.stringify(invocation.payload),
  });
  if (status !== 200) throw new Error(`the Lambda API answered ${status}`);
  return { isError: headers['x-amz-function-error'] !== undefined, payload: parse(body) };
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

async function post(call: {
  readonly port: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const { port, path, headers } = call;
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body === '' ? null : body;
  }
}
