import { describe, expect, it } from '@jest/globals';
import { countryOfRegion } from '../../../lib/config/regions.ts';
import { checkResidency, type Place } from '../../../lib/config/residency.ts';
import type { DeclaredHost, Residency } from '../../../lib/config/types.ts';
import { isTamisError } from '../../../lib/errors.ts';

const rule = (regions: Residency['regions'], ...declared: DeclaredHost[]): Residency => ({ regions, declared });
const region = (name: string): Place => ({ region: name, name: 'the bucket' });

function outcome(residency: Residency, place: Place, deployed = true): string {
  try {
    return checkResidency(residency, place, { deployed }).residency;
  } catch (error) {
    if (isTamisError(error)) return error.code;
    throw error;
  }
}

describe('checkResidency', () => {
  it.each(['eu-central-1', 'eu-north-1', 'eu-south-1', 'eu-south-2', 'eu-west-1', 'eu-west-3', 'eusc-de-east-1'])(
    'allows %s under eu and every wider rule',
    (name) => {
      expect((['eu', 'eea', 'eu+adequacy'] as const).map((regions) => outcome(rule(regions), region(name)))).toEqual([
        'verified',
        'verified',
        'verified',
      ]);
    },
  );

  it.each([
    ['eu-west-2', 'residency.refused', 'residency.refused', 'verified'],
    ['eu-central-2', 'residency.refused', 'residency.refused', 'verified'],
    ['azure:norwayeast', 'residency.refused', 'verified', 'verified'],
    ['azure:uksouth', 'residency.refused', 'residency.refused', 'verified'],
    ['gcp:europe-west6', 'residency.refused', 'residency.refused', 'verified'],
    ['us-east-1', 'residency.refused', 'residency.refused', 'residency.refused'],
    ['ap-northeast-1', 'residency.refused', 'residency.refused', 'residency.refused'],
    ['eu-west-9', 'residency.refused', 'residency.refused', 'residency.refused'],
    ['', 'residency.refused', 'residency.refused', 'residency.refused'],
  ])('judges %s under eu, eea and eu+adequacy', (name, ...expected) => {
    expect((['eu', 'eea', 'eu+adequacy'] as const).map((regions) => outcome(rule(regions), region(name)))).toEqual(
      expected,
    );
  });

  it('allows exactly seven AWS Regions under eu', () => {
    const aws = [...countryOfRegion.keys()].filter((name) => !name.includes(':'));

    expect(aws.length).toBeGreaterThan(30);
    expect(aws.filter((name) => outcome(rule('eu'), region(name)) === 'verified')).toHaveLength(7);
  });

  it('allows what a list names and nothing else, be it in the EU', () => {
    const list = rule(['eu-west-3', 'azure:francecentral', 'us-east-1']);

    expect(
      ['eu-west-3', 'azure:francecentral', 'us-east-1', 'eu-west-1', 'francecentral'].map((name) =>
        outcome(list, region(name)),
      ),
    ).toEqual(['verified', 'verified', 'verified', 'residency.refused', 'residency.refused']);
  });

  it('gives Region and country of a host that names them', () => {
    const place = { host: 'runtime.sagemaker.eu-west-3.amazonaws.com' };

    expect(checkResidency(rule('eu'), place, { deployed: true })).toEqual({
      residency: 'verified',
      region: 'eu-west-3',
      country: 'FR',
    });
  });

  it('refuses a host that nobody declared', () => {
    expect(outcome(rule('eu'), { host: 'mlflow.internal' })).toBe('residency.unknown');
    expect(outcome(rule('eu'), { host: '10.0.0.7' })).toBe('residency.unknown');
  });

  it('takes the word of the operator for a host that does not name its Region', () => {
    const declared = rule('eu', { host: 'MLflow.Internal', country: 'FR' });

    expect(checkResidency(declared, { host: 'mlflow.internal:5000' }, { deployed: true })).toEqual({
      residency: 'declared',
      country: 'FR',
    });
    expect(outcome(declared, { host: 'other.internal' })).toBe('residency.unknown');
    expect(outcome(declared, { host: 'mlflow.internal.evil.example' })).toBe('residency.unknown');
  });

  it('refuses a host declared outside the rule, unless the operator accepts that in so many words', () => {
    const host = 'mlflow.example';

    expect(outcome(rule('eu', { host, country: 'US' }), { host })).toBe('residency.refused');
    expect(outcome(rule('eu', { host, country: 'US', outsideEu: false }), { host })).toBe('residency.refused');
    expect(outcome(rule('eu', { host, country: 'US', outsideEu: true }), { host })).toBe('declared');
    expect(outcome(rule('eu', { host, country: 'GB' }), { host })).toBe('residency.refused');
    expect(outcome(rule('eu+adequacy', { host, country: 'GB' }), { host })).toBe('declared');
    expect(outcome(rule(['eu-west-2'], { host, country: 'GB' }), { host })).toBe('declared');
    expect(outcome(rule(['eu-west-2'], { host, country: 'CH' }), { host })).toBe('residency.refused');
  });

  it('believes the name of a host before a declaration', () => {
    const host = 'runtime.sagemaker.us-east-1.amazonaws.com';

    expect(outcome(rule('eu', { host, country: 'FR', outsideEu: true }), { host })).toBe('residency.refused');
  });

  it.each(['localhost', '127.0.0.1:5001', '[::1]', '0.0.0.0'])(
    'allows %s locally and refuses it in a deployed function',
    (host) => {
      const declared = rule('eu', { host: host.replace(':5001', ''), country: 'FR' });

      expect(outcome(rule('eu'), { host }, false)).toBe('local');
      expect(outcome(rule('eu'), { host }, true)).toBe('residency.loopback');
      expect(outcome(declared, { host }, true)).toBe('residency.loopback');
    },
  );

  it('does not repeat what is no plain host name', () => {
    const place = { host: 'user:hunter2@mlflow.internal' };

    expect(() => checkResidency(rule('eu'), place, { deployed: true })).toThrow(
      expect.objectContaining({ code: 'residency.unknown', message: expect.not.stringContaining('hunter2') }),
    );
  });
});
