import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

export interface SsmOptions {
  readonly region: string;
  /** Another address than the Region's own, for stand-ins. */
  readonly url?: string;
}

/**
 * The client behind `ssm.ts`, which loads this file when it is needed. The SDK is imported by name here: a bundler that sees
 * `import()` of the package itself keeps all of its 150 commands (46 kB gzip instead of 4).
 */
export function makeParameterReader({ region, url }: SsmOptions): (name: string) => Promise<string | undefined> {
  const client = new SSMClient({ region, ...(url === undefined ? {} : { endpoint: url }) });
  return async (name) => {
    const answer = await client.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
    return answer.Parameter?.Value;
  };
}
