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

export const isFreeOfCharge = ({ in: input, out, full }: AskedPrice): boolean =>
  [input, out, full?.in ?? '0', full?.out ?? '0'].every((units) => units === '0');

/**
 * Whether a price can take the place of the one that is saved.
 * @param wrong how many fields hold something that is no amount: what they held before is not what is meant.
 * @param paid whether this device has a wallet that a price can be paid to.
 */
export const isSavable = (
  price: AskedPrice,
  saved: AskedPrice,
  { wrong, paid }: { readonly wrong: number; readonly paid: boolean },
): boolean => wrong === 0 && !isSameAsked(price, saved) && isRising(price) && (paid || isFreeOfCharge(price));
