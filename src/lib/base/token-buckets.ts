import type { Clock } from './clock.ts';

/** What one share may use: `burst` at once, and `perSecond` over time, in whatever unit the caller counts. */
export interface BucketLimits {
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * A token bucket for each of many shares, named by whoever is accountable for the cost. At most `sharesMax` are remembered;
 * the one used longest ago is forgotten first, and by then it is full again unless there are very many.
 */
export interface TokenBuckets {
  /** Takes `cost` from a share; false, and nothing taken, when it holds less. */
  take(share: string, cost?: number): boolean;
  /** Takes `cost` even from an empty share, and returns how many milliseconds it takes to make up for that. */
  charge(share: string, cost: number): number;
}

export function createTokenBuckets(
  clock: Pick<Clock, 'elapsed'>,
  { burst, perSecond, sharesMax }: BucketLimits & { readonly sharesMax: number },
): TokenBuckets {
  const shares = new Map<string, { readonly left: number; readonly atMs: number }>();

  const leftOf = (share: string, nowMs: number): number => {
    const before = shares.get(share);
    return before ? Math.min(burst, before.left + ((nowMs - before.atMs) * perSecond) / 1_000) : burst;
  };
  const set = (share: string, left: number, atMs: number) => {
    // Deleted and set again, so that the map's first key is the share used longest ago.
    shares.delete(share);
    if (shares.size >= sharesMax) shares.delete(shares.keys().next().value!);
    shares.set(share, { left, atMs });
  };

  return {
    take(share, cost = 1) {
      const nowMs = clock.elapsed();
      const left = leftOf(share, nowMs);
      const isEnough = left >= cost;
      set(share, isEnough ? left - cost : left, nowMs);
      return isEnough;
    },
    charge(share, cost) {
      const nowMs = clock.elapsed();
      const left = leftOf(share, nowMs) - cost;
      set(share, left, nowMs);
      return left >= 0 ? 0 : (-left / perSecond) * 1_000;
    },
  };
}
