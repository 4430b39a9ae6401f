/** `npm run generate`: writes the files that are derived from the code. `test/architecture/generated.test.ts` checks that they are up to date. */
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../lib/config/read.ts';
import { errorRules } from '../lib/errors.ts';

export interface GeneratedFile {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** The files as they should be. */
export function generateFiles(): readonly GeneratedFile[] {
  const entries = errorEntries();
  return [
    { path: 'tamis.schema.json', text: toText({ title: 'tamis.yml', ...configJsonSchema() }) },
    { path: 'errors.json', text: toText({ schema: 'tamis/errors/v1', errors: entries }) },
    { path: 'docs/errors.md', text: errorPage(entries) },
  ];
}

interface ErrorEntry {
  readonly code: string;
  readonly kind: string;
  readonly blame: string;
  readonly meaning: string;
  /** The three parts of the message, with the details as `<name>`. */
  readonly expected: string;
  readonly found: string;
  readonly toDo: string;
}

function errorEntries(): readonly ErrorEntry[] {
  return Object.entries(errorRules).map(([code, { kind, blame, meaning, say }]) => {
    const [expected = '', found = '', toDo = ''] = (say as (details: unknown) => readonly unknown[])(placeholders).map(
      String,
    );
    return { code, kind, blame, meaning, expected, found, toDo };
  });
}

/** Details of which each reads as its own name: alone, in a list, or as the parts of a problem. */
const placeholders = new Proxy({}, { get: (_target, name) => placeholder(String(name)) });

function placeholder(name: string): object {
  const text = `<${name}>`;
  const item = Object.assign(new String(text), { path: '<path>', expected: '<expected>', found: '<found>' });
  return {
    toString: () => text,
    length: '<count>',
    join: () => text,
    map: (each: (item: unknown) => unknown) => [each(item)],
  };
}

const families: Readonly<Record<string, string>> = {
  config: 'The configuration. The command ends with status 2, a function refuses to start.',
  residency: 'Where data may go. The command ends with status 2, a job fails.',
  local: 'The command line and the local stack. Status 2.',
  input: 'The file. The job fails.',
  endpoint: 'The service that runs the model. The job fails, or is tried again.',
  storage: 'The bucket or folder.',
  limit: 'Limits that the route sets. The job fails.',
  job: 'The job as a whole.',
  row: 'One record. It goes to the rejects; the job goes on.',
  internal: 'A mistake of ours.',
};

const moves: Readonly<Record<string, string>> = {
  file: 'whoever made the file',
  operator: 'the operator',
  service: 'the owner of the endpoint',
  platform: 'nobody',
  limit: 'the operator',
  tamis: 'the maintainers',
};

const retries: Readonly<Record<string, string>> = { final: 'no', passing: 'yes', row: 'no' };

function errorPage(entries: readonly ErrorEntry[]): string {
  const sections = Object.entries(families).map(([family, about]) => {
    const rows = entries
      .filter(({ code }) => code.startsWith(`${family}.`))
      .map(({ code, kind, blame, meaning, found, toDo }) =>
        [`\`${code}\``, meaning, found, retries[kind], moves[blame], toDo]
          .map((cell) => escapeCell(cell ?? ''))
          .join(' | '),
      );
    return [
      `## ${family}`,
      about,
      [
        '| code | meaning | what was found | tried again | whose move | what to do |',
        '|---|---|---|---|---|---|',
        ...rows.map((row) => `| ${row} |`),
      ].join('\n'),
    ].join('\n\n');
  });
  return `# Errors

Generated from \`lib/errors.ts\` by \`npm run generate\`; the same list for programs is \`errors.json\`.
A code is never renamed. Every message reads \`code: expected …; found …; what to do\`. \`<name>\` stands for a position, a count, or a name from the configuration: no error holds a cell or a record.

${sections.join('\n\n')}
`;
}

const escapeCell = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;');

const toText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

if (import.meta.main) {
  const root = new URL('../', import.meta.url);
  await Promise.all(generateFiles().map(({ path, text }) => writeFile(new URL(path, root), text)));
}
