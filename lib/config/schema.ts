/** The shape of `tamis.yml`, key by key. What holds between keys is in `checks.ts`. Not for the Lambda bundle. */
import { z } from 'zod';
import { country, currency, date, endpointSchema, text } from './endpoint-schema.ts';
import { canonicalHost } from './hosts.ts';

const regionName = z.string().regex(/^([a-z]{2,4}(-[a-z]+)+-\d+|(azure|gcp|ibm|openai|datarobot):[a-z0-9-]+)$/, {
  error: 'a Region such as eu-west-3, azure:francecentral or gcp:europe-west9',
});

const residency = z.strictObject({
  regions: z
    .union([z.enum(['eu', 'eea', 'eu+adequacy']), z.array(regionName).min(1)], {
      error: 'eu, eea, eu+adequacy or a list of Regions',
    })
    .default('eu')
    .describe('Where data may go. eu: Regions in EU member states, by name.'),
  declared: z
    .array(
      z.strictObject({
        host: z.string().refine(isPlainHost, { error: 'a host name, without scheme, port and path' }),
        country,
        operator: text.exactOptional(),
        evidence: text.exactOptional(),
        outsideEu: z.boolean().exactOptional().describe('You accept that this host is outside the EU.'),
      }),
    )
    .default([])
    .describe('Hosts whose Region is not in their name.'),
});

function isPlainHost(value: string): boolean {
  return canonicalHost(value) !== undefined && (value.startsWith('[') || !value.includes(':'));
}

const ledger = z.strictObject({
  currency: currency.default('USD').describe("The price lists' own is USD; another needs exchange."),
  exchange: z
    .strictObject({
      from: currency,
      rate: z.number().gt(0).describe('Units of ledger.currency for one unit of from.'),
      date,
      source: text,
    })
    .exactOptional(),
});

/** A header may hold line breaks: spreadsheets write them inside quotes. */
const header = z.string().min(1);

const feature = z.union(
  [
    text,
    z.strictObject({
      column: header.describe('Header in the file.'),
      as: text.exactOptional().describe('Name at the model.'),
      type: z.enum(['number', 'integer', 'boolean', 'text']).exactOptional(),
    }),
  ],
  { error: 'the name of a column, or { column, as, type }' },
);

const label = text.max(128);

const csv = z.strictObject({
  delimiter: z
    .enum(['auto', ',', ';', '\t', '|', '\\t', 'tab'])
    .default('auto')
    .transform((value) => (value === '\\t' || value === 'tab' ? '\t' : value)),
  encoding: z.enum(['auto', 'utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'iso-8859-15']).default('auto'),
  quote: z
    .string()
    .regex(/^[!-/:-@[-`{-~]$/, { error: 'one ASCII punctuation mark, or null for none' })
    .nullable()
    .default('"'),
  header: z.boolean().default(true),
  decimal: z.enum(['auto', '.', ',']).default('auto'),
  thousands: z
    .union([z.literal('none'), z.string().regex(/^[^0-9A-Za-z\p{Cc}+-]$/u)], {
      error: 'none, or one character that is no letter, digit or sign',
    })
    .nullable()
    .default('none')
    .transform((value) => (value === 'none' ? null : value)),
  missing: z.array(z.string()).default(['']).describe('Cells that count as missing. Only these.'),
  maxRecordBytes: z.int().min(1).max(67_108_864).default(1_048_576),
});

const output = z.strictObject({
  prediction: text.default('prediction'),
  score: text.nullable().default('score'),
  scores: z.boolean().default(false).describe('Adds score_<label> for every label.'),
  model: text.nullable().default(null).describe("A column with the model's version."),
  encoding: z.enum(['same', 'utf-8', 'utf-8-bom']).default('same'),
});

const route = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/, { error: 'a name such as wine-2: a-z, 0-9 and -, a letter first' }),
  input: z
    .string()
    .regex(/^input\/([^/\p{Cc}]+(\/[^/\p{Cc}]+)*\/?)?$/u, {
      error: 'a prefix that begins with input/, such as input/wine/',
    })
    .transform((prefix) => (prefix.endsWith('/') ? prefix : `${prefix}/`))
    .describe('The prefix of the keys that are jobs of this route. The longest match wins.'),
  match: z
    .array(z.string().regex(/^[^/\p{Cc}]+$/u, { error: 'a pattern for file names, with * and ?' }))
    .min(1)
    .default(['*.csv', '*.tsv', '*.txt'])
    .describe('File names that are jobs, each also with .gz or .zst.'),
  features: z
    .union([z.literal('*'), z.array(feature).min(1)], { error: 'a list of columns, or "*" for every column' })
    .describe('Only these columns leave, in this order. "*" sends every column.'),
  labels: z
    .union([z.array(label).min(1), z.record(z.string(), label)], {
      error: 'a list of the names of classes 0, 1, ..., or a map from the answers of the model',
    })
    .exactOptional()
    .describe('Names of classes 0, 1, ..., or a map from the answers of the model.'),
  decide: z
    .strictObject({
      positive: label.exactOptional(),
      threshold: z.number().min(0).max(1).exactOptional(),
      abstainBelow: z.number().min(0).max(1).exactOptional(),
      abstainAs: label.exactOptional(),
    })
    .exactOptional()
    .describe('Default: the highest score, never abstain.'),
  answer: z
    .strictObject({ prediction: text.nullable().default(null), score: text.nullable().default(null) })
    .prefault({})
    .describe("Field names in the model's answer, where it returns several."),
  csv: csv.prefault({}),
  onMissing: z.enum(['send', 'reject']).default('send'),
  output: output.prefault({}),
  batch: z
    .strictObject({
      maxRows: z.int().min(1).max(100_000).exactOptional(),
      maxBytes: z.int().min(1).max(104_857_600).exactOptional(),
      maxInFlight: z.int().min(1).max(1_000).exactOptional(),
    })
    .prefault({})
    .describe("Defaults come from the endpoint's kind."),
  limits: z
    .strictObject({
      maxRejected: z
        .strictObject({ rows: z.int().min(0).default(10), share: z.number().min(0).max(1).default(0.01) })
        .prefault({})
        .describe('A job fails when both are exceeded.'),
      maxCost: z.number().min(0).nullable().default(null).describe('Not built yet.'),
      maxInputBytes: z.int().min(1).nullable().default(null),
    })
    .prefault({}),
  tags: z.record(z.string(), text.max(256)).default({}).describe('Copied to summary, log and reports.'),
  endpoint: endpointSchema,
});

export const routeSchema = route;

export const configSchema = z.strictObject({
  version: z.literal(1),
  residency: residency.prefault({}),
  ledger: ledger.prefault({}),
  routes: z.array(route).min(1),
});

/** What the schema makes of a valid file, before names are made final. */
export type ParsedConfig = z.output<typeof configSchema>;
export type ParsedRoute = ParsedConfig['routes'][number];
