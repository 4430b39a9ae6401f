/** What must hold between keys. Runs on whatever parts of the file are sound, so that one mistake does not hide another. */
import type { z } from 'zod';
import type { ConfigProblem } from '../errors.ts';
import { isUnbuiltKind } from './endpoint-schema.ts';
import { formatPath } from './problems.ts';
import { configSchema, type ParsedConfig, type ParsedRoute, routeSchema } from './schema.ts';

type Report = (path: readonly (string | number)[], expected: string, found: string) => void;
/** The parts of a route that are sound on their own. */
type Sound = Partial<ParsedRoute>;

/** Problems between the keys of `root`, as read from the file. */
export function checkAcross(root: unknown): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const report: Report = (path, expected, found) => {
    problems.push({ path: formatPath(path), expected, found });
  };
  const top = soundParts<ParsedConfig>(configSchema.shape, root);
  checkExchange(top.ledger, report);

  const list = isMap(root) && Array.isArray(root.routes) ? root.routes : [];
  const routes = list.map((route) => soundParts<ParsedRoute>(routeSchema.shape, route));
  checkUnique(routes, 'name', report);
  checkUnique(routes, 'input', report);
  for (const [index, route] of routes.entries()) {
    const within: Report = (path, expected, found) => report(['routes', index, ...path], expected, found);
    checkFeatures(route, within);
    checkMaps(list[index], within);
    checkLabels(route, within);
    checkDecide(route, within);
    checkCsv(route, within);
    checkOutput(route, within);
    checkEndpoint(route, within);
  }
  return problems;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function soundParts<T>(shape: Readonly<Record<string, z.ZodType>>, raw: unknown): Partial<T> {
  if (!isMap(raw)) return {};
  const parts = Object.entries(shape).map(([key, schema]) => [key, schema.safeParse(raw[key]).data]);
  return Object.fromEntries(parts.filter(([, value]) => value !== undefined)) as Partial<T>;
}

function checkExchange(ledger: ParsedConfig['ledger'] | undefined, report: Report): void {
  if (ledger === undefined) return;
  const { currency, exchange } = ledger;
  if (currency !== 'USD' && exchange === undefined) {
    report(['ledger', 'exchange'], 'an exchange rate, because price lists are in USD', 'nothing');
  } else if (exchange !== undefined && exchange.from === currency) {
    report(['ledger', 'exchange', 'from'], 'another currency than ledger.currency', 'the same');
  } else if (exchange !== undefined && currency !== 'USD' && exchange.from !== 'USD') {
    report(['ledger', 'exchange', 'from'], 'USD, because price lists are in it', 'another currency');
  }
}

function checkUnique(routes: readonly Sound[], key: 'name' | 'input', report: Report): void {
  for (const [index, route] of routes.entries()) {
    const first = routes.findIndex((other) => route[key] !== undefined && other[key] === route[key]);
    if (first >= 0 && first < index) {
      report(['routes', index, key], `another ${key} for each route`, `the ${key} of routes[${first}]`);
    }
  }
}

function checkFeatures({ features }: Sound, report: Report): void {
  if (features === undefined || features === '*') return;
  const names = features.map((feature) => (typeof feature === 'string' ? feature : (feature.as ?? feature.column)));
  for (const [index, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first < index) report(['features', index], 'a name of its own at the model', `the name of features[${first}]`);
    if (features[index] === '*') report(['features', index], 'a column ("*" stands alone, without a list)', '"*"');
  }
}

/** A map key of this name would vanish without a word. */
function checkMaps(raw: unknown, report: Report): void {
  for (const key of ['labels', 'tags']) {
    const map = isMap(raw) ? raw[key] : undefined;
    if (isMap(map) && Object.hasOwn(map, '__proto__')) report([key, '__proto__'], 'another name', 'a reserved name');
  }
}

function checkLabels({ labels }: Sound, report: Report): void {
  if (labels === undefined) return;
  if (!Array.isArray(labels)) {
    if (Object.keys(labels).length === 0) report(['labels'], 'at least one label', 'an empty map');
    return;
  }
  for (const [index, label] of labels.entries()) {
    const first = labels.indexOf(label);
    if (first < index) report(['labels', index], 'a name of its own for each class', `the name of labels[${first}]`);
  }
}

/** The labels that the configuration names; undefined when the model alone knows them. */
function labelsOf({ labels, endpoint }: Sound): readonly string[] | undefined {
  if (labels !== undefined) return [...new Set(Array.isArray(labels) ? labels : Object.values(labels))];
  return endpoint?.kind === 'stub' ? endpoint.labels : undefined;
}

function checkDecide(route: Sound, report: Report): void {
  const { decide } = route;
  if (decide === undefined) return;
  const needs = [
    ['positive', 'threshold'],
    ['threshold', 'positive'],
    ['abstainAs', 'abstainBelow'],
  ] as const;
  for (const [one, other] of needs) {
    if (decide[one] !== undefined && decide[other] === undefined) {
      report(['decide', other], `a value, because ${one} is set`, 'nothing');
    }
  }
  const labels = labelsOf(route);
  if (decide.positive !== undefined && labels !== undefined && !labels.includes(decide.positive)) {
    report(['decide', 'positive'], 'one of the labels', 'another text');
  }
}

function checkCsv({ csv }: Sound, report: Report): void {
  if (csv === undefined) return;
  if (csv.quote !== null && csv.quote === csv.delimiter)
    report(['csv', 'quote'], 'another mark than csv.delimiter', 'the same');
  if (csv.thousands !== null && csv.thousands === csv.decimal) {
    report(['csv', 'thousands'], 'another mark than csv.decimal', 'the same');
  }
}

function checkOutput(route: Sound, report: Report): void {
  const { output } = route;
  if (output === undefined) return;
  // Only labels of the route: the header is written before the model says anything.
  const labels = route.labels === undefined ? undefined : labelsOf(route);
  if (output.scores && labels === undefined) {
    report(['labels'], 'labels, because output.scores adds a column for each', 'nothing');
  }
  const columns: [string, string][] = [['prediction', output.prediction]];
  if (output.score !== null) columns.push(['score', output.score]);
  if (output.model !== null) columns.push(['model', output.model]);
  if (output.scores) columns.push(...(labels ?? []).map((label): [string, string] => ['scores', `score_${label}`]));
  for (const [index, [key, name]] of columns.entries()) {
    const first = columns.findIndex(([, other]) => other === name);
    if (first < index) report(['output', key], 'a column name of its own', `the name of output.${columns[first]![0]}`);
  }
}

function checkEndpoint({ endpoint }: Sound, report: Report): void {
  if (endpoint === undefined || isUnbuiltKind(endpoint)) return;
  const { price, footprint } = endpoint;
  if (price !== undefined && !Object.keys(price).some((key) => key.startsWith('per'))) {
    report(['endpoint', 'price'], 'an amount: perHour or perThousandCalls', 'none');
  }
  if (price?.utilisation !== undefined && price.perHour === undefined) {
    report(['endpoint', 'price', 'perHour'], 'a value, because utilisation is set', 'nothing');
  }
  if (footprint === undefined) return;
  if (footprint.wattsMax < footprint.wattsIdle) {
    report(['endpoint', 'footprint', 'wattsMax'], 'at least wattsIdle', String(footprint.wattsMax));
  }
  if ((footprint.embodiedKgCO2e === undefined) !== (footprint.lifetimeYears === undefined)) {
    const missing = footprint.lifetimeYears === undefined ? 'lifetimeYears' : 'embodiedKgCO2e';
    report(['endpoint', 'footprint', missing], 'embodiedKgCO2e and lifetimeYears together', 'one of them');
  }
}
