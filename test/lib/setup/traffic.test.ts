import { describe, expect, it } from '@jest/globals';
import { type EndpointPlace, meterTraffic } from '../../../lib/setup/traffic.ts';

const paris = 'eu-west-3';

function metered(place: EndpointPlace, functionRegion: string | undefined): Record<string, number> | undefined {
  const counted: Record<string, number> = {};
  const onTraffic = meterTraffic(place, functionRegion, (resource, quantity) => {
    counted[resource] = (counted[resource] ?? 0) + quantity;
  });
  onTraffic?.({ sentBytes: 700, receivedBytes: 50 });
  return onTraffic === undefined ? undefined : counted;
}

describe('meterTraffic', () => {
  it.each<[string, EndpointPlace, object | undefined]>([
    ['a model inside the function', 'inside', undefined],
    ['this machine', { host: '127.0.0.1:5001' }, undefined],
    ['SageMaker in the same Region', { region: paris }, { 'network.in-region': 750 }],
    ['SageMaker in another Region', { region: 'eu-central-1' }, { 'network.other-region-out': 700, 'network.in': 50 }],
    [
      'a host of AWS in the same Region',
      { host: 'runtime.sagemaker.eu-west-3.amazonaws.com' },
      { 'network.in-region': 750 },
    ],
    [
      'a host of AWS in another Region',
      { host: 'abc.execute-api.eu-west-1.amazonaws.com:443' },
      { 'network.other-region-out': 700, 'network.in': 50 },
    ],
    [
      'a host of another cloud',
      { host: 'x.francecentral.inference.ml.azure.com' },
      { 'network.internet-out': 700, 'network.in': 50 },
    ],
    [
      'a host whose name says nothing',
      { host: 'models.example.org' },
      { 'network.internet-out': 700, 'network.in': 50 },
    ],
  ])('meters what goes to %s', (_where, place, expected) => {
    expect(metered(place, paris)).toEqual(expected);
  });

  it('takes every way from a machine outside the cloud for the internet', () => {
    expect(metered({ region: paris }, undefined)).toEqual({ 'network.internet-out': 700, 'network.in': 50 });
    expect(metered({ host: 'localhost' }, undefined)).toBeUndefined();
  });
});
