/** Credentials of an HTTP endpoint: what goes into the headers, and what into the TLS handshake. */
import type { AuthConfig } from '../config/types.ts';
import { TamisError } from '../errors.ts';
import type { HttpClientOptions } from './http.ts';
import type { Secrets } from './secrets.ts';

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Pick<HttpClientOptions, 'ca' | 'cert' | 'key'>;
}

/**
 * Resolves the secrets of `auth` and `ca`. The secret of `basic` is `user:password`; that of `mtls` holds certificate and key, both PEM.
 * `ca` is a reference to a secret or the path of a PEM file. Throws `config.secret-missing`, also when a secret cannot stand in a header.
 */
export async function resolveCredentials(
  auth: AuthConfig,
  ca: string | undefined,
  secrets: Secrets,
): Promise<Credentials> {
  const authority =
    ca === undefined ? {} : { ca: await secrets.resolve(/^(env|file|ssm):/.test(ca) ? ca : `file:${ca}`) };
  if (auth.scheme === 'none') return { headers: {}, tls: authority };

  const secret = await secrets.resolve(auth.secret);
  if (auth.scheme === 'mtls') return { headers: {}, tls: { ...authority, cert: secret, key: secret } };

  if (auth.scheme !== 'basic' && !/^[\t\x20-\x7e]+$/.test(secret)) {
    throw new TamisError('config.secret-missing', { reference: auth.secret });
  }
  switch (auth.scheme) {
    case 'basic':
      return { headers: { authorization: `Basic ${Buffer.from(secret).toString('base64')}` }, tls: authority };
    case 'bearer':
      return { headers: { authorization: `Bearer ${secret}` }, tls: authority };
    case 'header':
      return { headers: { [auth.name.toLowerCase()]: secret }, tls: authority };
  }
}
