/**
 * Cloud Regions by name, with the country they are in (ISO 3166-1 alpha-2), and the countries of each residency rule.
 * AWS Regions stand alone, others carry their cloud: `azure:francecentral`, `gcp:europe-west9`, `ibm:eu-de`.
 *
 * Sources, read 2026-11-23:
 * AWS: botocore 1.43.107, `partitions.json` (names, partitions), https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
 * Azure: https://learn.microsoft.com/azure/reliability/regions-list
 * Google: https://cloud.google.com/about/locations and GoogleCloudPlatform/region-carbon-info
 * IBM: https://cloud.ibm.com/apidocs/machine-learning (eu-de, eu-gb)
 *
 * A name alone proves nothing: `eu-west-2` is London and `eu-central-2` is Zurich. Hence a list, never a pattern.
 */
export const countryOfRegion: ReadonlyMap<string, string> = new Map([
  ['eu-central-1', 'DE'],
  ['eu-north-1', 'SE'],
  ['eu-south-1', 'IT'],
  ['eu-south-2', 'ES'],
  ['eu-west-1', 'IE'],
  ['eu-west-3', 'FR'],
  ['eusc-de-east-1', 'DE'],
  ['eu-west-2', 'GB'],
  ['eu-central-2', 'CH'],
  ['af-south-1', 'ZA'],
  ['ap-east-1', 'HK'],
  ['ap-east-2', 'TW'],
  ['ap-northeast-1', 'JP'],
  ['ap-northeast-2', 'KR'],
  ['ap-northeast-3', 'JP'],
  ['ap-south-1', 'IN'],
  ['ap-south-2', 'IN'],
  ['ap-southeast-1', 'SG'],
  ['ap-southeast-2', 'AU'],
  ['ap-southeast-3', 'ID'],
  ['ap-southeast-4', 'AU'],
  ['ap-southeast-5', 'MY'],
  ['ap-southeast-6', 'NZ'],
  ['ap-southeast-7', 'TH'],
  ['ca-central-1', 'CA'],
  ['ca-west-1', 'CA'],
  ['il-central-1', 'IL'],
  ['me-central-1', 'AE'],
  ['me-south-1', 'BH'],
  ['mx-central-1', 'MX'],
  ['sa-east-1', 'BR'],
  ['us-east-1', 'US'],
  ['us-east-2', 'US'],
  ['us-west-1', 'US'],
  ['us-west-2', 'US'],

  ['azure:austriaeast', 'AT'],
  ['azure:belgiumcentral', 'BE'],
  ['azure:denmarkeast', 'DK'],
  ['azure:francecentral', 'FR'],
  ['azure:francesouth', 'FR'],
  ['azure:germanynorth', 'DE'],
  ['azure:germanywestcentral', 'DE'],
  ['azure:italynorth', 'IT'],
  ['azure:northeurope', 'IE'],
  ['azure:polandcentral', 'PL'],
  ['azure:spaincentral', 'ES'],
  ['azure:swedencentral', 'SE'],
  ['azure:swedensouth', 'SE'],
  ['azure:westeurope', 'NL'],
  ['azure:norwayeast', 'NO'],
  ['azure:norwaywest', 'NO'],
  ['azure:switzerlandnorth', 'CH'],
  ['azure:switzerlandwest', 'CH'],
  ['azure:uksouth', 'GB'],
  ['azure:ukwest', 'GB'],

  ['gcp:europe-central2', 'PL'],
  ['gcp:europe-north1', 'FI'],
  ['gcp:europe-north2', 'SE'],
  ['gcp:europe-southwest1', 'ES'],
  ['gcp:europe-west1', 'BE'],
  ['gcp:europe-west3', 'DE'],
  ['gcp:europe-west4', 'NL'],
  ['gcp:europe-west8', 'IT'],
  ['gcp:europe-west9', 'FR'],
  ['gcp:europe-west10', 'DE'],
  ['gcp:europe-west12', 'IT'],
  ['gcp:europe-west2', 'GB'],
  ['gcp:europe-west6', 'CH'],

  ['ibm:eu-de', 'DE'],
  ['ibm:eu-gb', 'GB'],

  // The service promises the EU without naming a member state; `EU` is the code that ISO 3166-1 reserves for it.
  ['openai:eu', 'EU'],
  ['datarobot:eu', 'EU'],
]);

const eu = 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE EU'.split(' ');
const eea = [...eu, 'IS', 'LI', 'NO'];
/**
 * European countries with an adequacy decision of the Commission
 * (https://commission.europa.eu/law/law-topic/data-protection/international-dimension-data-protection/adequacy-decisions_en, 2026-11-23).
 * Decisions for countries elsewhere, some of them partial, do not widen the rule: such a Region is named in a list.
 */
const adequate = ['AD', 'CH', 'FO', 'GB', 'GG', 'IM', 'JE'];

export type NamedRule = 'eu' | 'eea' | 'eu+adequacy';

export const countriesOfRule: Readonly<Record<NamedRule, ReadonlySet<string>>> = {
  eu: new Set(eu),
  eea: new Set(eea),
  'eu+adequacy': new Set([...eea, ...adequate]),
};
