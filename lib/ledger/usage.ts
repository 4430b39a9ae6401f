/**
 * The closed registry of what is metered. One resource has one unit, in the meter, in the price tables and in every receipt.
 * GB is 2^30 bytes throughout, as in the price lists (for CloudWatch an assumption; 10^9 would give 7 % more).
 */

/**
 * Who prices a resource. `list`: the Region's price list. `endpoint`: the service that answers.
 * `free`: known to be free of charge (DELETE, transfer inside a Region and into it: https://aws.amazon.com/s3/pricing/, read 2026-11-23),
 * or part of another resource's price.
 */
export type Billing = 'list' | 'endpoint' | 'free';

export const resources = {
  'lambda.requests': { unit: 'request', billing: 'list' },
  'lambda.compute': { unit: 'GB-second', billing: 'list' },
  /** /tmp beyond the 512 MB that are free. */
  'lambda.ephemeral-storage': { unit: 'GB-second', billing: 'list' },
  /** PUT, COPY and POST: also creating and completing a multipart upload, and each of its parts. */
  's3.put': { unit: 'request', billing: 'list' },
  /** GET, HEAD and all others. */
  's3.get': { unit: 'request', billing: 'list' },
  's3.list': { unit: 'request', billing: 'list' },
  's3.delete': { unit: 'request', billing: 'free' },
  /** Stored bytes times the hours for which the receipt claims them. */
  's3.stored': { unit: 'byte-hour', billing: 'list' },
  'logs.ingested': { unit: 'byte', billing: 'list' },
  'events.published': { unit: 'event', billing: 'list' },
  /** Between the function and services of its own Region, both ways. */
  'network.in-region': { unit: 'byte', billing: 'free' },
  /** Into the function's Region. */
  'network.in': { unit: 'byte', billing: 'free' },
  'network.other-region-out': { unit: 'byte', billing: 'list' },
  'network.internet-out': { unit: 'byte', billing: 'list' },
  'endpoint.calls': { unit: 'call', billing: 'endpoint' },
  /** Time in which at least one call was in flight. */
  'endpoint.busy': { unit: 'second', billing: 'endpoint' },
  /** Sum over all calls. */
  'endpoint.latency': { unit: 'second', billing: 'free' },
  /** Without the cached ones. */
  'endpoint.input-tokens': { unit: 'token', billing: 'endpoint' },
  'endpoint.cached-input-tokens': { unit: 'token', billing: 'endpoint' },
  'endpoint.output-tokens': { unit: 'token', billing: 'endpoint' },
  /** Wall time on a machine that nobody bills. */
  'local.elapsed': { unit: 'second', billing: 'free' },
} as const satisfies Record<string, { unit: string; billing: Billing }>;

export type Resource = keyof typeof resources;
export type ResourceUnit = (typeof resources)[Resource]['unit'];

export function isResource(name: string): name is Resource {
  return Object.hasOwn(resources, name);
}
