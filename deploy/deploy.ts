/** `npm run deploy`: packages and deploys. Of a bucket that was there before, it prints what it lacks and changes nothing. */
import { S3Client } from '@aws-sdk/client-s3';
import { checkDeployable } from './check-deployable.ts';
import { readCommandLine, runCommand } from './command-line.ts';
import { findLacks, readBucket } from './existing-bucket.ts';
import { runFramework } from './framework.ts';
import { readConfigFile } from './prepare.ts';
import { describeSwitches } from './switches.ts';

await runCommand(async () => {
  const line = readCommandLine(process.argv.slice(2), process.env);
  checkDeployable(await readConfigFile(line.configFile), line.region, line.configFile);
  const status = await runFramework('deploy', line);
  if (status !== 0) return status;

  const say = (text: string) => process.stdout.write(`${text}\n`);
  for (const text of describeSwitches(line.parameters)) say(text);
  const { bucket } = line.parameters;
  if (bucket === null) return 0;
  const client = new S3Client({ region: line.region });
  const lacks = findLacks(await readBucket(client, bucket), { region: line.region, stage: line.stage });
  say(lacks.length === 0 ? `${bucket} has everything it needs.` : `${bucket} lacks, and was not changed:`);
  for (const lack of lacks) say(`- ${lack}`);
  return 0;
});
