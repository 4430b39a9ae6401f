/** What a deployment costs while nothing happens: nothing but storage, unless a switch says otherwise. */
import type { Parameters } from './parameters.ts';

interface Switch {
  readonly name: 'customerKey' | 'alarms' | 'metrics' | 'events';
  /** Price lists, read 2026-11-23; without tax and free tiers. */
  readonly price: string;
}

/** https://aws.amazon.com/kms/pricing/, …/cloudwatch/pricing/, …/eventbridge/pricing/ */
export const switches: readonly Switch[] = [
  { name: 'customerKey', price: '1 USD a month, up to 3 after two yearly rotations, and 0.03 USD for 10,000 requests' },
  { name: 'alarms', price: '0.30 USD a month (three alarms)' },
  { name: 'metrics', price: '0.30 USD a month for each of six metrics and each route, in hours with jobs only' },
  { name: 'events', price: '1.00 USD for a million events, nothing when idle' },
];

/** One line for each switch that is on. */
export function describeSwitches(parameters: Parameters): readonly string[] {
  return switches.filter(({ name }) => parameters[name]).map(({ name, price }) => `${name} is on: ${price}`);
}
