import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalHost, isLoopback, regionOfHost } from '../../../lib/config/hosts.ts';

const known: readonly (readonly [string, string, string | undefined])[] = [
  ['runtime.sagemaker.eu-west-3.amazonaws.com', 'eu-west-3', 'FR'],
  ['runtime.sagemaker.eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1', 'DE'],
  ['runtime.sagemaker.eusc-de-east-1.api.amazonwebservices.eu', 'eusc-de-east-1', 'DE'],
  ['runtime.sagemaker.eu-north-1.api.aws', 'eu-north-1', 'SE'],
  ['vpce-1-abc.runtime.sagemaker.eu-west-1.vpce.amazonaws.com', 'eu-west-1', 'IE'],
  ['s3.dualstack.eu-south-1.amazonaws.com', 'eu-south-1', 'IT'],
  ['bucket.s3.eu-central-1.amazonaws.com', 'eu-central-1', 'DE'],
  ['abc123.execute-api.eu-south-2.amazonaws.com', 'eu-south-2', 'ES'],
  ['abc123.lambda-url.eu-west-3.on.aws', 'eu-west-3', 'FR'],
  ['lb-1.eu-west-3.elb.amazonaws.com', 'eu-west-3', 'FR'],
  ['runtime.sagemaker.us-east-1.amazonaws.com', 'us-east-1', 'US'],
  ['runtime.sagemaker.eu-west-2.amazonaws.com', 'eu-west-2', 'GB'],
  ['runtime.sagemaker.eu-future-9.amazonaws.com', 'eu-future-9', undefined],
  ['wine.francecentral.inference.ml.azure.com', 'azure:francecentral', 'FR'],
  ['wine.eastus.inference.ml.azure.com', 'azure:eastus', undefined],
  ['europe-west9-aiplatform.googleapis.com', 'gcp:europe-west9', 'FR'],
  ['123456.europe-west4-987654.prediction.vertexai.goog', 'gcp:europe-west4', 'NL'],
  ['eu-de.ml.cloud.ibm.com', 'ibm:eu-de', 'DE'],
  ['abc.eu-west-1.aws.endpoints.huggingface.cloud', 'eu-west-1', 'IE'],
  ['abc.westeurope.azure.endpoints.huggingface.cloud', 'azure:westeurope', 'NL'],
  ['abc.europe-west1.gcp.endpoints.huggingface.cloud', 'gcp:europe-west1', 'BE'],
  ['eu.api.openai.com', 'openai:eu', 'EU'],
  ['app.eu.datarobot.com', 'datarobot:eu', 'EU'],
];

describe('regionOfHost', () => {
  it.each(known)('finds the Region in %s', (host, region, country) => {
    expect(regionOfHost(host)).toEqual(country === undefined ? { region } : { region, country });
  });

  it.each([
    ['capitals', 'Runtime.SageMaker.EU-WEST-3.AmazonAWS.com'],
    ['a trailing dot', 'runtime.sagemaker.eu-west-3.amazonaws.com.'],
    ['a port', 'runtime.sagemaker.eu-west-3.amazonaws.com:8443'],
  ])('is not misled by %s', (_title, host) => {
    expect(regionOfHost(host)?.region).toBe('eu-west-3');
  });

  it.each([
    ['the name of a cloud as a part of another', 'runtime.sagemaker.eu-west-3.amazonaws.com.evil.example'],
    ['the end of a name without its dot', 'runtime.sagemaker.eu-west-3.evilamazonaws.com'],
    ['a Region alone before another domain', 'eu-west-3.example.com'],
    ['a bucket named after a Region', 'eu-west-3.s3.amazonaws.com'],
    ['a bucket named after a service and a Region', 'runtime.sagemaker.eu-west-3.s3.amazonaws.com'],
    ['a global host', 's3.amazonaws.com'],
    ['the domain alone', 'amazonaws.com'],
    ['a Region of the sovereign cloud in the other partition', 'runtime.sagemaker.eusc-de-east-1.amazonaws.com'],
    ['an ordinary Region in the sovereign partition', 'runtime.sagemaker.eu-west-3.amazonaws.eu'],
    ['a gateway that may route to other Regions', 'gateway-runtime.sagemaker.eu-west-3.amazonaws.com'],
    ['another service on on.aws', 'x.eu-west-3.on.aws'],
    ['a host behind user info', 'runtime.sagemaker.eu-west-3.amazonaws.com@evil.example'],
    ['user info before it', 'user@runtime.sagemaker.eu-west-3.amazonaws.com'],
    ['a path', 'evil.example/runtime.sagemaker.eu-west-3.amazonaws.com'],
    ['a query', 'evil.example?.eu-west-3.amazonaws.com'],
    ['a fragment', 'evil.example#.eu-west-3.amazonaws.com'],
    ['a backslash', 'evil.example\\.eu-west-3.amazonaws.com'],
    ['a percent-encoded dot', 'evil.example%2eeu-west-3.amazonaws.com'],
    ['an ideographic full stop', 'runtime.sagemaker.eu-west-3.amazonaws。com'],
    ['a Cyrillic letter', 'runtime.sagemaker.eu-west-3.аmazonaws.com'],
    ['a full-width letter', 'runtime.sagemaker.eu-west-3.ａmazonaws.com'],
    ['white space', 'runtime.sagemaker.eu-west-3.amazonaws.com evil.example'],
    ['a line end', 'runtime.sagemaker.eu-west-3.amazonaws.com\n'],
    ['an empty label', 'runtime.sagemaker..eu-west-3.amazonaws.com'],
    ['two trailing dots', 'runtime.sagemaker.eu-west-3.amazonaws.com..'],
    ['an address', '10.0.0.1'],
    ['a label below a host that has none', 'evil.eu.api.openai.com'],
    ['the host outside the EU', 'api.openai.com'],
    ['a lookalike of the Google host', 'evil.europe-west9-aiplatform.googleapis.com'],
    ['a global Google host', 'aiplatform.googleapis.com'],
    ['an unknown cloud at Hugging Face', 'abc.eu-west-1.evil.endpoints.huggingface.cloud'],
    ['nothing', ''],
  ])('finds nothing in %s', (_title, host) => {
    expect(regionOfHost(host)).toBeUndefined();
  });

  it('finds nothing in a known host with anything behind it', () => {
    const tail = fc.stringMatching(/^[a-z0-9-]{1,10}(\.[a-z0-9-]{1,10}){0,3}$/);

    fc.assert(
      fc.property(fc.constantFrom(...known), tail, fc.constantFrom('.', '-', ''), ([host], end, joint) => {
        fc.pre(!known.some(([, region]) => `${host}${joint}${end}`.endsWith(region)));
        return regionOfHost(`${host}${joint}${end}`) === undefined;
      }),
      { numRuns: 500 },
    );
  });

  it('never finds another Region, whatever stands before a host', () => {
    const label = fc.constantFrom('us-east-1', 'eu-west-3', 's3', 'evil', 'vpce', 'amazonaws', 'com', 'francecentral');

    fc.assert(
      fc.property(
        fc.constantFrom(...known),
        fc.array(label, { minLength: 1, maxLength: 4 }),
        ([host, region], before) => {
          const found = regionOfHost(`${before.join('.')}.${host}`);
          return found === undefined || found.region === region;
        },
      ),
      { numRuns: 500 },
    );
  });

  it('agrees with a URL parser on the host that a request would reach', () => {
    const piece = fc.constantFrom(
      '@',
      ':',
      '/',
      '\\',
      '?',
      '#',
      '.',
      '%2e',
      '。',
      'evil.example',
      '443',
      'eu-west-3',
      'x',
    );

    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), fc.array(piece, { maxLength: 5 }), (before, behind) => {
        const host = `${before.join('')}runtime.sagemaker.eu-west-3.amazonaws.com${behind.join('')}`;
        if (regionOfHost(host) === undefined) return true;
        return /\.eu-west-3\.amazonaws\.com\.?$/.test(new URL(`https://${host}/`).hostname);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('isLoopback', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '127.255.3.4',
    'localhost',
    'LOCALHOST.',
    '[::1]',
    '[::]',
    '0.0.0.0',
    '0',
    '[::ffff:127.0.0.1]',
    '[0:0:0:0:0:0:0:1]',
    '127.0.0.1:5001',
    '[::1]:80',
  ])('recognises %s', (host) => {
    expect(isLoopback(canonicalHost(host)!)).toBe(true);
  });

  it.each([
    '128.0.0.1',
    '10.0.0.1',
    'localhost.example',
    'mylocalhost',
    '127.0.0.1.nip.io',
    '[::2]',
    '[fe80::1]',
    '169.254.169.254',
  ])('does not take %s for this machine', (host) => {
    expect(isLoopback(canonicalHost(host)!)).toBe(false);
  });
});
