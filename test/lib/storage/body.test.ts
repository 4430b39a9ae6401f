import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makeBody } from '../../../lib/storage/body.ts';

async function readAll(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of body) text += chunk.toString();
  return text;
}

/** Gives `text` in chunks of `chunkLength`, then ends, or fails after `brokenAfter` characters. */
function makeStream(text: string, chunkLength: number, brokenAfter = Number.POSITIVE_INFINITY): Readable {
  let offset = 0;
  return new Readable({
    read() {
      if (offset >= brokenAfter) this.destroy(new Error('broken'));
      else if (offset >= text.length) this.push(null);
      else {
        const end = Math.min(offset + chunkLength, brokenAfter);
        this.push(Buffer.from(text.slice(offset, end)));
        offset = end;
      }
    },
  });
}

describe('makeBody', () => {
  it('gives every byte once and in order, wherever the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary-ascii', maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 8 }),
        async (text, chunkLength, breaks) => {
          const remaining = [...breaks];
          const open = (from: number) => makeStream(text.slice(from), chunkLength, remaining.shift());
          const body = makeBody({
            stream: open(0),
            lengthBytes: text.length,
            reopen: async (reachedBytes) => open(reachedBytes),
          });

          // A break right after the last byte leaves the end unproved, and may be reported.
          const result = await readAll(body).catch((error) => error.code);

          if (result === 'storage.unavailable') expect(breaks.length).toBeGreaterThan(0);
          else expect(result).toBe(text);
        },
      ),
    );
  });

  it('takes an early end for a break', async () => {
    const body = makeBody({
      stream: makeStream('abc', 3),
      lengthBytes: 6,
      reopen: async (reachedBytes) => makeStream('abcdef'.slice(reachedBytes), 3),
    });

    expect(await readAll(body)).toBe('abcdef');
  });

  it('gives up after five breaks in a row without a byte, but not while it gets on', async () => {
    let opened = 0;
    const stuck = makeBody({
      stream: makeStream('abc', 1, 0),
      lengthBytes: 3,
      reopen: async () => {
        opened += 1;
        return makeStream('abc', 1, 0);
      },
    });
    const slow = makeBody({
      stream: makeStream('abcdefghij', 1, 1),
      lengthBytes: 10,
      reopen: async (reachedBytes) => makeStream('abcdefghij'.slice(reachedBytes), 1, reachedBytes < 9 ? 1 : undefined),
    });

    await expect(readAll(stuck)).rejects.toMatchObject({ code: 'storage.unavailable' });
    expect(opened).toBe(4);
    expect(await readAll(slow)).toBe('abcdefghij');
  });

  it('does not go on after a fatal break, nor without a way to connect again', async () => {
    const fatal = makeBody({
      stream: makeStream('abc', 1, 2),
      lengthBytes: 3,
      isFatal: () => true,
      reopen: async () => makeStream('c', 1),
    });
    const single = makeBody({ stream: makeStream('abc', 1, 2), lengthBytes: 3 });

    await expect(readAll(fatal)).rejects.toMatchObject({ code: 'storage.unavailable' });
    await expect(readAll(single)).rejects.toMatchObject({ code: 'storage.unavailable' });
  });

  it('destroys the stream when the reader stops, when it never began, when reopening fails and when verifying fails', async () => {
    const stopped = makeStream('abcdef', 1);
    const unread = makeStream('abcdef', 1);
    const verified = makeStream('abc', 3);

    for await (const _ of makeBody({ stream: stopped, lengthBytes: 6 })) break;
    await makeBody({ stream: unread, lengthBytes: 6 })[Symbol.asyncIterator]().return?.();
    const refused = makeBody({ stream: verified, lengthBytes: 3, verify: () => Promise.reject(new Error('changed')) });

    await expect(readAll(refused)).rejects.toThrow('changed');
    expect([stopped.destroyed, unread.destroyed, verified.destroyed]).toEqual([true, true, true]);
  });

  it('survives an error between two reads', async () => {
    const stream = makeStream('abcdef', 3);
    const body = makeBody({ stream, lengthBytes: 6, reopen: async (at) => makeStream('abcdef'.slice(at), 3) });
    const iterator = body[Symbol.asyncIterator]();

    const first = await iterator.next();
    stream.destroy(new Error('while nobody listens'));
    await new Promise((resolve) => setImmediate(resolve));
    const second = await iterator.next();

    expect(String(first.value) + String(second.value)).toBe('abcdef');
  });

  it('rejects with the reason of its signal, and stays ended', async () => {
    const controller = new AbortController();
    const stream = makeStream('abcdef', 1);
    const iterator = makeBody({ stream, lengthBytes: 6, signal: controller.signal })[Symbol.asyncIterator]();

    await iterator.next();
    controller.abort(new Error('enough'));

    await expect(iterator.next()).rejects.toThrow('enough');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(stream.destroyed).toBe(true);
  });
});
