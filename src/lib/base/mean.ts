/** Weight of the newest value: after five of them the first counts a sixth. */
const newestWeight = 0.3;

/**
 * The running mean of the house: an exponentially weighted moving average. What is no measurement (missing, negative, not
 * finite) leaves it as it was; the first one begins it.
 */
export function ewma(before: number | undefined, now: number | undefined): number | undefined {
  if (now === undefined || !Number.isFinite(now) || now < 0) return before;
  return before === undefined ? now : before * (1 - newestWeight) + now * newestWeight;
}
