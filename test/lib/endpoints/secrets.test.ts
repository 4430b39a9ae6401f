import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resolveCredentials } from '../../../lib/endpoints/auth.ts';
import { makeSecrets } from '../../../lib/endpoints/secrets.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tamis-secrets-'));
  await writeFile(join(folder, 'token'), 'from a file\n');
});

afterAll(() => rm(folder, { recursive: true }));

describe('makeSecrets', () => {
  it('reads the environment, a file without its last line end, and a parameter', async () => {
    const secrets = makeSecrets({ environment: { TOKEN: 'a' }, readParameter: async (name) => `parameter ${name}` });

    expect(await secrets.resolve('env:TOKEN')).toBe('a');
    expect(await secrets.resolve(`file:${join(folder, 'token')}`)).toBe('from a file');
    expect(await secrets.resolve('ssm:/tamis/token')).toBe('parameter /tamis/token');
  });

  it('reads a parameter once, and again after it failed', async () => {
    let readCount = 0;
    const secrets = makeSecrets({
      environment: {},
      readParameter: async () => {
        readCount += 1;
        if (readCount === 1) throw new Error('no access to hunter2');
        return 'value';
      },
    });

    const failed = secrets.resolve('ssm:/x');

    await expect(failed).rejects.toMatchObject({ code: 'config.secret-missing', details: { reference: 'ssm:/x' } });
    await expect(failed).rejects.not.toThrow('hunter2');
    expect(await secrets.resolve('ssm:/x')).toBe('value');
    expect(await secrets.resolve('ssm:/x')).toBe('value');
    expect(readCount).toBe(2);
  });

  it.each(['env:MISSING', 'env:EMPTY', 'file:/nowhere/at/all', 'ssm:/x', 'secretsmanager:name#field', 'plain'])(
    'throws for %s',
    async (reference) => {
      const secrets = makeSecrets({ environment: { EMPTY: '' } });

      await expect(secrets.resolve(reference)).rejects.toMatchObject({ code: 'config.secret-missing' });
    },
  );
});

describe('resolveCredentials', () => {
  it.each(['two\nlines', 'é'])('refuses a token that cannot stand in a header: %j', async (TOKEN) => {
    const credentials = resolveCredentials(
      { scheme: 'bearer', secret: 'env:TOKEN' },
      undefined,
      makeSecrets({ environment: { TOKEN } }),
    );

    await expect(credentials).rejects.toMatchObject({ details: { reference: 'env:TOKEN' } });
  });
});
