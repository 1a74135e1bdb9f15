import type { Clock } from '#lib/base/clock.ts';
import { limits } from '#lib/protocol/limits.ts';

/**
 * How many gossiped offers are looked at for each share: as many as one peer may make, and twice that in a burst. It comes
 * before everything that costs, so that whoever floods pays with its own share.
 */
export interface OfferQuota {
  /** Takes one from a share, named by whoever answers for it; false: it is used up. */
  take(share: string): boolean;
}

export const offerBurstMax = 2 * limits.offersPerWindowMax;
const refillPerMs = limits.offersPerWindowMax / limits.offerRateWindowMs;

export function createOfferQuota(clock: Clock): OfferQuota {
  const shares = new Map<string, { readonly left: number; readonly atMs: number }>();

  return {
    take(share) {
      const atMs = clock.elapsed();
      const before = shares.get(share) ?? { left: offerBurstMax, atMs };
      const left = Math.min(offerBurstMax, before.left + (atMs - before.atMs) * refillPerMs);
      // Taken out and put back, so that the one heard longest ago comes first when room is needed.
      shares.delete(share);
      if (shares.size >= limits.directoryOffersMax) shares.delete(shares.keys().next().value!);
      shares.set(share, { left: left >= 1 ? left - 1 : left, atMs });
      return left >= 1;
    },
  };
}
