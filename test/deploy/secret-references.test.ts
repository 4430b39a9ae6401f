import { describe, expect, it } from '@jest/globals';
import { checkDeployable, environmentSecrets, plainEndpoints } from '../../deploy/check-deployable.ts';
import { secretReferences } from '../../deploy/secret-references.ts';
import { readConfig } from '../../lib/config/read.ts';

const configOf = (endpoint: string) =>
  readConfig(
    `version: 1
residency: { declared: [{ host: models.example.eu, country: DE }] }
routes: [{ name: r, input: input/r/, features: [x], endpoint: ${endpoint} }]`,
    'tamis.yml',
  );
const endpointOf = (endpoint: string) => configOf(endpoint).routes[0]!.endpoint;

describe('secretReferences', () => {
  it('names the secret and the certificate that are references, and no file of the package', () => {
    const both =
      "{ kind: mlflow, url: 'https://models.example.eu/invocations', auth: { scheme: bearer, secret: 'ssm:/token' }, tls: { ca: 'ssm:/ca' } }";
    const file = "{ kind: mlflow, url: 'https://models.example.eu/invocations', tls: { ca: certificates/ca.pem } }";

    expect(secretReferences(endpointOf(both))).toEqual(['ssm:/token', 'ssm:/ca']);
    expect(secretReferences(endpointOf(file))).toEqual([]);
  });
});

describe('checkDeployable', () => {
  it('refuses a certificate that only this machine can read', () => {
    const config = configOf(
      "{ kind: mlflow, url: 'https://models.example.eu/invocations', tls: { ca: 'file:/etc/ca.pem' } }",
    );

    expect(() => checkDeployable(config, 'eu-west-3', 'tamis.yml')).toThrow(/config\.invalid/);
  });
});

describe('what packaging says', () => {
  it('names routes without TLS and secrets that somebody has to set', () => {
    const config = configOf(
      "{ kind: mlflow, url: 'http://models.example.eu/invocations', auth: { scheme: bearer, secret: 'env:TOKEN' } }",
    );

    expect(plainEndpoints(config)).toEqual(['r']);
    expect(environmentSecrets(config)).toEqual(['TOKEN']);
  });
});
