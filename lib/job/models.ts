import type { EndpointConfig } from '../config/types.ts';
import type { ModelIdentity } from '../endpoints/types.ts';
import { TamisError } from '../errors.ts';

/** Which models answered how many rows. A service may change its model while a job runs. */
export interface ModelLedger {
  /** Whoever answers when the answer does not say. */
  readonly stated: ModelIdentity;
  /** Throws `endpoint.version-mismatch` when the service reports another version than the route states. */
  add(model: ModelIdentity | undefined, rows: number): ModelIdentity;
  list(): ReadonlyArray<ModelIdentity & { readonly rows: number }>;
}

export function makeModelLedger(endpoint: EndpointConfig, described: ModelIdentity | undefined): ModelLedger {
  const stated: ModelIdentity = described ?? {
    ...(endpoint.kind !== 'onnx' && endpoint.model !== undefined ? { name: endpoint.model } : {}),
    ...(endpoint.version === undefined ? {} : { version: endpoint.version }),
    reported: false,
  };
  const rowsOf = new Map<string, { readonly model: ModelIdentity; rows: number }>();

  function check(model: ModelIdentity): void {
    const { version } = endpoint;
    if (version === undefined || !model.reported || model.version === undefined || model.version === version) return;
    throw new TamisError('endpoint.version-mismatch', { stated: version });
  }
  check(stated);

  return {
    stated,
    add(model = stated, rows) {
      check(model);
      const key = JSON.stringify([model.name, model.version, model.digest, model.reported]);
      const entry = rowsOf.get(key);
      if (entry === undefined) rowsOf.set(key, { model, rows });
      else entry.rows += rows;
      return model;
    },
    list: () => [...rowsOf.values()].map(({ model, rows }) => ({ ...model, rows })),
  };
}

/** What the `model` column says: the version, else the digest, else the name. */
export const modelText = ({ version, digest, name }: ModelIdentity): string => version ?? digest ?? name ?? '';
