/** The residency rule: whether data may go to a host or lie in a Region. Unknown means refused. */
import { TamisError } from '../errors.ts';
import { canonicalHost, isLoopback, regionOfHost } from './hosts.ts';
import { countriesOfRule, countryOfRegion } from './regions.ts';
import type { Residency } from './types.ts';

/** `verified`: by the Region's name. `declared`: the operator says so. `local`: this machine. */
export interface Location {
  readonly residency: 'verified' | 'declared' | 'local';
  readonly region?: string;
  /** ISO 3166-1 alpha-2, or `EU` where a service names no member state. */
  readonly country?: string;
}

/** A host (with or without port), or the Region of a bucket or function; `name` says whose it is, for the error. */
export type Place = { readonly host: string } | { readonly region: string; readonly name: string };

/**
 * Where `place` is, when the rule allows it. `deployed`: running as a Lambda function in the cloud, where loopback hosts are refused.
 * Throws `residency.refused`, `residency.unknown` or `residency.loopback`.
 */
export function checkResidency(rule: Residency, place: Place, { deployed }: { readonly deployed: boolean }): Location {
  if ('region' in place) return verify(rule, place.name, place.region);

  const host = canonicalHost(place.host);
  // What is no plain host may hold a password in front of an @: it is not repeated.
  if (host === undefined) throw new TamisError('residency.unknown', { what: 'a malformed host name' });
  if (isLoopback(host)) {
    if (deployed) throw new TamisError('residency.loopback', { what: host });
    return { residency: 'local' };
  }

  const found = regionOfHost(host);
  if (found !== undefined) return verify(rule, host, found.region);

  const declared = rule.declared.find((entry) => canonicalHost(entry.host) === host);
  if (declared === undefined) throw new TamisError('residency.unknown', { what: host });
  if (!allowedCountries(rule).has(declared.country) && declared.outsideEu !== true) {
    throw new TamisError('residency.refused', { what: host, region: declared.country });
  }
  return { residency: 'declared', country: declared.country };
}

function verify(rule: Residency, what: string, region: string): Location {
  const country = countryOfRegion.get(region);
  const allowed =
    typeof rule.regions === 'string'
      ? country !== undefined && countriesOfRule[rule.regions].has(country)
      : rule.regions.includes(region);
  if (!allowed) throw new TamisError('residency.refused', { what, region });
  return country === undefined ? { residency: 'verified', region } : { residency: 'verified', region, country };
}

/** A list of Regions admits declared hosts in the EU and in the countries of its Regions. */
function allowedCountries({ regions }: Residency): ReadonlySet<string> {
  if (typeof regions === 'string') return countriesOfRule[regions];
  const listed = regions.map((region) => countryOfRegion.get(region)).filter((country) => country !== undefined);
  return new Set([...countriesOfRule.eu, ...listed]);
}
