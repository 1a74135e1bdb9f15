import type { Tier } from '#lib/protocol/job.ts';
import { isFree } from '#lib/protocol/charge-of.ts';
import { servingNetwork, type NetworkView, type OfferView } from './network.ts';
import { modelOf, waitingFor, type RoutePreview, type Target } from './target.ts';

/** What whoever answers has to have, besides the model. */
export interface Needs {
  /** Only those that claim it are shown; whether it is believed is looked up when the question is asked. */
  readonly tier?: Exclude<Tier, 'open'> | undefined;
  /** To see pictures: those of this question, or only earlier ones, which are left out where nobody does. */
  readonly sight?: 'must' | 'rather' | undefined;
}

const none: RoutePreview = { kind: 'none', why: 'not-fitting' };

/** The same route, with those alone that have what a question needs. Apart from `target.ts`: the first page begins without. */
export function narrowRoute(preview: RoutePreview, target: Target, { tier, sight }: Needs): RoutePreview {
  // Nobody has to prove anything of this device itself.
  if (preview.kind === 'this-device') return tier && target.by === 'anyone' ? none : preview;
  if (preview.kind !== 'network' || (!tier && !sight)) return preview;
  const claiming = tier
    ? preview.offers.filter(({ offer }) => offer.payout && offer.tiers.includes(tier))
    : preview.offers;
  const seeing = sight ? claiming.filter((view) => featured(view, target, 'vision')) : [];
  const offers = seeing.length > 0 || sight === 'must' ? seeing : claiming;
  const [likely] = offers;
  if (!likely) return none;
  const model = (view: OfferView) =>
    (seeing.length > 0 ? featured(view, target, 'vision') : undefined) ?? modelOf(view, target)!;
  return {
    kind: 'network',
    offers,
    model: model(likely).name,
    contextTokens: Math.min(...offers.map((view) => model(view).contextTokens)),
    waiting: waitingFor(likely, target),
  };
}

/** Whether a worker that can take a question for this target now has this feature. */
export function isOffered(feature: string, target: Target, network: NetworkView, preview: RoutePreview): boolean {
  const offers = preview.kind === 'network' ? preview.offers : network.offers.filter(({ self }) => self);
  const asked: Target = preview.kind === 'this-device' ? { model: preview.model, by: 'anyone' } : target;
  return offers.some((view) => featured(view, asked, feature));
}

/** The name of a model that computes vectors of texts, for nothing, at a peer that the target allows. */
export function meaningModel({ by }: Target, network: NetworkView): string | undefined {
  if (by === 'this-device') return undefined;
  return servingNetwork(network.offers)
    .filter(({ offer, self }) => !self && (by === 'anyone' || offer.peer === by))
    .flatMap(({ offer }) => offer.models)
    .find(({ kinds, price }) => kinds.includes('embedding') && isFree(price))?.name;
}

/** One of its models that the target could mean, with this feature. */
const featured = ({ offer }: OfferView, { model: name }: Target, feature: string) =>
  offer.models.find(
    (model) =>
      model.kinds.includes('chat') && (name === 'any' || model.name === name) && model.features.includes(feature),
  );
