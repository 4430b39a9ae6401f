/** What may run on this machine but not in the cloud is refused before anything is built. */
import { checkResidency, type Place } from '../lib/config/residency.ts';
import type { Config, EndpointConfig } from '../lib/config/types.ts';
import { type ConfigProblem, TamisError } from '../lib/errors.ts';
import { secretReferences } from './secret-references.ts';

/** Undefined where the model runs inside the function, or where `problemsOf` refuses the endpoint anyway. */
function placeOf(endpoint: EndpointConfig, route: string): Place | undefined {
  if (endpoint.url !== undefined) return { host: new URL(endpoint.url).host };
  if (endpoint.kind === 'sagemaker' && endpoint.region !== undefined) {
    return { region: endpoint.region, name: `the endpoint of route ${route}` };
  }
  return undefined;
}

function problemsOf(endpoint: EndpointConfig, path: string): readonly ConfigProblem[] {
  if (endpoint.kind === 'stub') {
    return [{ path: `${path}.kind`, expected: 'a real model in a deployed function', found: 'stub' }];
  }
  if (secretReferences(endpoint).some((secret) => secret.startsWith('file:'))) {
    return [
      {
        path: `${path}.auth or .tls`,
        expected: 'a secret that a deployed function can read (ssm:/name)',
        found: 'file:',
      },
    ];
  }
  return [];
}

/**
 * Throws `residency.*` when the Region or an endpoint is outside the rule, `config.invalid` when a route cannot work
 * in a deployed function. `file` is the configuration's name, for the message.
 */
export function checkDeployable(config: Config, region: string, file: string): void {
  const deployed = { deployed: true };
  checkResidency(config.residency, { region, name: 'the deployment' }, deployed);
  for (const { endpoint, name } of config.routes) {
    const place = placeOf(endpoint, name);
    if (place !== undefined) checkResidency(config.residency, place, deployed);
  }
  const problems = config.routes.flatMap(({ endpoint }, index) => problemsOf(endpoint, `routes[${index}].endpoint`));
  if (problems.length > 0) throw new TamisError('config.invalid', { file, problems });
}

/** Names of environment variables that routes take secrets from: nobody sets them on a deployed function but its operator. */
export function environmentSecrets(config: Config): readonly string[] {
  const secrets = config.routes.flatMap(({ endpoint }) => secretReferences(endpoint));
  return [...new Set(secrets.filter((secret) => secret.startsWith('env:')).map((secret) => secret.slice(4)))];
}

/** Endpoints outside this machine that are spoken to without TLS: rows and secrets travel in clear text. */
export function plainEndpoints(config: Config): readonly string[] {
  return config.routes.flatMap(({ endpoint, name }) => (endpoint.url?.startsWith('http:') ? [name] : []));
}
