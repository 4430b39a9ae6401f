import type { EndpointConfig } from '../config/types.ts';
import type { ModelDescription } from './types.ts';

/** What the route says of the model, for services that say nothing themselves. */
export function statedModel({ model, version }: Pick<EndpointConfig, 'model' | 'version'>): ModelDescription {
  if (model === undefined && version === undefined) return {};
  return {
    model: {
      ...(model === undefined ? {} : { name: model }),
      ...(version === undefined ? {} : { version }),
      reported: false,
    },
  };
}
