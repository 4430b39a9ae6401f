/** Our pipeline between two files, as `plain-pipeline.ts` is between two files. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { readConfig } from '../lib/config/read.ts';
import { makeEndpoint } from '../lib/endpoints/registry.ts';
import { makeSecrets } from '../lib/endpoints/secrets.ts';
import { classify } from '../lib/job/classify.ts';
import { makeMeter } from '../lib/ledger/meter.ts';
import { systemClock } from '../lib/setup/system-clock.ts';
import type { ClientWork } from './types.ts';

export async function runPipeline({ input, out, config }: ClientWork): Promise<void> {
  const [route] = readConfig(await readFile(config, 'utf8'), config).routes;
  if (route === undefined) throw new Error('expected a configuration with one route');
  const { endpoint: settings } = route;
  const endpoint = await makeEndpoint(settings, {
    clock: systemClock,
    secrets: makeSecrets({ environment: {}, readParameter: async () => undefined }),
    answer: route.answer,
    onnx: { loadModel: () => readFile(settings.model ?? '') },
  });
  const output = createWriteStream(join(out, basename(input)));
  const result = await classify({
    route,
    endpoint,
    clock: systemClock,
    meter: makeMeter(),
    signal: new AbortController().signal,
    sizeBytes: (await stat(input)).size,
    compression: undefined,
    openInput: () => createReadStream(input),
    writeOutput: (chunk) =>
      new Promise((resolve, reject) => output.write(chunk, (error) => (error ? reject(error) : resolve()))),
    writeRejects: async () => undefined,
    timeLeftMs: () => Number.POSITIVE_INFINITY,
  });
  output.end();
  await finished(output);
  await endpoint.close();
  if (result.rows.rejected > 0)
    throw new Error(`expected every row to be classified; ${result.rows.rejected} were not`);
}
