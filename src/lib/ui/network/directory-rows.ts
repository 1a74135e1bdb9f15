import { m } from '#messages';
import { believedTiers } from '#lib/protocol/believed-tiers.ts';
import type { ConnectionView, OfferView, TierStanding } from '#lib/state/network.ts';
import { formatDollars } from '../dollars.ts';
import { kindText } from '../words.ts';

type OfferedModel = OfferView['offer']['models'][number];
type OfferedPrice = OfferedModel['price'];

/** A directory row: one model of one worker. */
export interface DirectoryRow {
  readonly key: string;
  readonly view: OfferView;
  readonly model: OfferedModel;
  /** What answers with this model: one of a peer's models may run on its processor while another has its GPU. */
  readonly kind: string;
  readonly path: ConnectionView['path'] | undefined;
}

export type SortKey = 'model' | 'speed' | 'price' | 'queue';

export function directoryRows(
  offers: readonly OfferView[],
  connections: readonly ConnectionView[],
  sort: SortKey,
): readonly DirectoryRow[] {
  const paths = new Map(connections.map(({ peer, path }) => [peer, path]));
  return offers
    .flatMap((view) =>
      view.offer.models.map((model) => ({
        key: `${view.offer.peer}/${model.artefact}`,
        view,
        model,
        kind: kindText(view.offer, model),
        path: view.self ? ('loopback' as const) : paths.get(view.offer.peer),
      })),
    )
    .sort((a, b) => compare[sort](a, b) || (a.key < b.key ? -1 : 1));
}

/**
 * Best first: fastest, cheapest, least busy. Prices are decimal text in the smallest unit and compared without loss.
 */
const compare: Readonly<Record<SortKey, (a: DirectoryRow, b: DirectoryRow) => number>> = {
  model: (a, b) => (a.model.name < b.model.name ? -1 : a.model.name > b.model.name ? 1 : 0),
  speed: (a, b) => (b.model.measured?.decodeTps ?? 0) - (a.model.measured?.decodeTps ?? 0),
  price: (a, b) => compareUnits(BigInt(a.model.price.out), BigInt(b.model.price.out)),
  queue: (a, b) =>
    (a.model.running + a.model.queued) / a.model.slots - (b.model.running + b.model.queued) / b.model.slots,
};

const compareUnits = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** The cheaper one first: of what is read and what is written together. */
export const comparePrices = (a: OfferedPrice, b: OfferedPrice): number =>
  compareUnits(BigInt(a.in) + BigInt(a.out), BigInt(b.in) + BigInt(b.out));

/** Dollars for a million tokens. */
export const priceText = (price: OfferedPrice): string =>
  price.in === '0' && price.out === '0'
    ? m.price_free()
    : m.price_in_out({ in: formatDollars(price.in), out: formatDollars(price.out) });

/** Whether the offer claims more than the open tier, which is to be looked up. */
export const claimsTier = (offer: Pick<OfferView['offer'], 'tiers'>): boolean =>
  believedTiers(offer).length < offer.tiers.length;

/** The tiers of an offer: those above the open one are its own claim until it was looked up. */
export function tiersText(offer: Pick<OfferView['offer'], 'tiers'>, standing?: TierStanding): string {
  const believed = believedTiers(offer);
  const claimed = offer.tiers.filter((tier) => !believed.includes(tier));
  const said = (tier: string) =>
    standing === 'proven'
      ? tier
      : standing === 'refuted'
        ? m.directory_refuted({ tier })
        : m.directory_claimed({ tier });
  return [...believed, ...claimed.map(said)].join(', ');
}
