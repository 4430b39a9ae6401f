import { Buffer } from 'node:buffer';
import {
  constants,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  type Gunzip,
  type Gzip,
  type ZstdCompress,
  type ZstdDecompress,
} from 'node:zlib';
import { TamisError } from '../errors.ts';
import type { Compression } from './types.ts';

/** What an engine hands out at most at once, and takes at most at once when it compresses. */
const blockBytes = 64 * 1024;

/** By the end of the key, whatever its case; undefined for an uncompressed object. */
export function compressionOf(key: string): Compression | undefined {
  const name = key.toLowerCase();
  if (name.endsWith('.gz')) return 'gzip';
  return name.endsWith('.zst') ? 'zstd' : undefined;
}

/**
 * The decompressed bytes of all members (gzip) or frames (zstd), one after the other; as slow as they are consumed.
 * Throws `input.compression` when the stream is damaged, cut off, empty, followed by anything but zero bytes (gzip), or no such stream.
 * Errors of `chunks` pass through; stopping early closes `chunks`.
 */
export async function* decompress(
  chunks: AsyncIterable<Buffer>,
  compression: Compression,
): AsyncGenerator<Buffer, void> {
  const source = chunks[Symbol.asyncIterator]();
  try {
    let rest = await nextBytes(source);
    if (rest === undefined) throw new TamisError('input.compression', { compression });
    while (rest !== undefined) {
      rest = yield* decompressMember(rest, source, compression);
      // gzip files may be padded with zeros, on tape and on some mainframes.
      while (rest !== undefined && compression === 'gzip') {
        const padding = rest.findIndex((byte) => byte !== 0);
        if (padding >= 0) {
          rest = rest.subarray(padding);
          break;
        }
        rest = await nextBytes(source);
      }
    }
  } finally {
    await source.return?.();
  }
}

async function nextBytes(source: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  for (;;) {
    const { done, value } = await source.next();
    if (done === true) return undefined;
    if (value.length > 0) return value;
  }
}

/**
 * One engine's worth: it stops early, without an error, at bytes behind the end of a member (for zstd even at a next frame that begins
 * in the same chunk: nodejs 24 drops it in silence). Returns those bytes; undefined when the source is used up.
 */
async function* decompressMember(
  first: Buffer,
  source: AsyncIterator<Buffer>,
  compression: Compression,
): AsyncGenerator<Buffer, Buffer | undefined> {
  const engine =
    compression === 'gzip' ? createGunzip({ chunkSize: blockBytes }) : createZstdDecompress({ chunkSize: blockBytes });
  const signals = watch(engine);
  try {
    let chunk: Buffer | undefined = first;
    for (;;) {
      const consumedBefore = engine.bytesWritten;
      signals.isIdle = false;
      if (chunk === undefined) engine.end();
      else engine.write(chunk, signals.onIdle);
      while (!signals.isEnded && !signals.isIdle) {
        const piece = engine.read() as Buffer | null;
        if (piece !== null) yield piece;
        else await signals.next();
        if (signals.error !== undefined) throw new TamisError('input.compression', { compression }, signals.error);
      }
      for (let piece = engine.read() as Buffer | null; piece !== null; piece = engine.read()) yield piece;
      if (chunk === undefined) return undefined;
      const rest: Buffer = chunk.subarray(engine.bytesWritten - consumedBefore);
      if (rest.length > 0) return rest;
      chunk = await nextBytes(source);
    }
  } finally {
    engine.destroy();
  }
}

interface Signals {
  isEnded: boolean;
  /** The last write was taken in whole. */
  isIdle: boolean;
  error: Error | undefined;
  readonly onIdle: () => void;
  /** Resolves when anything happened since the last call. */
  next(): Promise<void>;
}

function watch(engine: Gunzip | ZstdDecompress): Signals {
  let hasHappened = false;
  let wake: (() => void) | undefined;
  const happen = () => {
    hasHappened = true;
    wake?.();
  };
  const signals: Signals = {
    isEnded: false,
    isIdle: false,
    error: undefined,
    onIdle() {
      signals.isIdle = true;
      happen();
    },
    async next() {
      if (!hasHappened) await new Promise<void>((resolve) => (wake = resolve));
      hasHappened = false;
    },
  };
  engine.on('readable', happen);
  engine.on('end', () => {
    signals.isEnded = true;
    happen();
  });
  engine.on('error', (error) => {
    signals.error = error;
    happen();
  });
  return signals;
}

export interface Compressor {
  /** The compressed bytes that became ready, often none. Wait for it before the next call. */
  write(chunk: Buffer): Promise<Buffer>;
  /** The rest. */
  end(): Promise<Buffer>;
}

/** Position of the operating system in a gzip header, and its value for "unknown". https://www.rfc-editor.org/rfc/rfc1952 (1996-05) */
const osPosition = 9;
const osUnknown = 255;

/**
 * The same bytes for the same content, however it is cut into chunks: the engine always gets blocks of one size, and a gzip header
 * names neither time nor system.
 */
export function makeCompressor(compression: Compression): Compressor {
  const engine: Gzip | ZstdCompress =
    compression === 'gzip' ? createGzip() : createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  let ready: Buffer[] = [];
  let handedOut = 0;
  let block = Buffer.allocUnsafe(blockBytes);
  let filled = 0;
  let failed: (error: Error) => void = () => {};
  engine.on('data', (piece: Buffer) => ready.push(piece));
  engine.on('error', (error: Error) => failed(error));

  const compress = (bytes: Buffer) =>
    new Promise<void>((resolve, reject) => {
      failed = reject;
      engine.write(bytes, () => resolve());
    });

  function take(): Buffer {
    const bytes = Buffer.concat(ready);
    ready = [];
    const position = osPosition - handedOut;
    if (compression === 'gzip' && position >= 0 && position < bytes.length) bytes[position] = osUnknown;
    handedOut += bytes.length;
    return bytes;
  }

  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) {
        const copied = chunk.copy(block, filled, at);
        at += copied;
        filled += copied;
        if (filled < blockBytes) break;
        await compress(block);
        block = Buffer.allocUnsafe(blockBytes);
        filled = 0;
      }
      return take();
    },
    async end() {
      if (filled > 0) await compress(block.subarray(0, filled));
      await new Promise<void>((resolve, reject) => {
        failed = reject;
        engine.on('end', resolve);
        engine.end();
      });
      return take();
    },
  };
}
