/**
 * osls 4.3 validates the Region against a list without that of the European Sovereign Cloud, which its SDK knows.
 * To be deleted with the first osls that lists it.
 */
module.exports = class RegionPlugin {
  constructor(serverless) {
    serverless.configSchemaHandler.schema.properties.provider.properties.region.enum.push('eusc-de-east-1');
  }
};
