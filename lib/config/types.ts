/** The configuration as the program uses it: validated, defaults filled in, every name final. `tamis.yml` is read into this by `read.ts`. */
import type { Encoding, FeatureType } from '../csv/types.ts';

export interface Config {
  readonly version: 1;
  readonly residency: Residency;
  readonly ledger: { readonly currency: string; readonly exchange?: Exchange };
  readonly routes: readonly Route[];
  /** SHA-256 over the canonical configuration; goes into every summary. */
  readonly hash: string;
}

export interface Exchange {
  readonly from: string;
  /** Units of `ledger.currency` for one unit of `from`. */
  readonly rate: number;
  readonly date: string;
  readonly source: string;
}

export interface Residency {
  readonly regions: 'eu' | 'eea' | 'eu+adequacy' | readonly string[];
  readonly declared: readonly DeclaredHost[];
}

export interface DeclaredHost {
  readonly host: string;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly operator?: string;
  readonly evidence?: string;
  /** The operator accepts that this host is outside the EU. */
  readonly outsideEu?: boolean;
}

export interface Route {
  readonly name: string;
  /** Begins with `input/`, ends with `/`. */
  readonly input: string;
  readonly match: readonly string[];
  readonly features: '*' | readonly FeatureConfig[];
  /** Names of classes 0, 1, …, or a map from the model's own answers. */
  readonly labels?: readonly string[] | Readonly<Record<string, string>>;
  readonly decide?: Decide;
  readonly answer: { readonly prediction: string | null; readonly score: string | null };
  readonly csv: CsvConfig;
  readonly onMissing: 'send' | 'reject';
  readonly output: OutputConfig;
  /** Only what the route states; the endpoint's kind has the defaults. */
  readonly batch: { readonly maxRows?: number; readonly maxBytes?: number; readonly maxInFlight?: number };
  readonly limits: Limits;
  readonly tags: Readonly<Record<string, string>>;
  readonly endpoint: EndpointConfig;
}

export interface FeatureConfig {
  readonly column: string;
  /** Name at the model. */
  readonly as: string;
  readonly type?: FeatureType;
}

/** A label is printed when its probability reaches `threshold` (binary, `positive`); below `abstainBelow` the row is `abstainAs`. */
export interface Decide {
  readonly positive?: string;
  readonly threshold?: number;
  readonly abstainBelow?: number;
  readonly abstainAs?: string;
}

export interface CsvConfig {
  readonly delimiter: 'auto' | ',' | ';' | '\t' | '|';
  readonly encoding: 'auto' | Encoding;
  readonly quote: string | null;
  readonly header: boolean;
  readonly decimal: 'auto' | '.' | ',';
  readonly thousands: string | null;
  readonly missing: readonly string[];
  readonly maxRecordBytes: number;
}

export interface OutputConfig {
  /** Names of the appended columns; null leaves the column out. */
  readonly prediction: string;
  readonly score: string | null;
  readonly scores: boolean;
  readonly model: string | null;
  readonly encoding: 'same' | 'utf-8' | 'utf-8-bom';
}

export interface Limits {
  readonly maxRejected: { readonly rows: number; readonly share: number };
  readonly maxCost: number | null;
  readonly maxInputBytes: number | null;
}

export type AuthConfig =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'basic' | 'bearer' | 'mtls'; readonly secret: string }
  | { readonly scheme: 'header'; readonly name: string; readonly secret: string };

export interface PriceConfig {
  readonly perHour?: number;
  readonly perThousandCalls?: number;
  readonly perMillionInputTokens?: number;
  readonly perMillionOutputTokens?: number;
  readonly currency: string;
  /** Share of the paid time in which anybody uses the endpoint, in (0, 1]. */
  readonly utilisation?: number;
  readonly source: string;
  readonly validFrom: string;
}

export interface FootprintConfig {
  readonly country: string;
  readonly pue: number;
  readonly wattsIdle: number;
  readonly wattsMax: number;
  readonly vcpus?: number;
  readonly embodiedKgCO2e?: number;
  readonly lifetimeYears?: number;
  readonly source: string;
}

interface EndpointCommon {
  readonly timeoutMs?: number;
  readonly price?: PriceConfig;
  readonly footprint?: FootprintConfig;
  readonly model?: string;
  readonly version?: string;
  readonly url?: string;
}

export interface OnnxConfig extends EndpointCommon {
  readonly kind: 'onnx';
  /** A file in the package, relative to the configuration file, or `s3://bucket/key`. */
  readonly model: string;
  readonly outputs?: { readonly label?: string; readonly scores?: string };
}

export interface MlflowConfig extends EndpointCommon {
  readonly kind: 'mlflow';
  readonly url: string;
  readonly format: 'auto' | 'dataframe_split' | 'csv' | 'inputs' | 'legacy';
  readonly auth: AuthConfig;
  readonly tls?: { readonly ca: string };
}

export interface SagemakerConfig extends EndpointCommon {
  readonly kind: 'sagemaker';
  readonly name: string;
  readonly region?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly inferenceComponent?: string;
  readonly targetModel?: string;
  readonly variant?: string;
}

export interface StubConfig extends EndpointCommon {
  readonly kind: 'stub';
  readonly labels: readonly string[];
  readonly latencyMs?: number;
  readonly faults?: StubFaults;
}

/** Shares in [0, 1] of calls (or rows, for `refuseRows`) that fail, drawn from a hash of the rows: the same rows fail each time. */
export interface StubFaults {
  readonly throttled?: number;
  readonly transient?: number;
  readonly protocol?: number;
  readonly refuseRows?: number;
}

export type EndpointConfig = OnnxConfig | MlflowConfig | SagemakerConfig | StubConfig;
export type EndpointKind = EndpointConfig['kind'];
export type EndpointConfigOf<K extends EndpointKind> = Extract<EndpointConfig, { kind: K }>;
