import { errorRules, TamisError } from '../lib/errors.ts';
import type { ExitStatus } from './exit-status.ts';

const overview = `tamis run <file | s3://bucket/key | -> [options]   classify one file
tamis redrive <error file> [--function NAME]       send the event of a failed job again
tamis help [run | redrive | errors]

Exit status: 0 done; 1 the job failed; 2 wrong usage or configuration; 130 interrupted.
`;

const runHelp = `tamis run <file | s3://bucket/key | -> [options]

Classifies one file with the pipeline of the deployed function. "-" is standard input.
Writes <out>/<name>, <out>/<name>.rejects.csv (when rows were rejected) and <out>/<name>.summary.json,
or <out>/<name>.error.json. Files that are there are replaced.

  --config FILE    the configuration (default: TAMIS_CONFIG, else tamis.yml)
  --route NAME     the route; default: the one whose input prefix fits, else the only one
  --out DIR|s3://  where to write (default: ./output)
  --json           print the summary on standard output
  --quiet          print nothing but errors
`;

const redriveHelp = `tamis redrive <file.error.json | s3://bucket/output/….error.json> [--function NAME]

Sends the event of a job that failed for a passing reason to the function again. Default function: tamis-dev-classify.
`;

export async function help(args: readonly string[]): Promise<ExitStatus> {
  const [topic] = args;
  process.stdout.write(textOf(topic));
  return 0;
}

function textOf(topic: string | undefined): string {
  switch (topic) {
    case undefined:
      return overview;
    case 'run':
      return runHelp;
    case 'redrive':
      return redriveHelp;
    case 'errors':
      return Object.entries(errorRules)
        .map(([code, { kind, meaning }]) => `${code} (${kind})\n    ${meaning}\n`)
        .join('');
    default:
      throw new TamisError('local.usage', { problem: `no help on "${topic}"` });
  }
}
