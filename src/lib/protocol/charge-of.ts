import type { Price } from './price.ts';

/** Input and output units that a charge is for. */
export interface Units {
  readonly in: number;
  readonly out: number;
}

export const million = 1_000_000n;

export const isFree = (price: Price): boolean => price.in === '0' && price.out === '0';

/** What so many units cost in all, in the smallest unit of money: rounded up once for the job, not for each chunk. */
export const chargeOf = (price: Price, units: Units): bigint =>
  (BigInt(price.in) * BigInt(units.in) + BigInt(price.out) * BigInt(units.out) + million - 1n) / million;
