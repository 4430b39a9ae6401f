import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compressionOf, decompress, makeCompressor } from '../../../lib/csv/compression.ts';
import type { Compression } from '../../../lib/csv/types.ts';
import { hasCode, TamisError } from '../../../lib/errors.ts';

const compressed = {
  gzip: (text: string) => gzipSync(text),
  zstd: (text: string) => zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
};
const formats: readonly Compression[] = ['gzip', 'zstd'];
const chunkSizes = [1, 3, 7, 1_000_000];

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function textOf(bytes: Buffer, compression: Compression, size: number): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of decompress(inChunks(bytes, size), compression)) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

async function drain(pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of pieces);
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('compressionOf', () => {
  it('goes by the end of the name', () => {
    expect(['a.csv', 'a.csv.gz', 'a.CSV.GZ', 'a.tsv.zst', 'gz', 'a.gz/b.csv'].map(compressionOf)).toEqual([
      undefined,
      'gzip',
      'gzip',
      'zstd',
      undefined,
      undefined,
    ]);
  });
});

describe.each(formats)('decompress %s', (compression) => {
  const pack = compressed[compression];

  it('gives back the content, whatever the chunks', async () => {
    const text = 'a;b\n1;2\n'.repeat(20_000);

    for (const size of [1, 500, 1_000_000]) expect(await textOf(pack(text), compression, size)).toBe(text);
  });

  it('reads all members, also when they share a chunk', async () => {
    const bytes = Buffer.concat([pack('one,'), pack(''), pack('two,'.repeat(50_000)), pack('three')]);

    for (const size of chunkSizes)
      expect(await textOf(bytes, compression, size)).toBe(`one,${'two,'.repeat(50_000)}three`);
  });

  it('gives nothing for nothing compressed', async () => {
    expect(await textOf(pack(''), compression, 3)).toBe('');
  });

  it('refuses a stream that is cut off anywhere', async () => {
    const bytes = Buffer.concat([pack('one'), pack('a somewhat longer text'.repeat(3))]);
    const boundary = pack('one').length;

    for (let length = 0; length < bytes.length; length++) {
      if (length === boundary) continue;
      for (const size of [1, 1_000_000])
        expect(hasCode(await errorOf(textOf(bytes.subarray(0, length), compression, size)), 'input.compression')).toBe(
          true,
        );
    }
  });

  it('refuses what is damaged, followed by garbage, or another format', async () => {
    const text = 'x'.repeat(1000);
    const damaged = Buffer.from(pack(text + Math.E));
    damaged[damaged.length >> 1]! ^= 0xff;
    const others = [damaged, Buffer.concat([pack(text), Buffer.from('garbage')]), Buffer.from('a,b\n1,2\n')];

    for (const bytes of others) {
      for (const size of chunkSizes) {
        const error = await errorOf(textOf(bytes, compression, size));
        expect(hasCode(error, 'input.compression')).toBe(true);
      }
    }
  });

  it('passes errors of the source on as they are and closes a source that is not read to its end', async () => {
    const failure = new TamisError('storage.unavailable', { operation: 'get' });
    async function* failing() {
      yield pack('some text').subarray(0, 15);
      throw failure;
    }
    let isClosed = false;
    async function* endless() {
      try {
        for (;;) yield pack('x'.repeat(100_000));
      } finally {
        isClosed = true;
      }
    }

    const error = await errorOf(drain(decompress(failing(), compression)));
    for await (const _ of decompress(endless(), compression)) break;

    expect(error).toBe(failure);
    expect(isClosed).toBe(true);
  });

  it('takes no more input than its consumer asks for', async () => {
    let chunkCount = 0;
    const chunk = pack('x'.repeat(1_000_000));
    async function* counted() {
      for (;;) {
        chunkCount++;
        yield chunk;
      }
    }

    const pieces = decompress(counted(), compression);
    for (let index = 0; index < 4; index++) await pieces.next();
    await pieces.return();

    expect(chunkCount).toBeLessThan(3);
  });
});

describe('decompress gzip', () => {
  it('skips zeros behind a member and reads on behind them', async () => {
    const bytes = Buffer.concat([gzipSync('a'), Buffer.alloc(20), gzipSync('b'), Buffer.alloc(5)]);

    for (const size of chunkSizes) expect(await textOf(bytes, 'gzip', size)).toBe('ab');
  });
});

describe('decompress zstd', () => {
  it('skips frames that carry no content', async () => {
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const bytes = Buffer.concat([skippable, zstdCompressSync('a'), skippable, zstdCompressSync('b')]);

    for (const size of chunkSizes) expect(await textOf(bytes, 'zstd', size)).toBe('ab');
  });
});

describe.each(formats)('makeCompressor %s', (compression) => {
  const unpack = compression === 'gzip' ? gunzipSync : zstdDecompressSync;

  async function compressed(chunks: readonly Buffer[]): Promise<Buffer> {
    const compressor = makeCompressor(compression);
    const pieces: Buffer[] = [];
    for (const chunk of chunks) pieces.push(await compressor.write(chunk));
    return Buffer.concat([...pieces, await compressor.end()]);
  }

  it('writes what decompression gives back, with the same bytes for any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 300_000 }),
        fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 5 }),
        async (length, sizes) => {
          const content = Buffer.from(Array.from({ length }, (_, index) => (index * index) % 251));
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < length; turn++) {
            const size = sizes[turn % sizes.length]!;
            chunks.push(content.subarray(at, at + size));
            at += size;
          }

          const bytes = await compressed(chunks);

          expect(unpack(bytes).equals(content)).toBe(true);
          expect(bytes.equals(await compressed([content]))).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('makeCompressor gzip', () => {
  it('names neither time nor system in the header', async () => {
    const bytes = await makeCompressor('gzip').end();

    expect([...bytes.subarray(4, 10)]).toEqual([0, 0, 0, 0, 0, 255]);
  });
});
