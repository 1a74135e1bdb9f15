import type { Clock } from '#lib/base/clock.ts';
import { modelOfArtefact, remoteModel } from '#lib/engine/catalog.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { isWithinPrice } from '#lib/market/filter.ts';
import type { Directory, DirectoryEntry } from '#lib/market/spec.ts';
import type { Provider } from '#lib/peer/spec.ts';
import { isFree, isPayable } from '#lib/protocol/charge.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { KindName } from '#lib/protocol/kinds/table.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { OfferedModel } from '#lib/protocol/offer.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { HubModel } from './engine.ts';

/** What others serve that a hub can sell: for a price below its own, and not through another hub. */
export interface Resold {
  readonly peer: PeerId;
  readonly model: OfferedModel;
}

export function resoldIn(
  directory: Pick<Directory, 'entries'>,
  { priceMax, chain }: { readonly priceMax: Price; readonly chain: number },
): readonly Resold[] {
  return directory.entries().flatMap(({ offer }: DirectoryEntry) => {
    const { peer, payout, models, draining, tiers } = offer;
    if (draining || payout?.chain !== chain || !tiers.includes('open')) return [];
    return models.filter((model) => isSold(model, priceMax)).map((model) => ({ peer, model }));
  });
}

function isSold(model: OfferedModel, priceMax: Price): boolean {
  const { hub, upstream, price, kinds } = model;
  // A job may not go round, and nobody's gift is sold.
  if (hub || upstream || isFree(price) || !isWithinPrice({ priceMax }, model)) return false;
  return kinds.some((kind) => isPayable(kind));
}

/** A model as a hub offers it: with no more than each of those who serve it has. Undefined where nobody does. */
export function hubModelOf(sold: readonly OfferedModel[]): HubModel | undefined {
  const [first] = sold;
  if (!first) return undefined;
  const common = (list: (model: OfferedModel) => readonly string[]) =>
    list(first).filter((word) => sold.every((model) => list(model).includes(word)));
  const contextTokens = Math.min(...sold.map((model) => model.contextTokens));
  const { artefact, name } = first;
  return {
    entry: modelOfArtefact(artefact) ?? remoteModel({ remoteName: name, contextTokens, artefact }),
    contextTokens,
    kinds: common(({ kinds }) => kinds).filter((kind) => isPayable(kind)) as KindName[],
    // An answer that is resumed here would have to be resumed there.
    features: common(({ features }) => features).filter(
      (feature) => !feature.startsWith('resume'),
    ) as unknown as HubModel['features'],
    slots: Math.min(
      limits.slotsMax,
      sold.reduce((sum, { slots }) => sum + slots, 0),
    ),
  };
}

export interface HubOffersInit {
  readonly directory: Pick<Directory, 'entries' | 'onChange'>;
  readonly provider: Pick<Provider, 'offerModel' | 'withdrawModel'>;
  readonly price: Price;
  readonly sold: () => readonly Resold[];
  readonly load: (model: HubModel) => LoadedModel;
  readonly clock: Clock;
}

const gatherMs = 500;

/** Offers what can be sold, and follows the directory. Returns the end. */
export function followOffers({ directory, provider, price, sold, load, clock }: HubOffersInit): () => void {
  const offered = new Map<string, string>();
  let stopWaiting: (() => void) | undefined;
  const renew = () => {
    stopWaiting = undefined;
    const byArtefact = Map.groupBy(sold(), ({ model }) => model.artefact);
    for (const artefact of offered.keys()) {
      if (byArtefact.has(artefact)) continue;
      offered.delete(artefact);
      provider.withdrawModel(artefact);
    }
    for (const [artefact, all] of byArtefact) {
      const model = hubModelOf(all.map((one) => one.model));
      const described = JSON.stringify(model);
      if (!model || model.kinds.length === 0 || offered.get(artefact) === described) continue;
      if (!offered.has(artefact) && offered.size >= limits.offerModelsMax) continue;
      offered.set(artefact, described);
      provider.offerModel(load(model), { price });
    }
  };
  const forget = directory.onChange(() => (stopWaiting ??= clock.after(gatherMs, renew)));
  renew();
  return () => {
    forget();
    stopWaiting?.();
  };
}
