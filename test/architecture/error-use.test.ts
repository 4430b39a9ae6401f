import { describe, expect, it } from '@jest/globals';
import { errorRules } from '../../lib/errors.ts';
import { readSources } from './source-tree.ts';

const codes = Object.keys(errorRules);
const program = readSources('lib', 'functions', 'cli', 'local', 'deploy')
  .filter(({ path }) => path !== 'lib/errors.ts')
  .map(({ text }) => text)
  .join('\n');
const tests = readSources('test')
  .map(({ text }) => text)
  .join('\n');
/** Permanent codes of the contract that cannot occur while `limits.maxCost` is refused (lib/config/unsupported.ts). */
const reserved = ['config.price-unknown', 'limit.cost'];
const isNamedIn = (text: string, code: string): boolean => text.includes(`'${code}'`);

describe('the list of errors', () => {
  it('is seen whole', () => {
    expect(codes.length).toBeGreaterThan(45);
  });

  it('has no code that the program never uses, but the reserved ones', () => {
    expect(codes.filter((code) => !isNamedIn(program, code)).sort()).toEqual(reserved);
  });

  it('has no code without a test that names it', () => {
    expect(codes.filter((code) => !reserved.includes(code) && !isNamedIn(tests, code))).toEqual([]);
  });
});
