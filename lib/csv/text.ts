import { Buffer } from 'node:buffer';
import { longestBomBytes, readBom } from './encoding.ts';
import { makeEncodingChoice } from './encoding-choice.ts';
import type { Encoding } from './types.ts';
import { isUtf16, makeUtf16Transcoder } from './utf16.ts';

/** A decompressed file, ready to be scanned. */
export interface OpenedText {
  /** As it stands in the file; empty when there is none. */
  readonly bom: Buffer;
  /** UTF-8 while everything that was passed on is ASCII and the choice is open. */
  encoding(): Encoding;
  /** Whether `encoding()` is final. */
  isEncodingDecided(): boolean;
  /** What follows the BOM, UTF-16 transcoded to UTF-8. No byte above 0x7F is passed on before the encoding is decided. */
  readonly chunks: AsyncGenerator<Buffer, void>;
  /** Closes the source, also when `chunks` was never asked for one. Idempotent. */
  close(): Promise<void>;
}

/** A BOM wins over the configured encoding, that over the choice by content. Stopping early closes `chunks`, and so does `close`. */
export async function openText(chunks: AsyncIterable<Buffer>, configured: Encoding | 'auto'): Promise<OpenedText> {
  const source = chunks[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  try {
    while (start.length < longestBomBytes) {
      const { done, value } = await source.next();
      if (done === true) break;
      start = start.length === 0 ? value : Buffer.concat([start, value]);
    }
  } catch (error) {
    await source.return?.();
    throw error;
  }
  const bom = readBom(start);
  const stated = bom?.encoding ?? (configured === 'auto' ? undefined : configured);
  const choice = makeEncodingChoice();
  const rest = chain(start.subarray(bom?.byteLength ?? 0), source);
  return {
    bom: start.subarray(0, bom?.byteLength ?? 0),
    encoding: () => stated ?? choice.chosen ?? 'utf-8',
    isEncodingDecided: () => stated !== undefined || choice.chosen !== undefined,
    chunks: stated === undefined ? chosen() : isUtf16(stated) ? transcoded(rest, stated) : rest,
    close: async () => void (await source.return?.()),
  };

  async function* chosen(): AsyncGenerator<Buffer, void> {
    let held: Buffer[] = [];
    for await (const chunk of rest) {
      choice.feed(chunk);
      held.push(chunk);
      if (choice.isPending) continue;
      yield* held;
      held = [];
    }
    choice.end();
    yield* held;
  }
}

/** Reads on until the encoding is decided, for who has to know it before the first record leaves. */
export async function readEncoding(chunks: AsyncIterable<Buffer>, configured: Encoding | 'auto'): Promise<Encoding> {
  const text = await openText(chunks, configured);
  if (!text.isEncodingDecided()) for await (const _ of text.chunks) if (text.isEncodingDecided()) break;
  await text.close();
  return text.encoding();
}

async function* chain(first: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    if (first.length > 0) yield first;
    for (let result = await source.next(); result.done !== true; result = await source.next()) yield result.value;
  } finally {
    await source.return?.();
  }
}

async function* transcoded(
  chunks: AsyncIterable<Buffer>,
  encoding: 'utf-16le' | 'utf-16be',
): AsyncGenerator<Buffer, void> {
  const transcoder = makeUtf16Transcoder(encoding);
  for await (const chunk of chunks) {
    const bytes = transcoder.push(chunk);
    if (bytes.length > 0) yield bytes;
  }
  const bytes = transcoder.end();
  if (bytes.length > 0) yield bytes;
}
