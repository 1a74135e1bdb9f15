/** How likely the model finds a token of an answer, and its own first choice there; natural logarithms. */
export interface Scored {
  readonly logprob: number;
  readonly best: number;
}

/**
 * What a model says of an answer that is said to be its own, token by token (Token-DiFR, arXiv 2511.20621). Where the worker was
 * to take the likeliest token, it may differ in a near tie; where it was to sample, it may take what is a thousand times less
 * likely. Honest devices go beyond that at one token of fifty at most. An answer fails when so many such tokens would come
 * from an honest device once in ten thousand answers, and passes when it is long enough to have failed.
 */
export function judgeScores(scores: readonly Scored[], temperature: number): 'passed' | 'failed' | 'undecided' {
  const margin = temperature === 0 ? nearTie : Math.log(1_000) * Math.max(1, temperature);
  const strange = scores.filter(({ logprob, best }) => best - logprob > margin).length;
  if (strange > 0 && tail(scores.length, strange) <= falseAlarm) return 'failed';
  return scores.length >= tokensMin && strange <= scores.length * passedShareMax ? 'passed' : 'undecided';
}

/** Two tokens whose odds differ by less are a tie that rounding decides. */
const nearTie = 0.25;
const strangeShare = 0.02;
const falseAlarm = 1e-4;
/** Of an answer that passes. */
const passedShareMax = 0.05;
const tokensMin = 8;

/** The probability of `count` or more of `tokens`, each at {@link strangeShare}. */
function tail(tokens: number, count: number): number {
  let term = (1 - strangeShare) ** tokens;
  let below = 0;
  for (let i = 0; i < count; i++) {
    below += term;
    term *= ((tokens - i) / (i + 1)) * (strangeShare / (1 - strangeShare));
  }
  return Math.max(0, 1 - below);
}
