import type { Price } from '#lib/protocol/price.ts';
import type { OfferView } from '#lib/state/network.ts';

/** What others ask for a model now: the median of the offers with a price, for each direction; undefined where nobody asks money. */
export function medianPrice(
  offers: readonly OfferView[],
  model: string | undefined,
): { readonly price: Price; readonly count: number } | undefined {
  const prices = offers
    .filter(({ self, audience, offer }) => !self && audience === 'network' && !offer.draining)
    .flatMap(({ offer }) => offer.models)
    .filter(({ name, price }) => (model === undefined || name === model) && (price.in !== '0' || price.out !== '0'))
    .map(({ price }) => price);
  if (prices.length === 0) return undefined;
  return {
    price: { in: median(prices.map((price) => price.in)), out: median(prices.map(({ out }) => out)) },
    count: prices.length,
  };
}

/** Of an even number the lower one: it is a price that somebody asks. */
const median = (units: readonly string[]): string =>
  units.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1))[Math.ceil(units.length / 2) - 1]!;
