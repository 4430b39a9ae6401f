import { describe, expect, it } from '@jest/globals';
import { TamisError } from '../../../lib/errors.ts';
import { makeUpload, type UploadSteps } from '../../../lib/storage/upload.ts';

const written = { etag: 'e', sizeBytes: 1, lastModifiedMs: 0, answeredAtMs: 0 };
const bug = { code: 'internal.bug' };

function makeSteps(steps: Partial<UploadSteps> = {}) {
  const log: string[] = [];
  const all: UploadSteps = {
    write: async () => void log.push('write'),
    complete: async () => {
      log.push('complete');
      return written;
    },
    interrupt: () => void log.push('interrupt'),
    discard: async () => void log.push('discard'),
    ...steps,
  };
  return { log, upload: makeUpload(all) };
}

describe('makeUpload', () => {
  it('refuses a write before the last one has settled, and after completion', async () => {
    const { upload } = makeSteps();

    const first = upload.write(Buffer.from('a'));
    await expect(upload.write(Buffer.from('b'))).rejects.toMatchObject(bug);
    await first;
    await upload.write(Buffer.from('c'));
    await upload.complete();

    expect(upload.sizeBytes).toBe(2);
    await expect(upload.write(Buffer.from('d'))).rejects.toMatchObject(bug);
    await expect(upload.complete()).rejects.toMatchObject(bug);
  });

  it('may be completed again after a refusal, but not written to', async () => {
    let attempts = 0;
    const { upload, log } = makeSteps({
      complete: async () => {
        attempts += 1;
        if (attempts === 1) throw new TamisError('storage.precondition-failed', {});
        return written;
      },
    });

    await expect(upload.complete({ ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'storage.precondition-failed' });
    await expect(upload.write(Buffer.from('a'))).rejects.toMatchObject(bug);
    expect(await upload.complete({ ifMatch: 'e' })).toEqual(written);
    await upload.abort();

    expect(log).not.toContain('discard');
  });

  it('discards once, after what is under way, and never rejects', async () => {
    let finish = () => {};
    const { upload, log } = makeSteps({
      write: () =>
        new Promise<void>((resolve) => {
          finish = () => {
            log.push('written');
            resolve();
          };
        }),
      discard: async () => {
        log.push('discard');
        throw new Error('cannot');
      },
    });

    const writing = upload.write(Buffer.from('a'));
    const aborting = Promise.all([upload.abort(), upload.abort()]);
    finish();
    await writing;
    await aborting;

    expect(log).toEqual(['interrupt', 'written', 'discard']);
    await expect(upload.write(Buffer.from('b'))).rejects.toMatchObject(bug);
  });

  it('discards nothing when the completion under way succeeds', async () => {
    const { upload, log } = makeSteps();

    const completing = upload.complete();
    await upload.abort();

    expect(await completing).toEqual(written);
    expect(log).not.toContain('discard');
  });
});
