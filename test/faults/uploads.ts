/** The files of a story, and what must become of each of their rows. */

export interface UploadPlan {
  /** `bad`: a feature's column is missing, which no retry cures. */
  readonly kind: 'good' | 'bad';
  readonly body: Buffer;
  /** Of every record, in order. */
  readonly ids: readonly string[];
  /** Records with a field too many. */
  readonly malformed: ReadonlySet<string>;
}

export interface Upload extends UploadPlan {
  /** Later uploads have higher ones. */
  readonly index: number;
  readonly etag: string;
  readonly versionId?: string;
  readonly sequencer: string;
  readonly job: string;
  readonly refuseShare: number;
}

/** One to four uploads of one key: good ones, bad ones, and now and then the very bytes of an earlier one. */
export function makeUploadPlan(random: () => number): readonly UploadPlan[] {
  const count = 1 + Math.floor(random() * random() * 4.5);
  const plans: UploadPlan[] = [];
  for (let index = 0; index < count; index++) {
    const earlier = plans[Math.floor(random() * plans.length)];
    plans.push(earlier !== undefined && random() < 0.35 ? earlier : makeUpload(index, random));
  }
  return plans;
}

function makeUpload(index: number, random: () => number): UploadPlan {
  const kind = random() < 0.25 ? 'bad' : 'good';
  const ids: string[] = [];
  const malformed = new Set<string>();
  const rowCount = Math.floor(random() * 9);
  for (let row = 1; row <= rowCount; row++) {
    const id = `u${index}r${row}`;
    ids.push(id);
    if (random() < 0.12) malformed.add(id);
  }
  const lines = ids.map((id) => (malformed.has(id) ? `${id},1,surplus\n` : `${id},1\n`));
  const body = Buffer.from(`${kind === 'good' ? 'x' : 'y'},n\n${lines.join('')}`);
  return { kind, body, ids, malformed };
}

/** Each run has its own label, so that a file of two runs would show. */
export const labelOf = (author: string): string => `by-${author}`;

/** The model's mood: which rows it refuses is another matter in every run. */
export function isRefused(author: string, id: string, share: number): boolean {
  let hash = 0x811c9dc5;
  for (const char of `${author}/${id}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32 < share;
}

/** What a whole run of `author` says of the upload. */
export function expectedRows(upload: Upload, author: string): { classified: string[]; rejected: string[] } {
  const rejected = upload.ids.filter((id) => upload.malformed.has(id) || isRefused(author, id, upload.refuseShare));
  return { classified: upload.ids.filter((id) => !rejected.includes(id)), rejected };
}
