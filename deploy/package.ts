/** `npm run package`: the deployable artefacts and the CloudFormation template in `.serverless/`, offline. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkDeployable, environmentSecrets, plainEndpoints } from './check-deployable.ts';
import { readCommandLine, runCommand } from './command-line.ts';
import { runFramework } from './framework.ts';
import { readConfigFile } from './prepare.ts';
import { describeSwitches } from './switches.ts';

const folder = '.serverless';

await runCommand(async () => {
  const line = readCommandLine(process.argv.slice(2), process.env);
  const config = await readConfigFile(line.configFile);
  // Checked again by the framework's own run, where the message would stand in the middle of its own.
  checkDeployable(config, line.region, line.configFile);
  const status = await runFramework('package', line);
  if (status !== 0) return status;

  const say = (text: string) => process.stdout.write(`${text}\n`);
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.zip')) continue;
    say(`${join(folder, name)}  ${Math.ceil((await stat(join(folder, name))).size / 1000)} kB`);
  }
  say(join(folder, 'cloudformation-template-update-stack.json'));
  say('Idle, the stack is billed for storage only.');
  for (const text of describeSwitches(line.parameters)) say(text);
  for (const route of plainEndpoints(config))
    say(`Route ${route} speaks to its endpoint without TLS: rows and secrets travel in clear text. Use https.`);
  for (const name of environmentSecrets(config))
    say(`Set ${name} on the function classify yourself, or use ssm:/name.`);
  return 0;
});
