import type { EndpointKind } from '../config/types.ts';
import type { Feature, RowFormat, RowOf } from '../csv/types.ts';

/**
 * The endpoint port. An adapter encodes rows into a request, decodes the answer, and names the outcome.
 * It does not retry, does not decide on labels, does not log, and never throws for anything that the service did:
 * what went wrong is an `Outcome`.
 */

/** What a service said of one row, in the service's own terms. An answer with none of the fields is unusable (`row.unanswered`). */
export interface RawAnswer {
  /** The class as the model names it: a text, a class index, a boolean. */
  readonly label?: string | number | boolean;
  /** Probability of each class by class index, in [0, 1]. A single entry is the probability of class 1 of two. */
  readonly probabilities?: readonly number[];
  /** Probability by class name, where the service names them. */
  readonly scores?: Readonly<Record<string, number>>;
  /** Probability of `label` alone, where the service gives no other. */
  readonly score?: number;
}

/** What is known of the model that answered. `reported`: the service said so; otherwise the route states it. */
export interface ModelIdentity {
  readonly name?: string;
  readonly version?: string;
  readonly digest?: string;
  readonly reported: boolean;
}

/** Something that a service bills or that carries energy: tokens, calls, bytes. Units as in the ledger's registry. */
export interface EndpointUsage {
  readonly resource: string;
  readonly quantity: number;
  readonly unit: string;
}

/** The ways a call can fail, and what each asks of the caller (the pipeline). */
export type FailureKind =
  | 'throttled' /** wait, shrink the window, try again */
  | 'cold' /** asleep or loading: wait long, or give the job back */
  | 'transient' /** a few retries */
  | 'too-large' /** halve at once */
  | 'bad-rows' /** halve until the guilty rows stand alone */
  | 'config' /** final: the service or its settings say no */
  | 'quota' /** final: a spend limit */
  | 'protocol'; /** nonsense: retried once, then halved */

export type Outcome =
  | {
      readonly kind: 'ok';
      readonly answers: readonly RawAnswer[];
      readonly model?: ModelIdentity;
      readonly usage?: readonly EndpointUsage[];
    }
  | {
      readonly kind: FailureKind;
      /** HTTP status, 0 when there was no response. */
      readonly status: number;
      /** What the service asked for; undefined when it did not say. */
      readonly retryAfterMs?: number;
      /** Tokens are billed on failures too. */
      readonly usage?: readonly EndpointUsage[];
    };

/**
 * Hears of the bytes of a call's bodies when it has ended, in whatever way. A request that was not sent to its end is not in it,
 * nor are headers and the transport's own bytes.
 */
export type OnTraffic = (traffic: { readonly sentBytes: number; readonly receivedBytes: number }) => void;

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export interface BatchDefaults {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
}

/** What the model says of itself before the first row. */
export interface ModelDescription {
  readonly model?: ModelIdentity;
  /** The model's own type of each of its inputs, by the name at the model. */
  readonly types?: Readonly<Record<string, Feature['type']>>;
  /** The model's type of all its features, where it takes them as one table and names none of them. */
  readonly everyType?: Feature['type'];
}

export interface Endpoint<F extends RowFormat = RowFormat> {
  readonly kind: EndpointKind;
  /** How the pipeline encodes each row before it is handed to `classify`. */
  readonly rowFormat: F;
  readonly defaults: BatchDefaults;
  /** Called once before the first batch; loads what must be loaded. Sends no row. Throws `endpoint.*` or `config.*`. */
  describe(options: CallOptions): Promise<ModelDescription>;
  /**
   * `rows` are in input order and so are the answers. The caller checks the count. An aborted call is `transient` with status 0.
   * Throws only `config.*`: a secret that cannot be read, features that are not the model's.
   */
  classify(features: readonly Feature[], rows: readonly RowOf<F>[], options: CallOptions): Promise<Outcome>;
  close(): Promise<void>;
}
