import { m } from '#messages';
import type { MarketPriceView } from '#lib/state/network.ts';
import { formatDollars } from '../dollars.ts';
import { formatCount } from '../format.ts';

/** The price that the market paid for a model, beside it in a list; undefined where nothing is known. */
export function modelPrice(prices: readonly MarketPriceView[], model: string): MarketPriceView | undefined {
  return prices.find((price) => price.model === model);
}

/** `$2.50 for 1M tokens (4 payers, 120,000 tokens)`. */
export const marketPriceText = ({ perMillion, payers, tokens }: MarketPriceView): string =>
  m.market_price({ price: formatDollars(perMillion), payers, tokens: formatCount(tokens) });

/** `$2.00 – $4.00`: the least and the most that one payer paid for 1M tokens. */
export const spreadText = ({ low, high }: MarketPriceView): string =>
  low === high ? formatDollars(low) : `${formatDollars(low)} – ${formatDollars(high)}`;

/** Whole hours since the day has ended that it rests on. */
export const hoursOld = ({ until }: MarketPriceView, now: number): number =>
  Math.max(0, Math.floor((now - until) / 3_600_000));
