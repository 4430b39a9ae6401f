/**
 * Secrets in the parameter store of AWS Systems Manager.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html (read 2026-11). Standard parameters are not billed.
 */

export interface SsmOptions {
  readonly region: string;
  /** Another address than the Region's own, for stand-ins. */
  readonly url?: string;
}

/** Reads one decrypted parameter; undefined when it is empty. Rejects as the client does. The client is loaded at the first call. */
export function makeSsmReader(options: SsmOptions): (name: string) => Promise<string | undefined> {
  const load = async () => {
    const { SSMClient, GetParameterCommand } = await import('@aws-sdk/client-ssm');
    const client = new SSMClient({
      region: options.region,
      ...(options.url === undefined ? {} : { endpoint: options.url }),
    });
    return (name: string) => client.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
  };
  let loaded: ReturnType<typeof load> | undefined;

  return async (name) => {
    loaded ??= load();
    const answer = await (await loaded)(name);
    return answer.Parameter?.Value;
  };
}
