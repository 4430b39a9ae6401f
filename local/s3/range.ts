import { S3Fault } from './fault.ts';

/** Both inclusive, 0-based. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The range that a `Range` header asks of an object of `sizeBytes`. Undefined when there is no header, or one that S3 ignores
 * (another unit, several ranges). Throws `InvalidRange` when it lies outside.
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [first, last] = [match[1]!, match[2]!];
  if (first !== '' && last !== '' && Number(first) > Number(last)) return undefined;
  const start = first === '' ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (start >= sizeBytes || (first === '' && Number(last) === 0)) {
    throw new S3Fault('InvalidRange', {
      headers: { 'content-range': `bytes */${sizeBytes}` },
      details: { RangeRequested: header ?? '', ActualObjectSize: String(sizeBytes) },
    });
  }
  return { start, end };
}
