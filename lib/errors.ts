/**
 * The closed list of everything that can go wrong. A code is permanent. What an error may say is fixed here, by type:
 * details hold positions, counts, codes and names from the configuration, never a cell, a record or a header of the file.
 */

/** `final`: trying again cannot help. `passing`: the trigger may deliver the event again. `row`: data, never thrown. */
export type ErrorKind = 'final' | 'passing' | 'row';
export type Blame = 'file' | 'operator' | 'service' | 'platform' | 'limit' | 'tamis';

interface ErrorRule<D> {
  readonly kind: ErrorKind;
  readonly blame: Blame;
  readonly meaning: string;
  /** What was expected; what was found; what to do. */
  readonly say: (details: D) => readonly [expected: string, found: string, toDo: string];
}

// biome-ignore lint/complexity/noBannedTypes: an error without details has the empty type
type None = {};

const rule = <D = None>(kind: ErrorKind, blame: Blame, meaning: string, say: ErrorRule<D>['say']): ErrorRule<D> => ({
  kind,
  blame,
  meaning,
  say,
});

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** A problem of the configuration: where in the file, what was expected there, what stands there (a type or a key, never a secret). */
export interface ConfigProblem {
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}

export const errorRules = {
  'config.missing': rule<{ file: string }>('final', 'operator', 'There is no configuration file.', ({ file }) => [
    'a configuration file',
    `none at ${file}`,
    'write one, or name another with --config',
  ]),
  'config.invalid': rule<{ file: string; problems: readonly ConfigProblem[] }>(
    'final',
    'operator',
    'The configuration has mistakes; all of them are listed.',
    ({ file, problems }) => [
      'a valid configuration',
      `${plural(problems.length, 'problem')} in ${file}: ${problems.map((p) => `${p.path}: expected ${p.expected}, found ${p.found}`).join(' | ')}`,
      'correct each path named',
    ],
  ),
  'config.unsupported': rule<{ file: string; paths: readonly string[] }>(
    'final',
    'operator',
    'A key is part of the contract, but its feature is not built yet. It is refused rather than ignored.',
    ({ paths }) => ['keys that this version supports', paths.join(', '), 'remove them, or use a version that has them'],
  ),
  'config.price-unknown': rule<{ route: string }>(
    'final',
    'operator',
    'A cost limit is set, but a price it needs is unknown.',
    ({ route }) => [
      'a price for every billed unit of the route',
      `route "${route}" has a cost limit and an unknown price`,
      'state endpoint.price, or remove limits.maxCost',
    ],
  ),
  'config.secret-missing': rule<{ reference: string }>(
    'final',
    'operator',
    'A secret that a route refers to cannot be read.',
    ({ reference }) => [
      'a secret behind the reference',
      `nothing readable at ${reference}`,
      'set it, or grant the function access to it',
    ],
  ),
  'config.model-unreadable': rule<{ model: string }>(
    'final',
    'operator',
    'The embedded model cannot be loaded.',
    ({ model }) => [
      'an ONNX classification model',
      `${model} cannot be loaded as one`,
      'check endpoint.model and endpoint.outputs',
    ],
  ),
  'config.model-zipmap': rule<{ model: string }>(
    'final',
    'operator',
    'The embedded model gives its probabilities as maps, which the runtime cannot read.',
    ({ model }) => [
      'a model whose probabilities are a tensor',
      `${model} gives a sequence of maps`,
      'export it again with the option zipmap=False',
    ],
  ),
  'config.feature-not-in-model': rule<{ features: readonly string[] }>(
    'final',
    'operator',
    'The features of the route are not the inputs of the model.',
    ({ features }) => [
      'features that match the inputs of the model',
      `no match for ${list(features)}`,
      'correct features, or rename them with "as"',
    ],
  ),

  'residency.refused': rule<{ what: string; region: string }>(
    'final',
    'operator',
    'A bucket, function or endpoint lies outside the Regions that the residency rule allows.',
    ({ what, region }) => [
      'a Region that residency.regions allows',
      `${what} is in ${region}`,
      'use a Region inside the rule, or widen residency.regions',
    ],
  ),
  'residency.unknown': rule<{ what: string }>(
    'final',
    'operator',
    'Where a host is cannot be told from its name, and nobody declared it. Unknown means refused.',
    ({ what }) => [
      'a host whose Region is in its name, or one that is declared',
      `nothing is known of ${what}`,
      'declare it under residency.declared with its country and your evidence',
    ],
  ),
  'residency.loopback': rule<{ what: string }>(
    'final',
    'operator',
    'A loopback host can only be reached locally.',
    ({ what }) => [
      'a host that a deployed function can reach',
      `${what} is a loopback address`,
      'give the address of the deployed endpoint',
    ],
  ),

  'local.usage': rule<{ problem: string }>('final', 'operator', 'The command line is wrong.', ({ problem }) => [
    'a command as in "tamis help"',
    problem,
    'run tamis help',
  ]),
  'local.parameter': rule<{ name: string; expected: string; found: string }>(
    'final',
    'operator',
    'A parameter of the deployment has a value that it cannot have.',
    ({ name, expected, found }) => [`${expected} for ${name}`, found, 'see params in serverless.yml'],
  ),
  'local.no-such-file': rule<{ file: string }>(
    'final',
    'operator',
    'The file to classify does not exist.',
    ({ file }) => ['an existing file', `no file at ${file}`, 'check the path'],
  ),
  'local.interrupted': rule('passing', 'operator', 'The run was interrupted. Nothing is published.', () => [
    'a run to its end',
    'an interruption',
    'run it again',
  ]),
  'local.no-route': rule<{ routes: readonly string[] }>(
    'final',
    'operator',
    'It is not clear which route a file belongs to.',
    ({ routes }) => [
      'one route for the file',
      `none by its path, and there are ${plural(routes.length, 'route')}: ${routes.join(', ')}`,
      'choose one with --route',
    ],
  ),
  'local.port-busy': rule<{ port: number; option: string }>(
    'final',
    'operator',
    'A port is in use.',
    ({ port, option }) => [
      `port ${port} to be free`,
      'another program listens on it',
      `stop that program, or choose another port with ${option}`,
    ],
  ),

  'local.stack': rule('final', 'operator', 'The local stack does not start.', () => [
    'a local stack that starts',
    'one that ended, or did not answer in a minute',
    'read what it printed above',
  ]),

  'input.no-route': rule('final', 'operator', 'The object lies under the input prefix of no route.', () => [
    'a key under the input prefix of a route',
    'no route for it',
    'move the object, or add a route',
  ]),
  'input.reserved-name': rule<{ suffix: string }>(
    'final',
    'file',
    'The name ends like one of the result files.',
    ({ suffix }) => [
      'a name that does not collide with a result',
      `a name that ends in ${suffix}`,
      'rename the object',
    ],
  ),
  'input.not-csv': rule<{ looksLike: 'binary' | 'zip' | 'html' | 'json' | 'pdf' | 'parquet' | 'xls' }>(
    'final',
    'file',
    'The file is no CSV.',
    ({ looksLike }) => ['a CSV', `a file that looks like ${looksLike}`, 'export the data as CSV'],
  ),
  'input.compression': rule<{ compression: 'gzip' | 'zstd' }>(
    'final',
    'file',
    'The compressed stream is damaged, cut off, or not what its name says.',
    ({ compression }) => [
      `a sound ${compression} stream`,
      'one that cannot be decompressed to its end',
      'compress and upload the file again',
    ],
  ),
  'input.header-invalid': rule('final', 'file', 'The header cannot be read as a CSV record.', () => [
    'a readable header in the first record',
    'one with stray quotes, invalid bytes or no end',
    'correct the header, or set csv.header: false',
  ]),
  'input.column-missing': rule<{ columns: readonly string[] }>(
    'final',
    'file',
    'A column that a feature names is not in the header.',
    ({ columns }) => [
      'a column for every feature of the route',
      `none for ${list(columns)}`,
      'add the columns, or correct features',
    ],
  ),
  'input.header-duplicate': rule<{ columns: readonly string[] }>(
    'final',
    'file',
    'A column that a feature names is twice in the header.',
    ({ columns }) => ['one column for every feature', `more than one for ${list(columns)}`, 'rename the duplicates'],
  ),
  'input.column-exists': rule<{ columns: readonly string[] }>(
    'final',
    'file',
    'The input already has a column of a name that would be appended.',
    ({ columns }) => [
      'no column of the names that are appended',
      `${list(columns)} in the input`,
      'rename it, or set output.prediction and output.score',
    ],
  ),
  'input.text-unencodable': rule<{ texts: readonly string[]; encoding: string }>(
    'final',
    'operator',
    "The file's encoding lacks characters of names or labels that would be appended.",
    ({ texts, encoding }) => [
      `names and labels that can be written in ${encoding}`,
      `characters that it lacks in ${list(texts)}`,
      'set output.encoding: utf-8, or change the names',
    ],
  ),
  'input.decimal-ambiguous': rule('final', 'file', 'Commas and points both occur as decimal mark.', () => [
    'one decimal mark throughout the file',
    'numbers with commas and numbers with points',
    'set csv.decimal (and csv.thousands, if one of them groups thousands)',
  ]),

  'endpoint.unreachable': rule<{ status: number }>(
    'passing',
    'service',
    'The endpoint cannot be reached, or fails for longer than the job can wait.',
    ({ status }) => [
      'an endpoint that answers',
      status === 0 ? 'no response' : `HTTP ${status}`,
      'check the service; a deployed function tries again by itself',
    ],
  ),
  'endpoint.throttled': rule<{ status: number }>(
    'passing',
    'service',
    'The endpoint throttles for longer than the job can wait.',
    ({ status }) => [
      'capacity at the endpoint',
      `throttled beyond patience (HTTP ${status})`,
      'raise its capacity, or lower batch.maxInFlight',
    ],
  ),
  'endpoint.cold': rule<{ status: number }>(
    'passing',
    'service',
    'The endpoint is asleep and does not wake in the time that the job has.',
    ({ status }) => [
      'an endpoint that wakes in time',
      `still asleep (HTTP ${status})`,
      'a deployed function tries again by itself; keep an instance warm if this recurs',
    ],
  ),
  'endpoint.refused': rule<{ status: number }>(
    'final',
    'operator',
    'The endpoint refuses the call itself: credentials, address, content type.',
    ({ status }) => [
      'an endpoint that accepts the call',
      `HTTP ${status}`,
      'check url, name, auth and format of the route',
    ],
  ),
  'endpoint.quota': rule<{ status: number }>(
    'final',
    'service',
    'A spend limit at the service is reached.',
    ({ status }) => [
      'budget at the service',
      `a spend limit (HTTP ${status})`,
      'raise it at the service, then drop the file again',
    ],
  ),
  'endpoint.protocol': rule('final', 'service', 'Nothing sensible ever came from the endpoint.', () => [
    "answers in the service's shape, one a row",
    'none in that shape',
    'check endpoint.kind, format and answer',
  ]),
  'endpoint.refuses-all': rule<{ refusedCount: number }>(
    'final',
    'service',
    'The model refuses every row that is tried.',
    ({ refusedCount }) => [
      'a model that accepts some rows',
      `${plural(refusedCount, 'row')} in a row refused`,
      'check features and their types',
    ],
  ),
  'endpoint.not-a-classifier': rule<{ distinctCount: number }>(
    'final',
    'operator',
    'The answers are too many different texts to be labels.',
    ({ distinctCount }) => [
      'a few distinct labels',
      `more than ${distinctCount} distinct answers`,
      'point the route at a classifier, or configure labels',
    ],
  ),
  'endpoint.no-scores': rule(
    'final',
    'operator',
    'The route decides by probabilities and the endpoint gives none.',
    () => ['probabilities in the answers', 'labels alone', 'remove decide and output.scores, or serve probabilities'],
  ),
  'endpoint.version-mismatch': rule<{ stated: string }>(
    'final',
    'operator',
    'The route states a model version and the service reports another.',
    ({ stated }) => [
      `version ${stated}, as the route states`,
      'another version at the service',
      'deploy that version, or correct endpoint.version',
    ],
  ),

  'storage.not-found': rule('final', 'file', 'The object does not exist, or not any more.', () => [
    'the object of the event',
    'nothing under its key',
    'upload it again',
  ]),
  'storage.precondition-failed': rule('final', 'platform', 'A conditional write did not hold.', () => [
    'an unchanged object',
    'another writer was faster',
    'nothing: the other run publishes',
  ]),
  'storage.conflict': rule('passing', 'platform', 'Two conditional writes met.', () => [
    'one writer at a time',
    'two at once',
    'nothing: it is tried again',
  ]),
  'storage.denied': rule<{ operation: string }>('final', 'operator', 'The storage denies access.', ({ operation }) => [
    'permission for the operation',
    `${operation} denied`,
    "check the function's role and the bucket's policy",
  ]),
  'storage.refused': rule<{ operation: string }>(
    'final',
    'operator',
    'The storage refuses a request as it stands: the bucket, its Region, or a key that it cannot hold.',
    ({ operation }) => [
      'a request that the storage can serve',
      `${operation} refused`,
      'check the name of the bucket, its Region, and the key',
    ],
  ),
  'storage.unavailable': rule<{ operation: string }>(
    'passing',
    'platform',
    'The storage fails for longer than its client retries.',
    ({ operation }) => ['a storage that answers', `${operation} failed`, 'nothing: the job is tried again'],
  ),

  'limit.input-bytes': rule<{ maxInputBytes: number; sizeBytes: number }>(
    'final',
    'limit',
    'The object is larger than the route allows.',
    ({ maxInputBytes, sizeBytes }) => [
      `at most ${maxInputBytes} bytes`,
      `${sizeBytes} bytes`,
      'split the file, or raise limits.maxInputBytes',
    ],
  ),
  'limit.cost': rule<{ maxCost: number; currency: string }>(
    'final',
    'limit',
    'The job would cost, or has cost, more than the route allows.',
    ({ maxCost, currency }) => [
      `at most ${maxCost} ${currency}`,
      'more than that',
      'raise limits.maxCost, or split the file',
    ],
  ),

  'job.too-many-rejects': rule<{ rejectedCount: number; readCount: number }>(
    'final',
    'limit',
    'More rows were rejected than the route tolerates.',
    ({ rejectedCount, readCount }) => [
      'fewer rejects than limits.maxRejected',
      `${rejectedCount} of ${plural(readCount, 'row')} rejected`,
      'look at the rejects file, correct the input, drop it again',
    ],
  ),
  'job.out-of-time': rule<{ rowCount: number }>(
    'final',
    'limit',
    'The rest of the file cannot be classified in the time that the function has left.',
    ({ rowCount }) => [
      'a file that fits into one invocation',
      `time ran out after ${plural(rowCount, 'row')}`,
      'split the file, or use a faster endpoint',
    ],
  ),
  'job.claimed': rule('passing', 'platform', 'Another run holds the job.', () => [
    'a free job',
    'one that another run works on',
    'nothing: it is tried again when the claim has lapsed',
  ]),
  'job.died': rule(
    'passing',
    'platform',
    'The function died on every try: out of time, out of memory, or stopped by the platform.',
    () => [
      'a run that ends',
      'runs that were cut off',
      'give the function more memory, or split the file; then send the event again',
    ],
  ),
  'job.unreconciled': rule<{ readCount: number; classifiedCount: number; rejectedCount: number }>(
    'final',
    'tamis',
    'The counts do not add up. Nothing is published.',
    ({ readCount, classifiedCount, rejectedCount }) => [
      'read = classified + rejected',
      `${readCount} read, ${classifiedCount} classified, ${rejectedCount} rejected`,
      'please report this',
    ],
  ),

  'row.field-count': rule<{ expectedCount: number; foundCount: number }>(
    'row',
    'file',
    'The record has too few or too many fields.',
    ({ expectedCount, foundCount }) => [plural(expectedCount, 'field'), String(foundCount), 'correct the record'],
  ),
  'row.quote': rule('row', 'file', 'A quote stands where none may stand, or a quoted field is never closed.', () => [
    'quotes around whole fields only',
    'a stray or unclosed quote',
    'correct the record',
  ]),
  'row.too-long': rule<{ maxRecordBytes: number }>(
    'row',
    'file',
    'The record is longer than the limit.',
    ({ maxRecordBytes }) => [
      `at most ${maxRecordBytes} bytes`,
      'more',
      'raise csv.maxRecordBytes, or correct the record',
    ],
  ),
  'row.encoding': rule<{ encoding: string }>(
    'row',
    'file',
    "The record has bytes that are invalid in the file's encoding.",
    ({ encoding }) => [`valid ${encoding}`, 'invalid bytes', 'correct the record'],
  ),
  'row.type': rule<{ feature: string; type: string }>(
    'row',
    'file',
    "A cell is not of its feature's type.",
    ({ feature, type }) => [`"${feature}" of type ${type}`, 'something else', 'correct the cell'],
  ),
  'row.missing': rule<{ feature: string }>(
    'row',
    'file',
    'A cell is missing and the route rejects missing cells.',
    ({ feature }) => [`a value for "${feature}"`, 'none', 'fill the cell, or set onMissing: send'],
  ),
  'row.refused': rule<{ status: number }>('row', 'service', 'The model refuses the row, sent alone.', ({ status }) => [
    'a row that the model accepts',
    `refused (HTTP ${status})`,
    'look at the row with the owner of the model',
  ]),
  'row.label-unknown': rule('row', 'service', "The model's answer is none of the labels.", () => [
    'one of the labels',
    'another answer',
    'add it to labels',
  ]),
  'row.unanswered': rule(
    'row',
    'service',
    'The service gave no sensible answer for the row, asked for it alone.',
    () => ['an answer', 'none that makes sense', 'look at the row with the owner of the model'],
  ),

  'internal.bug': rule('final', 'tamis', 'A mistake in Tamis.', () => [
    'correct code',
    'a mistake',
    'please report this',
  ]),
} as const;

export type ErrorCode = keyof typeof errorRules;
export type RowCode = Extract<ErrorCode, `row.${string}`>;
export type ThrownCode = Exclude<ErrorCode, RowCode>;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof errorRules)[C]['say']>[0];

/** The sentence for people: expected; found; what to do. */
export function explain<C extends ErrorCode>(code: C, details: ErrorDetails<C>): string {
  const say = errorRules[code].say as ErrorRule<ErrorDetails<C>>['say'];
  const [expected, found, toDo] = say(details);
  return `expected ${expected}; found ${found}; ${toDo}`;
}

/** The only error that Tamis throws on purpose. Match on `code`: bundling may duplicate the class. */
export class TamisError<C extends ThrownCode = ThrownCode> extends Error {
  override readonly name = 'TamisError';
  readonly code: C;
  readonly details: ErrorDetails<C>;

  /** `cause` stays in memory for a debugger; nothing ever prints it, because foreign messages carry user text. */
  constructor(code: C, details: ErrorDetails<C>, cause?: unknown) {
    super(`${code}: ${explain(code, details)}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get kind(): ErrorKind {
    return errorRules[this.code].kind;
  }
}

export function isTamisError(error: unknown): error is TamisError {
  return error instanceof Error && error.name === 'TamisError' && 'code' in error;
}

/** Whether `error` is a `TamisError` with this code. */
export function hasCode<C extends ThrownCode>(error: unknown, code: C): error is TamisError<C> {
  return isTamisError(error) && error.code === code;
}
