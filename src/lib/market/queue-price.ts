import type { Price } from '#lib/protocol/price.ts';

/** Between what a model costs while nobody waits, and what it costs while its queue is full. */
export interface PriceRange {
  readonly idle: Price;
  readonly full: Price;
}

/** Whether the bounds are in order, so that no queue makes a model cheaper. */
export const isInOrder = ({ idle, full }: PriceRange): boolean =>
  BigInt(full.in) >= BigInt(idle.in) && BigInt(full.out) >= BigInt(idle.out);

/** A price goes from one end to the other in so many steps: each is announced. */
export const priceSteps = 4;

/** How full a queue is, from 0 to `priceSteps`, rounded down. */
export const fullness = (waiting: number, waitingMax: number): number =>
  Math.min(priceSteps, Math.floor((waiting * priceSteps) / waitingMax));

/** @param step as `fullness` gives it. Rounded down to the smallest unit. */
export function priceAt({ idle, full }: PriceRange, step: number): Price {
  const between = (low: string, high: string) =>
    (BigInt(low) + ((BigInt(high) - BigInt(low)) * BigInt(step)) / BigInt(priceSteps)).toString();
  return { in: between(idle.in, full.in), out: between(idle.out, full.out) };
}
