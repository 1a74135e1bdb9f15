import { engineOf } from '#lib/protocol/offer.ts';
import type { Provider } from '../spec.ts';
import type { ScoredBy } from './judge.ts';

/** By what this device serves to itself: of several engines the one that has the model. */
export const scoredBy =
  (provider: Pick<Provider, 'servedModels'>): ScoredBy =>
  (artefact) => {
    const served = provider.servedModels('self');
    const model = served?.models.find((one) => one.artefact === artefact);
    return served && model && engineOf(served, model);
  };
