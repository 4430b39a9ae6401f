/** Headers of a request that become part of an object, and back. */
import { S3Fault } from './fault.ts';
import type { Pair, VersionContent } from './records.ts';
import type { S3Request } from './request.ts';
import { childrenNamed, childText, readXml } from './xml.ts';

const storedHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;
const MAX_METADATA_BYTES = 2048;
const MAX_TAGS = 10;
/** Letters, digits, spaces and `+ - = . _ : / @`: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html (read 2026-11-23). */
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const META = 'x-amz-meta-';

/** Throws `MetadataTooLarge` and `InvalidTag`. */
export function readContentHeaders(request: S3Request): Pick<VersionContent, 'headers' | 'metadata' | 'tags'> {
  const headers = storedHeaders.flatMap((name): Pair[] => {
    const value = name === 'content-encoding' ? contentEncoding(request.header(name)) : request.header(name);
    return value === undefined ? [] : [[name, value]];
  });
  if (request.header('content-type') === undefined) headers.push(['content-type', 'binary/octet-stream']);
  const metadata = Object.entries(request.message.headers).flatMap(([name, value]): Pair[] =>
    name.startsWith(META) ? [[name.slice(META.length), String(value)]] : [],
  );
  const metadataBytes = metadata.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (metadataBytes > MAX_METADATA_BYTES) throw new S3Fault('MetadataTooLarge');
  const tags = [...new URLSearchParams(request.header('x-amz-tagging') ?? '')];
  checkTags(tags);
  return { headers, metadata, tags };
}

/** `aws-chunked` is about the transfer and is not stored. */
function contentEncoding(value: string | undefined): string | undefined {
  const kept = value
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'aws-chunked');
  return kept === undefined || kept.length === 0 ? undefined : kept.join(',');
}

function checkTags(tags: readonly Pair[]): void {
  const names = new Set(tags.map(([name]) => name));
  const fits = tags.every(
    ([name, value]) =>
      name.length >= 1 && name.length <= 128 && value.length <= 256 && TAG_TEXT.test(name) && TAG_TEXT.test(value),
  );
  if (names.size !== tags.length || tags.length > MAX_TAGS || !fits) throw new S3Fault('InvalidTag');
}

/** The body of PutObjectTagging. Throws `MalformedXML` and `InvalidTag`. */
export function readTagging(body: Buffer): readonly Pair[] {
  const set = childrenNamed(readXml(body, 'Tagging'), 'TagSet')[0];
  if (set === undefined) throw new S3Fault('MalformedXML');
  const tags = childrenNamed(set, 'Tag').map(
    (tag): Pair => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? ''],
  );
  checkTags(tags);
  return tags;
}

/** The stored headers and metadata as a reply carries them; `response-…` parameters of the query replace the former. */
export function contentHeaders(content: VersionContent, query: URLSearchParams): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of content.headers) headers[name] = value;
  for (const name of storedHeaders) {
    const replacement = query.get(`response-${name}`);
    if (replacement !== null) headers[name] = replacement;
  }
  for (const [name, value] of content.metadata) headers[META + name] = value;
  if (content.tags.length > 0) headers['x-amz-tagging-count'] = String(content.tags.length);
  return headers;
}
