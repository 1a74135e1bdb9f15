import type { SampledScore } from './spec.ts';

/**
 * How surprising it is to draw one of the claimed tokens from these logits at a temperature above 0. The claimed ones count as
 * one, such as all that end a text.
 */
export function sampledScore<Token>(
  logits: ReadonlyMap<Token, number>,
  claimed: readonly Token[],
  temperature: number,
): SampledScore {
  const scaled = [...logits.values()].map((logit) => logit / temperature);
  const total = logSumExp(scaled);
  let [entropy, square] = [0, 0];
  for (const value of scaled) {
    const surprise = total - value;
    const p = Math.exp(-surprise);
    if (p === 0) continue;
    entropy += p * surprise;
    square += p * surprise * surprise;
  }
  const claims = claimed.map((token) => (logits.get(token) ?? -Infinity) / temperature);
  return {
    // As a number that any message can carry.
    surprise: Math.min(surpriseMax, Math.max(0, total - logSumExp(claims))),
    entropy,
    variance: Math.max(0, square - entropy * entropy),
    renyiHalf: 2 * logSumExp(scaled.map((value) => (value - total) / 2)),
  };
}

const surpriseMax = 1e9;

/** log Σ eˣ; −∞ of nothing. */
export function logSumExp(values: readonly number[]): number {
  let most = -Infinity;
  for (const value of values) most = Math.max(most, value);
  if (most === -Infinity) return most;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - most);
  return most + Math.log(sum);
}
