import type { Location } from '../config/residency.ts';
import type { Route } from '../config/types.ts';
import type { Dialect, Encoding, FeatureType } from '../csv/types.ts';
import type { ModelIdentity } from '../endpoints/types.ts';
import { type ErrorCode, errorRules, explain, type RowCode, type TamisError } from '../errors.ts';
import type { Receipt } from '../ledger/types.ts';

/** What the pipeline counted. */
export interface ClassifyResult {
  readonly rows: {
    readonly read: number;
    readonly classified: number;
    readonly abstained: number;
    readonly rejected: number;
    readonly blank: number;
  };
  readonly labels: Readonly<Record<string, number>>;
  readonly rejectCodes: Readonly<Partial<Record<RowCode, number>>>;
  readonly batches: { readonly sent: number; readonly retried: number; readonly split: number };
  readonly throttledMs: number;
  readonly models: ReadonlyArray<ModelIdentity & { readonly rows: number }>;
  readonly dialect: Dialect & { readonly encoding: Encoding };
  readonly types: Readonly<Record<string, FeatureType>>;
}

export interface InputFacts {
  readonly uri: string;
  readonly bytes: number;
  readonly etag: string;
  readonly versionId?: string;
}

export interface SummaryFacts {
  readonly job: string;
  readonly route: Route;
  readonly configuration: string;
  readonly input: InputFacts;
  readonly location: Location & { readonly host?: string };
  readonly result: ClassifyResult;
  readonly timing: {
    readonly startedAt: string;
    readonly durationMs: number;
    readonly endpointMs: number;
    readonly throttledMs: number;
  };
  readonly receipt: Receipt;
}

/** The summary file, with `output` and `rejects` still open: they are filled in when they are published. Key order as in the contract. */
export function writeSummary({
  job,
  route,
  configuration,
  input,
  location,
  result,
  timing,
  receipt,
}: SummaryFacts): Summary {
  const { dialect, rows } = result;
  return {
    schema: 'tamis/summary/v1',
    job,
    route: route.name,
    tags: route.tags,
    outcome: rows.rejected === 0 ? 'complete' : 'complete-with-rejects',
    configuration,
    input: {
      ...input,
      dialect: {
        delimiter: dialect.delimiter,
        encoding: dialect.encoding,
        lineEnd: dialect.lineEnd,
        decimal: dialect.decimal,
        header: dialect.header,
      },
      types: result.types,
    },
    output: null,
    rejects: null,
    endpoint: {
      kind: route.endpoint.kind,
      ...(location.host === undefined ? {} : { host: location.host }),
      ...(location.region === undefined ? {} : { region: location.region }),
      ...(location.country === undefined ? {} : { country: location.country }),
      residency: location.residency,
      models: result.models,
    },
    rows,
    labels: result.labels,
    rejectCodes: result.rejectCodes,
    batches: result.batches,
    timing,
    ...receipt,
  };
}

export interface Summary extends Receipt {
  readonly schema: 'tamis/summary/v1';
  readonly job: string;
  readonly route: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly outcome: 'complete' | 'complete-with-rejects';
  readonly configuration: string;
  readonly input: InputFacts & {
    readonly dialect: object;
    readonly types: Readonly<Record<string, FeatureType>>;
  };
  readonly output: {
    readonly uri: string;
    readonly bytes: number;
    readonly etag: string;
    readonly versionId?: string;
  } | null;
  readonly rejects: { readonly uri: string; readonly bytes: number; readonly etag: string } | null;
  readonly endpoint: object;
  readonly rows: ClassifyResult['rows'];
  readonly labels: ClassifyResult['labels'];
  readonly rejectCodes: ClassifyResult['rejectCodes'];
  readonly batches: ClassifyResult['batches'];
  readonly timing: SummaryFacts['timing'];
}

/** The error file: problem details (RFC 9457) with our own members behind the standard ones. */
export interface ErrorDocument {
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly job: string;
  readonly route?: string;
  /** Whether sending the same event again can help (`tamis redrive`). */
  readonly redrive: boolean;
  readonly input: {
    readonly uri: string;
    readonly bucket: string;
    readonly key: string;
    readonly etag?: string;
    readonly versionId?: string;
    readonly sequencer?: string;
  };
}

export function writeError(
  error: TamisError,
  job: string,
  route: string | undefined,
  input: ErrorDocument['input'],
): ErrorDocument {
  return {
    type: `urn:tamis:error:${error.code}`,
    title: errorRules[error.code].meaning,
    detail: explain(error.code, error.details),
    code: error.code,
    job,
    ...(route === undefined ? {} : { route }),
    redrive: error.kind === 'passing',
    input,
  };
}
