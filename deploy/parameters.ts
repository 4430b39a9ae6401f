/** The deployment's parameters, `--param name=value`. Their defaults and prices are in serverless.yml. */
import { TamisError } from '../lib/errors.ts';

type Read<T> = (name: string, text: string) => T;

const refuse = (name: string, expected: string, found: string): never => {
  throw new TamisError('local.parameter', { name, expected, found });
};

const readSwitch: Read<boolean> = (name, text) =>
  text === 'on' ? true : text === 'off' ? false : refuse(name, 'on or off', text);

/** A positive whole number. */
const readCount: Read<number> = (name, text) =>
  /^[1-9]\d{0,5}$/.test(text) ? Number(text) : refuse(name, 'a whole number from 1', text);

const orNone =
  <T>(read: Read<T>): Read<T | null> =>
  (name, text) =>
    text === 'none' ? null : read(name, text);

const readTopic: Read<string> = (name, text) =>
  /^arn:aws[a-z-]*:sns:/.test(text) ? text : refuse(name, 'the ARN of an SNS topic, or none', text);

/** The name of an existing bucket; null for a new one. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html (read 2026-11-23) */
const readBucket: Read<string | null> = (name, text) => {
  if (text === 'new') return null;
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text) ? text : refuse(name, 'new, or the name of a bucket', text);
};

const readers = {
  bucket: readBucket,
  inputDays: readCount,
  outputDays: readCount,
  reservedConcurrency: orNone(readCount),
  customerKey: readSwitch,
  alarms: readSwitch,
  alarmTopic: orNone(readTopic),
  metrics: readSwitch,
  events: readSwitch,
} as const;

export type ParameterName = keyof typeof readers;
export type Parameters = { readonly [N in ParameterName]: ReturnType<(typeof readers)[N]> };
export const parameterNames = Object.keys(readers) as readonly ParameterName[];

/** Throws `local.parameter` for the first value that is not one. */
export function readParameters(texts: Readonly<Record<ParameterName, string>>): Parameters {
  return Object.fromEntries(parameterNames.map((name) => [name, readers[name](name, texts[name])])) as Parameters;
}

/** Throws `local.parameter` when `name` is no parameter: the framework would ignore it silently. */
export function checkParameterName(name: string): asserts name is ParameterName {
  if (!Object.hasOwn(readers, name)) refuse(name, `one of ${parameterNames.join(', ')}`, 'another name');
}
