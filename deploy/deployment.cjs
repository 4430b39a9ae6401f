/**
 * What serverless.yml asks for under `custom.deployment`. CommonJS, because the framework loads nothing else;
 * it only hands over to prepare.ts.
 */
const { env } = process;

function purposeOf([command, subcommand]) {
  if (command === 'package' || command === 'deploy') return 'deploy';
  if (command === 'offline') return 'offline';
  return command === 'invoke' && subcommand === 'local' ? 'invoke' : 'neither';
}

/** `invoke local` speaks to the bucket of `npm start`, unless the environment names another. */
const localEnvironment = env.AWS_ENDPOINT_URL_S3
  ? {}
  : {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${env.TAMIS_S3_PORT ?? 4569}`,
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    };

module.exports = async ({ options, resolveVariable, resolveConfigurationProperty }) => {
  const { prepare } = await import('./prepare.ts');
  const { parameterNames } = await import('./parameters.ts');
  const parameters = {};
  for (const name of parameterNames) parameters[name] = String(await resolveVariable(`param:${name}`));
  try {
    return await prepare({
      configFile: env.TAMIS_CONFIG ?? 'tamis.yml',
      stage: await resolveVariable('sls:stage'),
      region: options.region ?? (await resolveConfigurationProperty(['provider', 'region'])),
      parameters,
      purpose: purposeOf(process.argv.slice(2)),
      localEnvironment,
    });
  } catch (error) {
    // The framework prints the stack, which helps nobody whose configuration is refused.
    if (error.name === 'TamisError') error.stack = error.message;
    throw error;
  }
};
