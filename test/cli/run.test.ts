import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { errorRules } from '../../lib/errors.ts';
import { startMlflowStandIn } from '../stand-ins/mlflow.ts';
import { configText, type Folder, makeFolder, tamis } from './command.ts';

const rows = (count: number, row: (index: number) => string = (index) => `${index},a`) =>
  `x,y\n${Array.from({ length: count }, (_, index) => `${row(index)}\n`).join('')}`;
/** `code: expected …; found …; what to do`, and nothing else. */
const errorLine = (code: string) => new RegExp(`^${code}: expected [^\\n]+; found [^\\n]+; [^\\n]+\\n$`);

let folder: Folder;
beforeEach(async () => {
  folder = await makeFolder();
  await folder.write('tamis.yml', configText({}));
});
afterEach(() => folder.remove());

const read = (name: string) => readFile(join(folder.path, name), 'utf8');
const run = (args: readonly string[], more: object = {}) => tamis(['run', ...args], { folder: folder.path, ...more });

describe('tamis run', () => {
  it('ends with 0 and says what it classified, what it rejected, and where the output is', async () => {
    await folder.write(
      'data.csv',
      rows(10_000, (index) => (index === 7 || index === 9_000 ? `${index}` : `${index},a`)),
    );

    const { status, stdout, stderr } = await run(['data.csv']);

    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: '9,998 classified, 2 rejected -> output/data.csv\n',
      stderr: '',
    });
    expect(await folder.files('output')).toEqual(['data.csv', 'data.csv.rejects.csv', 'data.csv.summary.json']);
    expect((await read('output/data.csv')).split('\n')).toHaveLength(10_000);
    expect(await read('output/data.csv.rejects.csv')).toMatch(/^row,line,.+\n8,9,[^\n]+\n9001,9002,[^\n]+\n$/);
    expect(JSON.parse(await read('output/data.csv.summary.json'))).toMatchObject({
      schema: 'tamis/summary/v1',
      outcome: 'complete-with-rejects',
      rows: { read: 10_000, classified: 9_998, rejected: 2 },
      output: { uri: join(folder.path, 'output/data.csv') },
    });
  });

  it('ends with 1 when the job failed, with one line that says why', async () => {
    await folder.write('data.csv', 'y\n1\n');

    const { status, stdout, stderr } = await run(['data.csv']);

    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(errorLine('input.column-missing'));
    expect(stderr).toContain('none for "x"');
    expect(await folder.files('output')).toEqual(['data.csv.error.json']);
    expect(JSON.parse(await read('output/data.csv.error.json'))).toMatchObject({ code: 'input.column-missing' });
  });

  it('writes the rejects of a job that failed for having too many', async () => {
    await folder.write(
      'data.csv',
      rows(100, (index) => `${index}`),
    );

    const { status, stderr } = await run(['data.csv']);

    expect(status).toBe(1);
    expect(stderr).toMatch(errorLine('job.too-many-rejects'));
    expect(await folder.files('output')).toEqual(['data.csv.error.json', 'data.csv.rejects.csv']);
  });

  it('reads standard input as stdin.csv, also twice in a row', async () => {
    for (const count of [3, 5]) {
      const { status, stdout } = await run(['-', '--out', 'results'], { stdin: rows(count) });

      expect({ status, stdout }).toEqual({
        status: 0,
        stdout: `${count} classified, 0 rejected -> results/stdin.csv\n`,
      });
      expect(await folder.files('results')).toEqual(['stdin.csv', 'stdin.csv.summary.json']);
      expect((await read('results/stdin.csv')).split('\n')).toHaveLength(count + 2);
    }
  });

  it('prints the summary, and nothing else, on standard output with --json', async () => {
    await folder.write('data.csv', rows(3));

    const { status, stdout, stderr } = await run(['data.csv', '--json']);

    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(await read('output/data.csv.summary.json')));
    expect(stderr).toBe('3 classified, 0 rejected -> output/data.csv\n');
  });

  it('prints nothing with --quiet, and the summary alone with --quiet --json', async () => {
    await folder.write('data.csv', rows(3));

    const quiet = await run(['data.csv', '--quiet']);
    const json = await run(['data.csv', '--quiet', '--json']);

    expect(quiet).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(json.stderr).toBe('');
    expect(JSON.parse(json.stdout)).toMatchObject({ rows: { read: 3 } });
  });

  it('replaces results, and leaves none of an earlier run', async () => {
    const expected: Array<[string, readonly string[]]> = [
      [
        rows(3, (index) => (index === 1 ? '1' : `${index},a`)),
        ['data.csv', 'data.csv.rejects.csv', 'data.csv.summary.json'],
      ],
      [rows(4), ['data.csv', 'data.csv.summary.json']],
      ['y\n1\n', ['data.csv.error.json']],
      [rows(5), ['data.csv', 'data.csv.summary.json']],
    ];

    for (const [content, files] of expected) {
      await folder.write('data.csv', content);
      await run(['data.csv']);

      expect(await folder.files('output')).toEqual(files);
    }
    expect((await read('output/data.csv')).split('\n')).toHaveLength(7);
  });

  it('keeps a compressed file compressed', async () => {
    await folder.write('data.csv.gz', gzipSync(rows(3)));

    const { stdout } = await run(['data.csv.gz']);

    expect(stdout).toBe('3 classified, 0 rejected -> output/data.csv.gz\n');
    const output = gunzipSync(await readFile(join(folder.path, 'output/data.csv.gz'))).toString();
    expect(output).toMatch(/^x,y,prediction,score\n0,a,(oui|non),0\.\d+\n/);
    expect(await folder.files('output')).toEqual(['data.csv.gz', 'data.csv.gz.summary.json']);
  });

  it('names standard input in the summary as its result is named', async () => {
    await run(['-'], { stdin: rows(2) });

    expect(JSON.parse(await read('output/stdin.csv.summary.json'))).toMatchObject({ input: { uri: 'stdin.csv' } });
  });

  it('finds the model beside the configuration, from wherever it is run', async () => {
    const config = fileURLToPath(new URL('../../tamis.yml', import.meta.url));
    const sample = fileURLToPath(new URL('../../samples/wine.csv', import.meta.url));
    const golden = fileURLToPath(new URL('../golden/wine/output.csv', import.meta.url));

    const { status, stdout } = await run([sample, '--config', config, '--route', 'wine']);

    expect({ status, stdout }).toEqual({ status: 0, stdout: '80 classified, 0 rejected -> output/wine.csv\n' });
    expect(await read('output/wine.csv')).toBe(await readFile(golden, 'utf8'));
  });

  it('takes a secret from the environment, and says which one is missing', async () => {
    const server = await startMlflowStandIn({ authorization: 'Bearer s3cret', labels: ['a', 'b'] });
    const auth = { scheme: 'bearer', secret: 'env:WINE_TOKEN' };
    await folder.write('secret.yml', configText({ endpoint: { kind: 'mlflow', url: server.url, auth } }));
    await folder.write('data.csv', rows(2));
    const args = ['data.csv', '--config', 'secret.yml'];

    const right = await run(args, { environment: { WINE_TOKEN: 's3cret' } });
    const missing = await run(args);
    const wrong = await run(args, { environment: { WINE_TOKEN: 'wr0ng' } });
    await server.close();

    expect(right.status).toBe(0);
    expect(missing.status).toBe(2);
    expect(missing.stderr).toMatch(errorLine('config.secret-missing'));
    expect(missing.stderr).toContain('env:WINE_TOKEN');
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(errorLine('endpoint.refused'));
    expect(JSON.stringify([right, missing, wrong, await read('output/data.csv.error.json')])).not.toMatch(
      /s3cret|wr0ng/,
    );
  });

  it('ends with 1 for a passing failure, and says that another try may help', async () => {
    const server = await startMlflowStandIn();
    await server.close();
    await folder.write('away.yml', configText({ endpoint: { kind: 'mlflow', url: server.url } }));
    await folder.write('data.csv', rows(2));

    const { status, stderr } = await run(['data.csv', '--config', 'away.yml']);

    expect(status).toBe(1);
    expect(stderr).toMatch(errorLine('endpoint.unreachable'));
    expect(await folder.files('output')).toEqual(['data.csv.error.json']);
    expect(JSON.parse(await read('output/data.csv.error.json'))).toMatchObject({ code: 'endpoint.unreachable' });
  });

  it('takes a file of any name', async () => {
    await folder.write('vins d’été/données n° 1 (copie).export', rows(3));

    const { stdout } = await run(['vins d’été/données n° 1 (copie).export']);

    expect(stdout).toBe('3 classified, 0 rejected -> output/données n° 1 (copie).export\n');
  });
});

describe('the route of a file', () => {
  beforeEach(() => folder.write('two.yml', configText({ tags: { n: '0' } }, { tags: { n: '1' } })));

  it('is the one under whose prefix its path falls', async () => {
    await folder.write('input/r1/data.csv', rows(2));

    const { status } = await run(['./input/r1/data.csv', '--config', 'two.yml']);

    expect(status).toBe(0);
    expect(JSON.parse(await read('output/data.csv.summary.json'))).toMatchObject({ route: 'r1', tags: { n: '1' } });
  });

  it.each([
    ['an absolute path', (path: string) => join(path, 'input/r1/data.csv')],
    ['a path through another folder', () => 'input/r0/../r1/data.csv'],
  ])('is found by %s too', async (_, pathIn) => {
    await folder.write('input/r1/data.csv', rows(2));
    await mkdir(join(folder.path, 'input/r0'));

    const { stderr } = await run([pathIn(folder.path), '--config', 'two.yml']);

    expect(stderr).toBe('');
    expect(JSON.parse(await read('output/data.csv.summary.json'))).toMatchObject({ route: 'r1' });
  });

  it('is the one that --route names', async () => {
    await folder.write('input/r1/data.csv', rows(2));

    await run(['input/r1/data.csv', '--config', 'two.yml', '--route', 'r0']);

    expect(JSON.parse(await read('output/data.csv.summary.json'))).toMatchObject({ route: 'r0' });
  });

  it('is asked for, with the list, when it is not clear', async () => {
    await folder.write('data.csv', rows(2));

    const { status, stderr } = await run(['data.csv'], { environment: { TAMIS_CONFIG: 'two.yml' } });

    expect(status).toBe(2);
    expect(stderr).toMatch(errorLine('local.no-route'));
    expect(stderr).toContain('r0, r1');
  });
});

describe('wrong usage', () => {
  const cases: ReadonlyArray<readonly [title: string, args: readonly string[], code: string, says: string]> = [
    ['an unknown option', ['run', 'data.csv', '--fast'], 'local.usage', '--fast'],
    ['an option without its value', ['run', 'data.csv', '--out'], 'local.usage', '--out'],
    ['an unknown subcommand', ['classify', 'data.csv'], 'local.usage', '"classify"'],
    ['a subcommand with the name of an object method', ['constructor'], 'local.usage', '"constructor"'],
    ['no file', ['run'], 'local.usage', 'no file'],
    ['two files', ['run', 'data.csv', 'other.csv'], 'local.usage', '2 files'],
    ['a file that is not there', ['run', 'missing.csv'], 'local.no-such-file', 'missing.csv'],
    ['a folder', ['run', '.'], 'local.no-such-file', 'no file at .'],
    ['a configuration that is not there', ['run', 'data.csv', '--config', 'no.yml'], 'config.missing', 'no.yml'],
    ['a configuration with mistakes', ['run', 'data.csv', '--config', 'bad.yml'], 'config.invalid', 'routes[0].input'],
    [
      'a feature that is not built yet',
      ['run', 'data.csv', '--config', 'unbuilt.yml'],
      'config.unsupported',
      'maxCost',
    ],
    ['an unknown route', ['run', 'data.csv', '--route', 'r9'], 'local.usage', 'r0'],
    ['an output in the place of the input', ['run', 'data.csv', '--out', '.'], 'local.usage', 'replace the input'],
    [
      'an output in the place of the input, by another path',
      ['run', 'data.csv', '--out', 'link'],
      'local.usage',
      'replace',
    ],
    ['no help on a topic', ['help', 'me'], 'local.usage', '"me"'],
    [
      'a host whose place nobody knows',
      ['run', 'data.csv', '--config', 'unknown.yml'],
      'residency.unknown',
      'models.example.com',
    ],
  ];

  it.each(cases)('ends with 2: %s', async (_, args, code, says) => {
    await folder.write('data.csv', rows(2));
    await folder.write('other.csv', rows(2));
    await folder.write('bad.yml', configText({ input: 'elsewhere/' }));
    await folder.write('unbuilt.yml', configText({ limits: { maxCost: 1 } }));
    const endpoint = { kind: 'mlflow', url: 'https://models.example.com/invocations' };
    await folder.write('unknown.yml', configText({ endpoint }));
    await symlink(folder.path, join(folder.path, 'link'));

    const { status, stdout, stderr } = await tamis(args, { folder: folder.path });

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(errorLine(code));
    expect(stderr).toContain(says);
    expect(await read('data.csv')).toBe(rows(2));
  });

  it('ends with 1 for a file that is named like a result', async () => {
    await folder.write('data.csv.rejects.csv', rows(2));

    const { status, stderr } = await run(['data.csv.rejects.csv']);

    expect(status).toBe(1);
    expect(stderr).toMatch(errorLine('input.reserved-name'));
  });

  it('ends with one line where the output cannot be written', async () => {
    await folder.write('data.csv', rows(2));
    await folder.write('results', 'a file');

    const { status, stderr } = await run(['data.csv', '--out', 'results']);

    expect(status).toBe(2);
    expect(stderr).toMatch(/^local\.usage: expected [^\n]+\n$/);
    expect(await read('results')).toBe('a file');
  });
});

describe('a service that is down', () => {
  it('ends with 1 and an error file, and takes the place of an earlier result', async () => {
    await folder.write('data.csv', rows(2));
    await folder.write('output/data.csv', 'of an earlier run\n');
    const endpoint = { kind: 'mlflow', url: 'http://127.0.0.1:1/invocations' };
    await folder.write('down.yml', configText({ endpoint }));

    const { status, stderr } = await run(['data.csv', '--config', 'down.yml']);

    expect(status).toBe(1);
    expect(stderr).toMatch(errorLine('endpoint.unreachable'));
    expect(await folder.files('output')).toEqual(['data.csv.error.json']);
    expect(JSON.parse(await read('output/data.csv.error.json'))).toMatchObject({
      code: 'endpoint.unreachable',
      redrive: true,
    });
  });
});

describe('a bucket outside the rule', () => {
  it('is refused with 2 for the output too, before anything is read', async () => {
    await folder.write('data.csv', rows(2));

    const { status, stderr } = await run(['data.csv', '--out', 's3://far/away'], {
      environment: { AWS_ENDPOINT_URL_S3: 'https://s3.us-east-1.amazonaws.com' },
    });

    expect(status).toBe(2);
    expect(stderr).toMatch(errorLine('residency.refused'));
  });
});

describe('an interrupted run', () => {
  const interrupted = errorLine('local.interrupted');

  it('ends with 130, says so, and leaves no half output, also over an earlier one', async () => {
    const server = await startMlflowStandIn({ latencyMs: 300 });
    const endpoint = { kind: 'mlflow', url: server.url };
    await folder.write('slow.yml', configText({ endpoint, batch: { maxRows: 10, maxInFlight: 2 } }));
    await folder.write('data.csv', rows(10_000));
    await folder.write('output/data.csv', 'of an earlier run\n');
    let timer: NodeJS.Timeout | undefined;

    const { status, stdout, stderr } = await run(['data.csv', '--config', 'slow.yml'], {
      onStarted(child: { kill(name: string): void }) {
        timer = setInterval(() => {
          if (server.requests.length < 4) return;
          clearInterval(timer);
          child.kill('SIGINT');
        }, 10);
      },
    });
    clearInterval(timer);
    await server.close();

    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(stderr).toMatch(interrupted);
    expect(await folder.files('output')).toEqual(['data.csv']);
    expect(await read('output/data.csv')).toBe('of an earlier run\n');
    expect(server.requests.length).toBeLessThan(20);
  });

  it('ends with 130 while it waits for standard input', async () => {
    const { status, stderr } = await run(['-'], {
      stdin: 'open',
      onStarted(child: { kill(name: string): void; stdin: NodeJS.WritableStream }) {
        child.stdin.write('x,y\n1,a\n');
        setTimeout(() => child.kill('SIGINT'), 1_500);
      },
    });

    expect(status).toBe(130);
    expect(stderr).toMatch(interrupted);
    expect(await folder.files('output')).toEqual([]);
  });
});

describe('the progress bar', () => {
  const terminal = {
    NODE_OPTIONS: '--import=data:text/javascript,process.stderr.isTTY=true;process.stderr.columns=200',
  };

  it('is shown on a terminal, on standard error, and gone at the end', async () => {
    await folder.write('data.csv', rows(20_000));
    await folder.write(
      'bar.yml',
      configText({ batch: { maxRows: 100, maxInFlight: 1 }, endpoint: { kind: 'stub', labels: ['a'], latencyMs: 5 } }),
    );

    const { stdout, stderr } = await run(['data.csv', '--config', 'bar.yml'], { environment: terminal });

    expect(stdout).toBe('20,000 classified, 0 rejected -> output/data.csv\n');
    expect(stderr).toMatch(/\d+% \| [\d,]+ rows \| [\d,]+ rows\/s \| [\d.]+ MB \| .+ left \| .+ USD/);
    expect(stderr.endsWith('\n')).toBe(false);
  });

  it.each([
    ['with --quiet', ['--quiet'], terminal],
    ['where standard error is no terminal', [], {}],
  ])('is not shown %s', async (_, args, environment) => {
    await folder.write('data.csv', rows(5_000));

    const { stderr } = await run(['data.csv', ...args], { environment });

    expect(stderr).toBe('');
  });
});

describe('tamis help', () => {
  it('lists every error with its meaning', async () => {
    const { status, stdout } = await tamis(['help', 'errors'], { folder: folder.path });

    expect(status).toBe(0);
    for (const [code, { meaning }] of Object.entries(errorRules)) {
      expect(stdout).toContain(`${code} (`);
      expect(stdout).toContain(meaning);
    }
  });

  it.each([
    [[], 'tamis run <file'],
    [['help'], 'tamis run <file'],
    [['--help'], 'tamis run <file'],
    [['help', 'run'], '--route NAME'],
    [['run', '--help'], '--route NAME'],
    [['redrive', '-h'], '--function NAME'],
  ])('explains the commands: tamis %j', async (args, says) => {
    const { status, stdout, stderr } = await tamis(args, { folder: folder.path });

    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(says);
  });
});

it('is not upset by a reader that leaves before the end', async () => {
  const { status, stderr } = await tamis(['help', 'errors'], {
    folder: folder.path,
    onStarted: (child) => child.stdout?.destroy(),
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it('says nothing of what an error held that nobody caught', async () => {
  const preload = 'setTimeout(() => { throw new TypeError("cannot read C4NARY"); }, 300)';
  const { status, stderr } = await run(['-'], {
    stdin: 'open',
    environment: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` },
  });

  expect(status).toBe(1);
  expect(stderr).toMatch(errorLine('internal.bug'));
  expect(stderr).toContain('TypeError');
  expect(stderr).not.toContain('C4NARY');
});

it('leaves nothing but results in the output folder and nothing beside the input', async () => {
  await mkdir(join(folder.path, 'in'));
  await folder.write('in/data.csv', rows(3));

  await run(['in/data.csv', '--out', 'out/deep']);

  expect(await folder.files()).toEqual([
    'in/data.csv',
    'out/deep/data.csv',
    'out/deep/data.csv.summary.json',
    'tamis.yml',
  ]);
});
