import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { packageStack } from '../template/package-stack.ts';
import { linterPath } from './cfn-lint-install.ts';

const linter = linterPath(fileURLToPath(new URL('../../.interop/cfn-lint', import.meta.url)));
const on = (...names: string[]) => names.flatMap((name) => ['--param', `${name}=on`]);

/** What cfn-lint says about a template in these Regions: errors and warnings. */
async function lint(text: string, regions: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tamis-lint-'));
  try {
    const file = join(folder, 'template.json');
    await writeFile(file, text);
    const { stdout, stderr } = spawnSync(linter, ['--template', file, '--regions', ...regions], {
      encoding: 'utf8',
    });
    return `${stdout}${stderr}`.replaceAll(file, 'template.json');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('cfn-lint', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['the default stack', [], ['eu-west-3', 'eu-central-1', 'eusc-de-east-1']],
    [
      'the stack with every switch on',
      [...on('customerKey', 'alarms', 'metrics', 'events'), '--param', 'reservedConcurrency=2'],
      ['eu-west-3', 'eusc-de-east-1'],
    ],
    [
      'the stack on an existing bucket in the European Sovereign Cloud',
      ['--region', 'eusc-de-east-1', '--param', 'bucket=ours-since-2019'],
      ['eusc-de-east-1'],
    ],
  ])(
    'has nothing to say about %s',
    async (_what, words, regions) => {
      const { text } = await packageStack({ words });

      expect(await lint(text, regions)).toBe('');
    },
    120_000,
  );

  it('does complain about a template with a mistake in it', async () => {
    const { template } = await packageStack({});
    const { Bucket, ...others } = template.Resources;
    const wrong = { ...Bucket!, Properties: { ...Bucket!.Properties, BucketEncrytion: {} } };

    expect(
      await lint(JSON.stringify({ ...template, Resources: { ...others, Bucket: wrong } }), ['eu-west-3']),
    ).toContain('BucketEncrytion');
  }, 120_000);
});
