import type { EndpointConfig } from '../lib/config/types.ts';

/** What an endpoint refers to with `env:`, `ssm:` or `file:`; a certificate may also be a file of the package, which is none. */
export function secretReferences(endpoint: EndpointConfig): readonly string[] {
  const secret = 'auth' in endpoint && 'secret' in endpoint.auth ? [endpoint.auth.secret] : [];
  const certificate =
    'tls' in endpoint && endpoint.tls !== undefined && isReference(endpoint.tls.ca) ? [endpoint.tls.ca] : [];
  return [...secret, ...certificate];
}

export const isReference = (text: string): boolean => /^(env|ssm|file|secretsmanager):/.test(text);
