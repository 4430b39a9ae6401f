import { describe, expect, it } from '@jest/globals';
import type { EndpointConfig } from '../../../lib/config/types.ts';
import { makeModelLedger, modelText } from '../../../lib/job/models.ts';

const stub = (more: object = {}): EndpointConfig => ({ kind: 'stub', labels: ['a'], ...more });

describe('makeModelLedger', () => {
  it('credits the stated model when the answer names none', () => {
    const models = makeModelLedger(stub({ model: 'wine', version: '7' }), undefined);

    expect(models.add(undefined, 3)).toEqual({ name: 'wine', version: '7', reported: false });
    models.add(undefined, 4);

    expect(models.list()).toEqual([{ name: 'wine', version: '7', reported: false, rows: 7 }]);
  });

  it('prefers what the model said of itself', () => {
    const described = { name: 'own', digest: 'sha256:1', reported: true };

    const models = makeModelLedger(stub({ model: 'wine' }), described);

    expect(models.stated).toBe(described);
  });

  it('keeps models apart, in the order of their first answer', () => {
    const models = makeModelLedger(stub(), undefined);
    const answered = (version: string, rows: number) => models.add({ version, reported: true }, rows);

    answered('8', 1);
    answered('7', 2);
    answered('8', 3);

    expect(models.list()).toEqual([
      { version: '8', reported: true, rows: 4 },
      { version: '7', reported: true, rows: 2 },
    ]);
  });

  it.each([
    ['the same version', '7', { version: '7', reported: true }, false],
    ['another version', '7', { version: '8', reported: true }, true],
    ['another version that nobody reported', '7', { version: '8', reported: false }, false],
    ['no version', '7', { name: 'wine', reported: true }, false],
    ['a version where none is stated', undefined, { version: '8', reported: true }, false],
  ])('checks what is reported against what is stated: %s', (_, version, model, isMismatch) => {
    const config = stub(version === undefined ? {} : { version });
    const mismatch = expect.objectContaining({ code: 'endpoint.version-mismatch', details: { stated: version } });

    const add = () => makeModelLedger(config, undefined).add(model, 1);
    const open = () => makeModelLedger(config, model);

    if (isMismatch) {
      expect(add).toThrow(mismatch);
      expect(open).toThrow(mismatch);
    } else {
      expect(add).not.toThrow();
      expect(open).not.toThrow();
    }
  });
});

describe('modelText', () => {
  it.each([
    [{ version: '7', digest: 'd', name: 'n', reported: true }, '7'],
    [{ digest: 'd', name: 'n', reported: true }, 'd'],
    [{ name: 'n', reported: true }, 'n'],
    [{ reported: false }, ''],
  ])('is the version, else the digest, else the name: %j', (model, text) => {
    expect(modelText(model)).toBe(text);
  });
});
