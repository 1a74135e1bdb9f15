import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Calibration } from './calibration.ts';

/**
 * Judges an answer by what the weights say of its tokens (Token-DiFR, arXiv 2511.20621): nothing is run again, the tokens are
 * read once by the same weights in another place. Every number here is the validator's own. Log-probabilities that a worker
 * sends are no input: a cheap model can write, and the full one make the proof.
 *
 * Greedy answers are judged by their margins, sampled ones by their surprise, both by where they end. What changes the
 * distribution itself, such as a penalty, is not judged.
 */
export function judgeAnswer(answer: AnswerToJudge): Judgement {
  const { scores, ended = false, manner } = answer;
  const tokens = ended ? scores.slice(0, -1) : scores;
  const end = ended ? scores.at(-1) : undefined;
  const measured = measureMargins(tokens);
  const conclude = (verdict: Judgement['verdict'], ...reasons: readonly Reason[]): Judgement => ({
    verdict,
    reasons,
    ...measured,
  });
  if (manner.type === 'unjudged') return conclude('undecided', manner.reason);
  if (end && isCutOff(end, tokens.length, manner)) return conclude('failed', 'truncated');
  if (answer.roomTokens !== undefined && tokens.length < answer.roomTokens) return conclude('failed', 'cut-short');
  if (tokens.some((token) => isPastEnd(token, tokens.length, manner))) return conclude('failed', 'past-end');
  if (manner.type === 'greedy') return judgeGreedy(measured, answer.calibration, conclude);
  const surprise = measureSurprise(tokens);
  if (!surprise) return conclude('undecided', 'no-distribution');
  const judged = judgeSampled(surprise, tokens.length, conclude);
  return { ...judged, surprise };
}

/** How likely the model finds a token of an answer; natural logarithms, at temperature 1 unless stated otherwise. */
export interface Scored {
  readonly logprob: number;
  /** Of the token that the model finds likeliest here. */
  readonly best: number;
  /** Of the end of the text here, if it was asked for. */
  readonly end?: number | undefined;
  /** Of the distribution at the temperature of the job, if it was asked for. */
  readonly sampled?: SampledScore | undefined;
}

/** In nats, over the whole vocabulary. */
export interface SampledScore {
  /** −log p of the token. */
  readonly surprise: number;
  /** Its mean, −Σ p log p. */
  readonly entropy: number;
  readonly variance: number;
  /** 2 log Σ √p, the Rényi entropy of order one half. */
  readonly renyiHalf: number;
}

export interface AnswerToJudge {
  /** Of each token; after them that of the end of the text, where the answer is said to have `ended`. */
  readonly scores: readonly Scored[];
  /** The model is said to have ended it: not a limit, and no stop sequence. */
  readonly ended?: boolean | undefined;
  /** An answer that is said to have come to its limit has so many tokens. */
  readonly roomTokens?: number | undefined;
  readonly manner: Manner;
  readonly calibration?: Calibration | undefined;
}

/** How tokens were to be chosen. */
export type Manner =
  | { readonly type: 'greedy' }
  | { readonly type: 'sampled'; readonly temperature: number }
  | { readonly type: 'unjudged'; readonly reason: 'penalised' | 'biased' | 'constrained' };

/**
 * How tokens were to be chosen under these parameters. Top-p, top-k and min-p only take away what is unlikely and so make an
 * answer less surprising than the whole distribution: judged by the whole, an honest one passes the more surely. The same holds
 * for a temperature below 1 that is not stated, which is taken to be 1. Penalties and biases make likely what was not, and a
 * schema or a forced call rules out what was: these are not judged.
 */
export function mannerOf(params: Omit<GenerationParams, 'maxTokens'>): Manner {
  const { repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0, logitBias = [] } = params;
  if (repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0) return unjudged('penalised');
  if (logitBias.length > 0) return unjudged('biased');
  const { responseFormat, toolChoice } = params;
  const isForced = toolChoice?.type === 'required' || toolChoice?.type === 'named';
  if (isForced || (responseFormat && responseFormat.type !== 'text')) return unjudged('constrained');
  const { temperature = 1 } = params;
  return temperature === 0 ? { type: 'greedy' } : { type: 'sampled', temperature };
}

const unjudged = (reason: Extract<Manner, { type: 'unjudged' }>['reason']): Manner => ({ type: 'unjudged', reason });

export interface Judgement extends Margins {
  readonly verdict: 'passed' | 'failed' | 'undecided';
  readonly reasons: readonly Reason[];
  /** Of a sampled answer. */
  readonly surprise?: Surprise | undefined;
}

export type Reason =
  /** Ends where the model finds the end unlikely; came to a limit before it; goes on where the model finds the end certain. */
  | 'truncated'
  | 'cut-short'
  | 'past-end'
  /** Margins beyond the calibrated ones; more strange tokens than an honest device has; more surprise than sampling explains. */
  | 'margin'
  | 'mismatches'
  | 'surprise'
  /** Too few tokens to have failed; more than passes and less than fails. */
  | 'too-short'
  | 'in-between'
  | 'no-distribution'
  | 'penalised'
  | 'biased'
  | 'constrained';

export interface Margins {
  readonly tokens: number;
  /** The mean of the clipped margins, in nats. */
  readonly margin: number;
  /** Tokens that no near tie explains. */
  readonly mismatches: number;
  /** Each token's margin, best − claimed, clipped. */
  readonly margins: readonly number[];
}

/** Two tokens whose odds differ by less are a tie that rounding decides. */
export const nearTie = 0.25;
/** One token says no more than this, however wrong it is: otherwise a single one would be the whole mean. */
export const marginMax = 4;
/** Of honest answers that fail. */
export const falseAlarm = 1e-4;
/** At this margin no rounding is to blame, so that one position is enough. */
const endMargin = Math.log(1_000);
const tokensMin = 8;

function measureMargins(tokens: readonly Scored[]): Margins {
  const margins = tokens.map(({ logprob, best }) => Math.min(marginMax, Math.max(0, best - logprob)));
  const margin = margins.reduce((sum, one) => sum + one, 0) / Math.max(1, margins.length);
  return { tokens: tokens.length, margin, mismatches: margins.filter((one) => one > nearTie).length, margins };
}

type Conclude = (verdict: Judgement['verdict'], ...reasons: readonly Reason[]) => Judgement;

function judgeGreedy(measured: Margins, calibration: Calibration | undefined, conclude: Conclude): Judgement {
  const { tokens, margin, mismatches, margins } = measured;
  if (calibration) {
    const isBeyond = margin > marginLimit(calibration, tokens);
    const limit = Math.max(roundingMax, calibration.max);
    // Margins are mostly nothing and sometimes a tie, so that the mean of few is no normal number: one or two convict nobody.
    const unseen = margins.filter((one) => one > limit).length;
    const isFar = margins.some((one) => one > farTimes * limit);
    if (isBeyond && (isFar || unseen >= unseenMin)) return conclude('failed', 'margin');
    if (tokens < tokensMin) return conclude('undecided', 'too-short');
    return isBeyond ? conclude('undecided', 'in-between') : conclude('passed');
  }
  if (mismatches > 0 && tail(tokens, mismatches) <= falseAlarm) return conclude('failed', 'mismatches');
  if (tokens < tokensMin) return conclude('undecided', 'too-short');
  return mismatches <= tokens * passedShareMax ? conclude('passed') : conclude('undecided', 'in-between');
}

/** The largest mean margin of so many tokens that passes: μ₀ + 4σ, σ being that of the mean. */
export const marginLimit = ({ mean, sd }: Calibration, tokens: number): number =>
  mean + (4 * sd) / Math.sqrt(Math.max(1, tokens));

/** Margins beyond every one of the calibration; three of 512 come once in ten thousand answers if it saw 20,000 tokens. */
const unseenMin = 3;
/**
 * One token is enough where its margin is so many times as large as any: what two devices add up differently is bounded by their rounding, so that honest
 * margins do not reach far beyond the largest of 20,000. Where that is {@link marginMax} / 25 or more, none does.
 */
const farTimes = 25;
/** Of one build on two processors a margin differed by 0.014: a calibration on one of them does not know that. */
export const roundingMax = 0.02;
/** Of the tokens of an honest device on other kernels, mismatches at most. */
const strangeShare = 0.02;
/** Of an answer that passes. */
const passedShareMax = 0.05;

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

export interface Surprise {
  /** Σ(−log p − H) / √ΣVar: 0 on average for an honest sample; near normal only where no position is nearly certain. */
  readonly deviations: number;
  /** Natural logarithm of the odds against an honest sampler: at most e^−x of honest answers come to x or more. */
  readonly evidence: number;
}

function measureSurprise(tokens: readonly Scored[]): Surprise | undefined {
  let [excess, variance, evidence] = [0, 0, 0];
  for (const { sampled } of tokens) {
    if (!sampled) return undefined;
    excess += sampled.surprise - sampled.entropy;
    variance += sampled.variance;
    evidence += (sampled.surprise - sampled.renyiHalf) / 2;
  }
  return { deviations: variance > 0 ? excess / Math.sqrt(variance) : 0, evidence };
}

/**
 * Where most positions are nearly certain, the number of deviations is far from normal: one unlikely token in an honest
 * answer can make it four. What convicts is therefore the product of p^−½ / Σ√p, whose mean is 1 under honest sampling whatever
 * the distributions are, so that it comes to 1/α with probability α at most (Markov). The deviations are reported beside it.
 */
function judgeSampled({ evidence }: Surprise, tokens: number, conclude: Conclude): Judgement {
  if (evidence >= Math.log(1 / falseAlarm)) return conclude('failed', 'surprise');
  if (tokens < tokensMin) return conclude('undecided', 'too-short');
  return evidence <= evidencePassedMax ? conclude('passed') : conclude('undecided', 'in-between');
}

/** One honest answer in twenty is above it at most. */
const evidencePassedMax = Math.log(20);

/** The probability that any of so many positions ends by chance where the end is less likely than α / n is α at most. */
function isCutOff({ logprob, best, sampled }: Scored, tokens: number, manner: Manner): boolean {
  if (manner.type === 'greedy') return best - logprob > endMargin;
  return (sampled?.surprise ?? 0) > Math.log((tokens + 1) / falseAlarm);
}

function isPastEnd({ logprob, best, end }: Scored, tokens: number, manner: Manner): boolean {
  if (end === undefined) return false;
  if (manner.type === 'greedy') return end >= best - 1e-6 && best - logprob > endMargin;
  // Above 1 the temperature makes the end less certain than these numbers say.
  const isKnown = manner.type === 'sampled' && manner.temperature <= 1;
  return isKnown && -Math.expm1(end) < falseAlarm / Math.max(1, tokens);
}
