import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openText, readEncoding } from '../../../lib/csv/text.ts';
import type { Encoding } from '../../../lib/csv/types.ts';
import { chunksOf, sourceOf } from './chunks.ts';

async function read(bytes: Buffer, sizes: readonly number[], configured: Encoding | 'auto' = 'auto') {
  const text = await openText(sourceOf(chunksOf(bytes, sizes)), configured);
  const pieces: Buffer[] = [];
  for await (const chunk of text.chunks) pieces.push(chunk);
  return { bom: text.bom.toString('hex'), encoding: text.encoding(), content: Buffer.concat(pieces) };
}

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

describe('openText', () => {
  it.each([
    ['no BOM', Buffer.from('dé'), '', 'utf-8'],
    ['a UTF-8 BOM', Buffer.from('\ufeffdé'), 'efbbbf', 'utf-8'],
    ['a UTF-16 BOM', utf16('dé'), 'fffe', 'utf-16le'],
    ['a big-endian UTF-16 BOM', utf16('dé').swap16(), 'feff', 'utf-16be'],
  ])('reads a text with %s, whatever the chunks', async (_, bytes, bom, encoding) => {
    for (const size of [1, 2, 3, 4, 1000])
      expect(await read(bytes, [size])).toEqual({ bom, encoding, content: Buffer.from('dé') });
  });

  it('leaves Windows-1252 as it is', async () => {
    const bytes = Buffer.from('d\xe9', 'latin1');

    expect(await read(bytes, [1])).toEqual({ bom: '', encoding: 'windows-1252', content: bytes });
  });

  it('believes a BOM before the configuration, and the configuration before the content', async () => {
    expect((await read(utf16('é'), [3], 'windows-1252')).encoding).toBe('utf-16le');
    expect((await read(Buffer.from('é'), [3], 'iso-8859-15')).encoding).toBe('iso-8859-15');
    expect((await read(utf16('é').subarray(2), [3], 'utf-16le')).content.toString()).toBe('é');
  });

  it('gives nothing for an empty file or a BOM alone', async () => {
    expect((await read(Buffer.alloc(0), [1])).content).toHaveLength(0);
    expect(await read(Buffer.from('\ufeff'), [1])).toEqual({
      bom: 'efbbbf',
      encoding: 'utf-8',
      content: Buffer.alloc(0),
    });
  });

  it('passes on no byte above 0x7F before the encoding is decided', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(Buffer.alloc(40_000, 'a'), Buffer.from('é'), Buffer.from([0xe9])), { maxLength: 8 }),
        async (chunks) => {
          const text = await openText(sourceOf(chunks), 'auto');
          const pieces: Buffer[] = [];
          for await (const chunk of text.chunks) {
            pieces.push(chunk);
            expect(text.isEncodingDecided() || chunk.every((byte) => byte < 0x80)).toBe(true);
          }

          expect(Buffer.concat(pieces).equals(Buffer.concat(chunks))).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each(['auto', 'utf-8', 'utf-16le'] as const)(
    'closes its source, read or not, with encoding %s',
    async (configured) => {
      const unread = sourceOf([Buffer.from('a,b\n1,2')]);
      const half = sourceOf([Buffer.from('a,b\n1,2'), Buffer.from('3,4')]);

      await (await openText(unread, configured)).close();
      for await (const _ of (await openText(half, configured)).chunks) break;

      expect(unread.closedCount).toBe(1);
      expect(half.closedCount).toBe(1);
    },
  );
});

describe('readEncoding', () => {
  it('reads no further than it has to', async () => {
    const source = sourceOf([Buffer.from('abc'), Buffer.from('d\xe9f', 'latin1'), Buffer.alloc(100_000, 'a')]);

    expect(await readEncoding(source, 'auto')).toBe('windows-1252');
    expect(source.closedCount).toBeGreaterThan(0);
    expect(await readEncoding(sourceOf([Buffer.from('abc')]), 'auto')).toBe('utf-8');
    expect(await readEncoding(sourceOf([utf16('a')]), 'auto')).toBe('utf-16le');
  });
});
