/**
 * What serverless.yml asks for under `custom.deployment`. CommonJS, because the framework loads nothing else;
 * it only hands over to prepare.ts.
 */
const isInvokedLocally = ([command, subcommand]) => command === 'invoke' && subcommand === 'local';

function purposeOf(words) {
  if (words[0] === 'package' || words[0] === 'deploy') return 'deploy';
  return words[0] === 'offline' || isInvokedLocally(words) ? 'local' : 'neither';
}

module.exports = async ({ options, resolveVariable, resolveConfigurationProperty }) => {
  const { prepare } = await import('./prepare.ts');
  const { parameterNames } = await import('./parameters.ts');
  const words = process.argv.slice(2);
  const parameters = {};
  for (const name of parameterNames) parameters[name] = String(await resolveVariable(`param:${name}`));
  try {
    const deployment = await prepare({
      configFile: process.env.TAMIS_CONFIG ?? 'tamis.yml',
      stage: await resolveVariable('sls:stage'),
      region: options.region ?? (await resolveConfigurationProperty(['provider', 'region'])),
      parameters,
      purpose: purposeOf(words),
    });
    // Lambda finds an ES module by its ending; `invoke local` looks for .js only, and package.json says what that is.
    return { ...deployment, moduleEnding: isInvokedLocally(words) ? '.js' : '.mjs' };
  } catch (error) {
    // The framework prints the stack, which helps nobody whose configuration is refused.
    if (error.name === 'TamisError') error.stack = error.message;
    throw error;
  }
};
