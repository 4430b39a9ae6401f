/** `npm run remove`: removes the stack, and its bucket only when that is empty. */
import { S3Client } from '@aws-sdk/client-s3';
import { readCommandLine, runCommand } from './command-line.ts';
import { runFramework } from './framework.ts';
import { removeEmptyBuckets } from './leftover-bucket.ts';

await runCommand(async () => {
  const line = readCommandLine(process.argv.slice(2), process.env);
  const status = await runFramework('remove', line);
  if (status !== 0) return status;

  const say = (text: string) => process.stdout.write(`${text}\n`);
  const { bucket } = line.parameters;
  if (bucket !== null) {
    say(`${bucket} is untouched. Remove its notification to tamis-${line.stage}-classify yourself.`);
    return 0;
  }
  for (const { name, removed } of await removeEmptyBuckets(new S3Client({ region: line.region }), line)) {
    say(removed ? `${name} was empty and is removed.` : `${name} holds objects and is kept.`);
  }
  return 0;
});
