/** The part of `tamis.yml` under `endpoint`. Error texts say what is expected; `problems.ts` adds what was found. */
import { z } from 'zod';

/** Endpoint kinds of the contract that have no adapter yet. */
export const unbuiltKinds = [
  'azure-ml',
  'vertex-ai',
  'hugging-face',
  'openai',
  'watsonx',
  'datarobot',
  'rapidminer',
  'open-inference',
] as const;

export const text = z.string().regex(/^[^\p{Cc}]+$/u, { error: 'a text without control characters, not empty' });
const share = z.number().min(0).max(1);

export const currency = z.string().regex(/^[A-Z]{3}$/, { error: 'a currency as in ISO 4217, such as EUR' });
export const country = z.string().regex(/^[A-Z]{2}$/, { error: 'a country as in ISO 3166-1, such as FR' });
export const date = z.iso.date({ error: 'a date such as 2026-03-01' });

const secret = z
  .string()
  .regex(
    /^(env:[A-Za-z_][A-Za-z0-9_]*|ssm:\/?[A-Za-z0-9_./-]+|secretsmanager:[A-Za-z0-9_+=.@/:!-]+(#[^#\p{Cc}]+)?|file:[^\p{Cc}]+)$/u,
    { error: 'a reference to a secret: "env:NAME", "ssm:/name" or "file:/path"' },
  )
  .describe('Where the secret is, never the secret: "env:NAME", "ssm:/name" or "file:/path".');

const auth = z
  .discriminatedUnion('scheme', [
    z.strictObject({ scheme: z.literal('none') }),
    z.strictObject({ scheme: z.enum(['basic', 'bearer', 'mtls']), secret }),
    z.strictObject({
      scheme: z.literal('header'),
      name: z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: 'the name of an HTTP header' }),
      secret,
    }),
  ])
  .describe('How to sign in at the endpoint.');

const url = z
  .string()
  .refine(isPlainUrl, { error: 'an http or https URL without user name, password or fragment' })
  .describe('Address of the endpoint.');

function isPlainUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username === '' && password === '' && hash === '';
}

const price = z
  .strictObject({
    perHour: z.number().min(0).exactOptional(),
    perThousandCalls: z.number().min(0).exactOptional(),
    perMillionInputTokens: z.number().min(0).exactOptional(),
    perMillionOutputTokens: z.number().min(0).exactOptional(),
    currency,
    utilisation: z
      .number()
      .gt(0)
      .max(1)
      .exactOptional()
      .describe('Share of the paid time in which anybody uses the endpoint.'),
    source: text,
    validFrom: date,
  })
  .describe('What the endpoint costs, by your contract. Unknown stays unknown.');

const footprint = z
  .strictObject({
    country,
    pue: z.number().min(1),
    wattsIdle: z.number().min(0),
    wattsMax: z.number().gt(0),
    vcpus: z.number().gt(0).exactOptional(),
    embodiedKgCO2e: z.number().min(0).exactOptional(),
    lifetimeYears: z.number().gt(0).exactOptional(),
    source: text,
  })
  .describe('The machine behind the endpoint: where it is and what it draws.');

const common = {
  timeoutMs: z.int().min(1).max(900_000).exactOptional().describe('Milliseconds until a call is given up.'),
  price: price.exactOptional(),
  footprint: footprint.exactOptional(),
  model: text.exactOptional().describe('The name of the model, as you state it.'),
  version: text.exactOptional().describe('The version that has to answer; another one ends the job.'),
};

const onnx = z.strictObject({
  kind: z.literal('onnx'),
  ...common,
  model: z
    .string()
    .regex(/^(?!s3:)[^\p{Cc}]+$|^s3:\/\/[a-z0-9][a-z0-9.-]+\/[^\p{Cc}]+$/u, {
      error: 'a file relative to the configuration, or s3://bucket/key',
    })
    .describe('The ONNX file, relative to this file, or s3://bucket/key.'),
  outputs: z.strictObject({ label: text.exactOptional(), scores: text.exactOptional() }).exactOptional(),
});

const mlflow = z.strictObject({
  kind: z.literal('mlflow'),
  ...common,
  url,
  format: z.enum(['auto', 'dataframe_split', 'csv', 'inputs', 'legacy']).default('auto'),
  auth: auth.default({ scheme: 'none' }),
  tls: z.strictObject({ ca: text }).exactOptional(),
});

const sagemaker = z.strictObject({
  kind: z.literal('sagemaker'),
  ...common,
  url: url.exactOptional(),
  name: z.string().regex(/^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$/, { error: 'the name of a SageMaker endpoint' }),
  region: z
    .string()
    .regex(/^[a-z]{2,4}(-[a-z]+)+-\d+$/, { error: 'a Region such as eu-west-3' })
    .exactOptional()
    .describe("Default: the function's own."),
  contentType: text.exactOptional(),
  accept: text.exactOptional(),
  inferenceComponent: text.exactOptional(),
  targetModel: text.exactOptional(),
  variant: text.exactOptional(),
});

const stub = z.strictObject({
  kind: z.literal('stub'),
  ...common,
  labels: z.array(text).min(1),
  latencyMs: z.number().min(0).max(60_000).exactOptional(),
  faults: z
    .strictObject({
      throttled: share.exactOptional(),
      transient: share.exactOptional(),
      protocol: share.exactOptional(),
      refuseRows: share.exactOptional(),
    })
    .exactOptional(),
});

const unbuilt = z
  .looseObject({ kind: z.enum(unbuiltKinds) })
  .meta({ description: 'Not built yet: refused with config.unsupported.', deprecated: true });

export const endpointSchema = z.discriminatedUnion('kind', [onnx, mlflow, sagemaker, stub, unbuilt]);

type ParsedEndpoint = z.output<typeof endpointSchema>;

/** Whether the contract has this kind and this version does not. */
export function isUnbuiltKind(endpoint: ParsedEndpoint): endpoint is z.output<typeof unbuilt> {
  return (unbuiltKinds as readonly string[]).includes(endpoint.kind);
}
