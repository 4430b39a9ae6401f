import { describe, expect, it } from '@jest/globals';
import { type MemoryHooks, makeMemoryStorage, makeMemoryStore } from '../../../lib/storage/memory.ts';

const clock = { now: () => 1_700_000_000_900 };

/** A gate that requests wait at until it is opened. */
function makeGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of body) text += chunk.toString();
  return text;
}

describe('makeMemoryStorage', () => {
  it('tells time in whole seconds, as S3 does', async () => {
    const storage = makeMemoryStorage({ versioned: false, clock });

    const written = await storage.put('a', Buffer.from('x'));

    expect(written).toMatchObject({ lastModifiedMs: 1_700_000_000_000, answeredAtMs: 1_700_000_000_000 });
  });

  it('judges a condition when the request takes effect, not when it is sent', async () => {
    const store = makeMemoryStore({ versioned: true, clock });
    const gate = makeGate();
    const slow = makeMemoryStorage({ store, before: () => gate.opened });
    const fast = makeMemoryStorage({ store });

    const losing = slow.put('claim', Buffer.from('slow'), { condition: { ifNoneMatch: '*' } });
    await fast.put('claim', Buffer.from('fast'), { condition: { ifNoneMatch: '*' } });
    gate.open();

    await expect(losing).rejects.toMatchObject({ code: 'storage.precondition-failed' });
    expect(await readText((await fast.read('claim')).body)).toBe('fast');
  });

  it('changes nothing when a request never arrives, and everything when only the answer is lost', async () => {
    const store = makeMemoryStore({ versioned: false, clock });
    const fail = async () => {
      throw new Error('lost');
    };
    const plain = makeMemoryStorage({ store });

    await expect(makeMemoryStorage({ store, before: fail }).put('a', Buffer.from('x'))).rejects.toThrow('lost');
    await expect(makeMemoryStorage({ store, after: fail }).put('b', Buffer.from('x'))).rejects.toThrow('lost');

    expect(await plain.head('a')).toBeUndefined();
    expect(await plain.head('b')).toBeDefined();
  });

  it('shows a hook every request of a small and of a large upload, as S3 would get them', async () => {
    const seen: string[] = [];
    const hooks: MemoryHooks = {
      partSizeBytes: 4,
      before: async (operation, key) => void seen.push(`${operation} ${key}`),
    };
    const storage = makeMemoryStorage({ versioned: false, clock, ...hooks });
    const small = storage.upload('small');
    const large = storage.upload('large');
    const aborted = storage.upload('aborted');

    await small.write(Buffer.from('1234'));
    await small.complete();
    await large.write(Buffer.from('123456789'));
    await large.complete();
    await aborted.write(Buffer.from('12345'));
    await aborted.abort();

    expect(seen).toEqual([
      'put small',
      'create-upload large',
      'upload-part large',
      'upload-part large',
      'upload-part large',
      'complete large',
      'create-upload aborted',
      'upload-part aborted',
      'abort aborted',
    ]);
  });

  it('keeps the upload of a holder that was killed, invisible', async () => {
    const store = makeMemoryStore({ versioned: false, clock });
    const killed = makeMemoryStorage({
      store,
      partSizeBytes: 4,
      before: (operation) => (operation === 'complete' ? new Promise(() => {}) : Promise.resolve()),
    });
    const upload = killed.upload('result');

    await upload.write(Buffer.from('123456789'));
    void upload.complete();
    await new Promise((resolve) => setImmediate(resolve));

    expect(await makeMemoryStorage({ store }).head('result')).toBeUndefined();
    expect(store.unfinishedUploads.size).toBe(1);
  });

  it('lets a hook break a body between two chunks', async () => {
    let chunks = 0;
    const storage = makeMemoryStorage({
      versioned: false,
      clock,
      chunkSizeBytes: 2,
      before: async (operation) => {
        if (operation === 'read-body' && ++chunks === 3) throw new Error('broken');
      },
    });
    await storage.put('a', Buffer.from('123456'));
    const seen: string[] = [];

    const { body } = await storage.read('a');
    const reading = (async () => {
      for await (const chunk of body) seen.push(chunk.toString());
    })();

    await expect(reading).rejects.toThrow('broken');
    expect(seen).toEqual(['12', '34']);
  });

  it('counts what S3 would bill, and no chunks of a body', async () => {
    const counted: string[] = [];
    const storage = makeMemoryStorage({ versioned: false, clock, count: (operation) => void counted.push(operation) });

    await storage.put('a', Buffer.from('x'));
    await readText((await storage.read('a')).body);
    await storage.versions('a');
    await storage.delete('a');

    expect(counted).toEqual(['put', 'get', 'list', 'delete']);
  });
});
