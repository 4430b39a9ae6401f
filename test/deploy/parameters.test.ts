import { describe, expect, it } from '@jest/globals';
import { readParameters } from '../../deploy/parameters.ts';
import { describeSwitches, switches } from '../../deploy/switches.ts';

const defaults = {
  bucket: 'new',
  inputDays: '90',
  outputDays: '90',
  reservedConcurrency: 'none',
  customerKey: 'off',
  alarms: 'off',
  alarmTopic: 'none',
  metrics: 'off',
  events: 'off',
};

describe('readParameters', () => {
  it('reads switches, counts and names', () => {
    const read = readParameters({
      ...defaults,
      bucket: 'our.bucket-1',
      outputDays: '365',
      reservedConcurrency: '5',
      alarms: 'on',
    });

    expect(read).toMatchObject({
      bucket: 'our.bucket-1',
      outputDays: 365,
      reservedConcurrency: 5,
      alarms: true,
      events: false,
    });
  });

  it('takes new and none for nothing', () => {
    expect(readParameters(defaults)).toMatchObject({ bucket: null, reservedConcurrency: null, alarmTopic: null });
  });

  it.each([
    ['inputDays', '0'],
    ['outputDays', '1.5'],
    ['reservedConcurrency', '0'],
    ['customerKey', 'true'],
    ['alarmTopic', 'operators'],
    ['bucket', 'Bad_Name'],
    ['bucket', ''],
  ])('refuses %s=%s', (name, text) => {
    expect(() => readParameters({ ...defaults, [name]: text })).toThrow(`for ${name}`);
  });
});

describe('switches', () => {
  it('say their price when they are on, and nothing when they are off', () => {
    const on = readParameters({ ...defaults, customerKey: 'on', alarms: 'on', metrics: 'on', events: 'on' });

    expect(describeSwitches(readParameters(defaults))).toEqual([]);
    expect(describeSwitches(on)).toHaveLength(switches.length);
    for (const line of describeSwitches(on)) expect(line).toMatch(/ is on: .*\d\.?\d* USD/);
  });
});
