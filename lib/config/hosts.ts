/** What a host name says about where the host is. Only the end of a name that its owner cannot choose counts. */
import { countryOfRegion } from './regions.ts';

export interface RegionOfHost {
  /** As in `regions.ts`. */
  readonly region: string;
  /** ISO 3166-1 alpha-2; absent for a Region that `regions.ts` does not list. */
  readonly country?: string;
}

/**
 * The host as a URL parser sees it: lower case, without port and trailing dot, IP addresses in their one canonical form.
 * Undefined when it is no plain host (user info, path, percent or non-ASCII characters, empty labels).
 */
export function canonicalHost(host: string): string | undefined {
  if (!/^[A-Za-z0-9._:[\]-]{1,260}$/.test(host)) return undefined;
  if (!URL.canParse(`http://${host}`)) return undefined;
  const name = new URL(`http://${host}`).hostname.replace(/\.$/, '');
  if (name.startsWith('[')) return name;
  const isName = name.length <= 253 && name.split('.').every((label) => label.length > 0 && label.length <= 63);
  return isName ? name : undefined;
}

/** Whether `host` (canonical) is this machine. The unspecified addresses count: connecting to them reaches the machine itself. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    /^127(\.\d+){3}$/.test(host) ||
    host === '0.0.0.0' ||
    host === '[::1]' ||
    host === '[::]' ||
    // 127.0.0.0/8 written as an IPv4-mapped or IPv4-compatible address
    /^\[::(ffff:)?7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(host) ||
    host === '[::ffff:0:0]'
  );
}

const awsRegion = /^[a-z]{2,4}(-[a-z]+)+-\d+$/;

/** Services whose hosts may hand a call on to another Region than the one in their name. */
const crossRegionServices = new Set(['gateway-runtime']);

function awsRegionOf(labels: readonly string[], sovereign: boolean): string | undefined {
  // Left of the Region stand names that customers choose (a bucket may be called eu-west-1), so its position is fixed.
  const last = labels.at(-1);
  const region = last === 'vpce' || last === 'elb' || last === 'compute' ? labels.at(-2) : last;
  if (region === undefined || !awsRegion.test(region) || region.startsWith('eusc-') !== sovereign) return undefined;
  return labels.some((label) => crossRegionServices.has(label)) ? undefined : region;
}

interface HostRule {
  /** Matched on whole labels at the end of the name. */
  readonly suffix: string;
  /** Region by the labels left of the suffix; undefined when they name none. */
  readonly regionOf: (labels: readonly string[]) => string | undefined;
}

const prefixed = (cloud: string, region: string | undefined): string | undefined =>
  region === undefined || !/^[a-z][a-z0-9-]*$/.test(region) ? undefined : `${cloud}:${region}`;

const hostRules: readonly HostRule[] = [
  { suffix: 'amazonaws.com', regionOf: (labels) => awsRegionOf(labels, false) },
  { suffix: 'api.aws', regionOf: (labels) => awsRegionOf(labels, false) },
  {
    suffix: 'on.aws',
    regionOf: (labels) => (labels.at(-2) === 'lambda-url' ? awsRegionOf(labels, false) : undefined),
  },
  { suffix: 'amazonaws.eu', regionOf: (labels) => awsRegionOf(labels, true) },
  { suffix: 'api.amazonwebservices.eu', regionOf: (labels) => awsRegionOf(labels, true) },
  { suffix: 'inference.ml.azure.com', regionOf: (labels) => prefixed('azure', labels.at(-1)) },
  {
    suffix: 'googleapis.com',
    regionOf: (labels) =>
      labels.length === 1 ? prefixed('gcp', /^(.+)-aiplatform$/.exec(labels[0] ?? '')?.[1]) : undefined,
  },
  {
    suffix: 'prediction.vertexai.goog',
    regionOf: (labels) => prefixed('gcp', /^(.+)-\d+$/.exec(labels.at(-1) ?? '')?.[1]),
  },
  { suffix: 'ml.cloud.ibm.com', regionOf: (labels) => prefixed('ibm', labels.at(-1)) },
  {
    suffix: 'endpoints.huggingface.cloud',
    regionOf: (labels) => {
      const [region, cloud] = [labels.at(-2), labels.at(-1)];
      if (cloud === 'aws') return region !== undefined && awsRegion.test(region) ? region : undefined;
      return cloud === 'azure' || cloud === 'gcp' ? prefixed(cloud, region) : undefined;
    },
  },
  { suffix: 'eu.api.openai.com', regionOf: (labels) => (labels.length === 0 ? 'openai:eu' : undefined) },
  { suffix: 'app.eu.datarobot.com', regionOf: (labels) => (labels.length === 0 ? 'datarobot:eu' : undefined) },
];

/** The Region in a host's name; undefined when the name does not say. Accepts a port and a trailing dot, nothing else around the name. */
export function regionOfHost(host: string): RegionOfHost | undefined {
  const name = canonicalHost(host);
  if (name === undefined) return undefined;
  const rule = hostRules.find(({ suffix }) => name === suffix || name.endsWith(`.${suffix}`));
  if (rule === undefined) return undefined;
  const left = name.slice(0, -rule.suffix.length).replace(/\.$/, '');
  const region = rule.regionOf(left === '' ? [] : left.split('.'));
  if (region === undefined) return undefined;
  const country = countryOfRegion.get(region);
  return country === undefined ? { region } : { region, country };
}
