import { describe, expect, it } from '@jest/globals';
import { hasCode } from '../../../lib/errors.ts';
import { type MeteredResource, makeMeter, orderUsage } from '../../../lib/ledger/meter.ts';
import type { UsageLine } from '../../../lib/ledger/types.ts';

const quantityOf = (usage: readonly UsageLine[], name: string): number | undefined =>
  usage.find(({ resource }) => resource === name)?.quantity;

const codeOf = (act: () => void): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return hasCode(error, 'internal.bug') ? error.code : 'another error';
  }
};

describe('makeMeter', () => {
  it('reads nothing when nothing was used', () => {
    expect(makeMeter().read(1_000)).toEqual([]);
  });

  it('adds up quantities of one resource and names them in the order of the registry, with their unit', () => {
    const meter = makeMeter();

    meter.add('logs.ingested', 900);
    meter.add('s3.put', 1);
    meter.add('s3.put', 2);

    expect(meter.read(0)).toEqual([
      { resource: 's3.put', quantity: 3, unit: 'request' },
      { resource: 'logs.ingested', quantity: 900, unit: 'byte' },
    ]);
  });

  it('counts time with several calls in flight once as busy and for each as latency', () => {
    const meter = makeMeter();

    meter.callStarted(1_000);
    meter.callStarted(1_500);
    meter.callEnded(2_000);
    meter.callEnded(3_000);
    meter.callStarted(10_000);
    meter.callEnded(10_250);

    const usage = meter.read(99_000);
    expect(quantityOf(usage, 'endpoint.calls')).toBe(3);
    expect(quantityOf(usage, 'endpoint.busy')).toBe(2.25);
    expect(quantityOf(usage, 'endpoint.latency')).toBe(2.75);
  });

  it('counts calls still in flight up to the moment of reading, and not twice when read again', () => {
    const meter = makeMeter();
    meter.callStarted(0);
    meter.callStarted(1_000);

    const early = meter.read(2_000);
    meter.callEnded(3_000);
    meter.callEnded(4_000);
    const late = meter.read(9_000);

    expect(quantityOf(early, 'endpoint.busy')).toBe(2);
    expect(quantityOf(early, 'endpoint.latency')).toBe(3);
    expect(quantityOf(late, 'endpoint.busy')).toBe(4);
    expect(quantityOf(late, 'endpoint.latency')).toBe(6);
  });

  it('takes what an adapter reports when name and unit are in the registry', () => {
    const meter = makeMeter();

    meter.addReported([{ resource: 'endpoint.output-tokens', quantity: 5, unit: 'token' }]);

    expect(quantityOf(meter.read(0), 'endpoint.output-tokens')).toBe(5);
  });

  it.each([
    ['an unknown resource', { resource: 'endpoint.gold', quantity: 1, unit: 'token' }],
    ['another unit', { resource: 'endpoint.output-tokens', quantity: 1, unit: 'kilotoken' }],
    ['a name inherited from Object', { resource: 'constructor', quantity: 1, unit: 'token' }],
    ['a resource that is derived', { resource: 'endpoint.calls', quantity: 1, unit: 'call' }],
    ['a negative quantity', { resource: 'endpoint.output-tokens', quantity: -1, unit: 'token' }],
  ])('refuses %s as a bug', (_case, usage) => {
    expect(codeOf(() => makeMeter().addReported([usage]))).toBe('internal.bug');
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the quantity %p as a bug', (quantity) => {
    const meter = makeMeter();

    expect(codeOf(() => meter.add('s3.get' satisfies MeteredResource, quantity))).toBe('internal.bug');
    expect(meter.read(0)).toEqual([]);
  });

  it('refuses the end of a call that never started as a bug', () => {
    expect(codeOf(() => makeMeter().callEnded(1))).toBe('internal.bug');
  });
});

describe('orderUsage', () => {
  it('merges lines of one resource and leaves out what is zero', () => {
    const lines = orderUsage([
      ['s3.get', 1],
      ['lambda.requests', 1],
      ['s3.get', 2],
      ['s3.list', 0],
    ]);

    expect(lines.map(({ resource, quantity }) => [resource, quantity])).toEqual([
      ['lambda.requests', 1],
      ['s3.get', 3],
    ]);
  });
});
