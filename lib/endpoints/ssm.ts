/**
 * Secrets in the parameter store of AWS Systems Manager.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html (read 2026-11). Standard parameters are not billed.
 */
import type { SsmOptions } from './ssm-client.ts';

/** Reads one decrypted parameter; undefined when it is empty. Rejects as the client does. The client is loaded at the first call. */
export function makeSsmReader(options: SsmOptions): (name: string) => Promise<string | undefined> {
  let loaded: Promise<typeof import('./ssm-client.ts')> | undefined;
  let read: ((name: string) => Promise<string | undefined>) | undefined;

  return async (name) => {
    loaded ??= import('./ssm-client.ts');
    const { makeParameterReader } = await loaded;
    read ??= makeParameterReader(options);
    return read(name);
  };
}
