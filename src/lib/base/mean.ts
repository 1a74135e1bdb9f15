/** Weight of the newest value: after five more, a value still counts for a sixth. */
const newestWeight = 0.3;

/**
 * An exponentially weighted moving average, the one running mean of this code. A value that is not a measurement (missing,
 * negative, not finite) leaves it unchanged; the first one starts it.
 */
export function ewma(before: number | undefined, now: number | undefined): number | undefined {
  if (now === undefined || !Number.isFinite(now) || now < 0) return before;
  return before === undefined ? now : before * (1 - newestWeight) + now * newestWeight;
}
