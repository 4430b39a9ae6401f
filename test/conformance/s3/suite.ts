/** What every S3 that this project is tested on has to do. The same checks run on the development server and on somebody else's. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bodyChecks } from './bodies.ts';
import { conditionChecks } from './conditions.ts';
import { listingChecks } from './listings.ts';
import { multipartChecks } from './multipart.ts';
import { objectChecks } from './objects.ts';
import { type Check, prepareTarget, type S3Target } from './target.ts';
import { versionChecks } from './versions.ts';

const groups: Readonly<Record<string, readonly Check[]>> = {
  objects: objectChecks,
  conditions: conditionChecks,
  bodies: bodyChecks,
  multipart: multipartChecks,
  listings: listingChecks,
  versions: versionChecks,
};

export interface ConformanceOptions {
  /** Called once, before the first check. */
  readonly start: () => Promise<S3Target>;
  readonly stop: () => Promise<void>;
  /** Titles of checks that this implementation is known to fail, each with the reason. A check that passes although it is listed is a failure. */
  readonly expectedDifferences?: Readonly<Record<string, string>>;
  readonly checkTimeoutMs?: number;
}

/** Declares the tests; call it at the top level of a test file. */
export function s3Conformance(name: string, options: ConformanceOptions): void {
  const { expectedDifferences = {}, checkTimeoutMs = 30_000 } = options;
  const titles = new Set(Object.values(groups).flatMap((checks) => checks.map(({ title }) => title)));

  describe(`S3 conformance of ${name}`, () => {
    let prepared: Awaited<ReturnType<typeof prepareTarget>> | undefined;

    beforeAll(async () => {
      prepared = await prepareTarget(await options.start());
    }, checkTimeoutMs);

    afterAll(async () => {
      prepared?.client.destroy();
      await options.stop();
    }, checkTimeoutMs);

    it('lists as expected differences only checks that exist', () => {
      expect(Object.keys(expectedDifferences).filter((title) => !titles.has(title))).toEqual([]);
    });

    for (const [group, checks] of Object.entries(groups)) {
      describe(group, () => {
        for (const { title, run } of checks) {
          const reason = expectedDifferences[title];
          const perform = async () => await run(prepared!.next());
          if (reason === undefined) it(title, perform, checkTimeoutMs);
          else it(`differs, because ${reason}: ${title}`, () => expect(perform()).rejects.toThrow(), checkTimeoutMs);
        }
      });
    }
  });
}
