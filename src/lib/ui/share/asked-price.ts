import type { AskedPrice } from '#lib/state/settings.ts';

/** Whether a full queue costs no less than an empty one. */
export const isRising = (price: AskedPrice): boolean => {
  const { full = price } = price;
  return BigInt(full.in) >= BigInt(price.in) && BigInt(full.out) >= BigInt(price.out);
};

/** As it is saved: a range whose ends are the same is one price. */
export function askedOf({ in: input, out, full }: AskedPrice): AskedPrice {
  const isRange = full !== undefined && (full.in !== input || full.out !== out);
  return { in: input, out, ...(isRange ? { full: { in: full.in, out: full.out } } : {}) };
}

export const isSameAsked = (one: AskedPrice, other: AskedPrice): boolean =>
  JSON.stringify(askedOf(one)) === JSON.stringify(askedOf(other));
