import { canonicalHost, isLoopback, regionOfHost } from '../config/hosts.ts';
import type { OnTraffic } from '../endpoints/types.ts';
import type { Meter, MeteredResource } from '../ledger/meter.ts';

/** Where a service is: by its host, or in a Region of AWS, or inside the function. */
export type EndpointPlace = { readonly host: string } | { readonly region: string } | 'inside';

interface Traffic {
  readonly out: MeteredResource;
  readonly in: MeteredResource;
}

const inRegion: Traffic = { out: 'network.in-region', in: 'network.in-region' };
const otherRegion: Traffic = { out: 'network.other-region-out', in: 'network.in' };
const internet: Traffic = { out: 'network.internet-out', in: 'network.in' };

/** As what the bytes between the program and a service are metered; undefined where none leave the machine. */
function trafficTo(place: EndpointPlace, functionRegion: string | undefined): Traffic | undefined {
  if (place === 'inside') return undefined;
  const region = 'region' in place ? place.region : regionByName(place.host);
  if (region === 'loopback') return undefined;
  // Outside the cloud every way is the internet's. Regions of other clouds have a prefix: `azure:francecentral`.
  if (functionRegion === undefined || region === undefined || region.includes(':')) return internet;
  return region === functionRegion ? inRegion : otherRegion;
}

function regionByName(host: string): string | undefined {
  const name = canonicalHost(host);
  return name !== undefined && isLoopback(name) ? 'loopback' : regionOfHost(host)?.region;
}

/** Meters the bodies of all calls to a service, those that fail and those that are repeated too. */
export function meterTraffic(
  place: EndpointPlace,
  functionRegion: string | undefined,
  count: Meter['add'],
): OnTraffic | undefined {
  const traffic = trafficTo(place, functionRegion);
  if (traffic === undefined) return undefined;
  return ({ sentBytes, receivedBytes }) => {
    count(traffic.out, sentBytes);
    count(traffic.in, receivedBytes);
  };
}
