/** Secrets by reference. A value is read once, kept in memory, and appears in nothing that is printed. */
import { readFile } from 'node:fs/promises';
import { TamisError } from '../errors.ts';

export interface SecretSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a parameter of the Systems Manager, decrypted. Given by the wiring, because it needs a client of its own. */
  readonly readParameter?: (name: string) => Promise<string | undefined>;
}

export interface Secrets {
  /**
   * The value behind `env:NAME`, `file:/path` or `ssm:/name`; one line end at the end of a file is not part of it.
   * Throws `config.secret-missing` when there is none.
   */
  resolve(reference: string): Promise<string>;
}

export function makeSecrets(sources: SecretSources): Secrets {
  const values = new Map<string, Promise<string>>();

  async function read(reference: string): Promise<string> {
    let value: string | undefined;
    try {
      value = await readFrom(reference);
    } catch (cause) {
      throw new TamisError('config.secret-missing', { reference }, cause);
    }
    if (value === undefined || value === '') throw new TamisError('config.secret-missing', { reference });
    return value;
  }

  async function readFrom(reference: string): Promise<string | undefined> {
    const colon = reference.indexOf(':');
    const name = reference.slice(colon + 1);
    switch (reference.slice(0, colon)) {
      case 'env':
        return sources.environment[name];
      case 'file':
        return (await readFile(name, 'utf8')).replace(/\r?\n$/, '');
      case 'ssm':
        return sources.readParameter?.(name);
      default:
        return undefined;
    }
  }

  return {
    resolve(reference) {
      let value = values.get(reference);
      if (value === undefined) {
        value = read(reference);
        values.set(reference, value);
        // A secret that could not be read is looked for again: it may be there by the next try.
        value.catch(() => values.delete(reference));
      }
      return value;
    },
  };
}
