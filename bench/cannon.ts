/** How fast autocannon puts one body to a URL again and again. It checks no answer and keeps none. */
import { createRequire } from 'node:module';

/** What we use of autocannon 9, which comes without types. */
type Autocannon = (options: {
  readonly url: string;
  readonly connections: number;
  readonly duration: number;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}) => Promise<{ readonly errors: number; readonly non2xx: number; readonly '2xx': number }>;

const autocannon: Autocannon = createRequire(import.meta.url)('autocannon');

export interface Shot {
  readonly url: string;
  readonly connections: number;
  readonly body: string | Buffer;
  readonly contentType: string;
  readonly seconds: number;
}

/** Requests a second that were answered. Throws when one was not. */
export async function fire({ url, connections, body, contentType, seconds }: Shot): Promise<number> {
  const startedMs = performance.now();
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: { 'content-type': contentType, accept: 'application/json' },
    body,
  });
  if (result.errors > 0 || result.non2xx > 0)
    throw new Error('expected answers to all requests of autocannon; some failed');
  return result['2xx'] / ((performance.now() - startedMs) / 1000);
}
