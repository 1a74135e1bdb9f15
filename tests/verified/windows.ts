import { seededRandom } from '#lib/base/random.ts';
import type { Calibration } from '#lib/trust/calibration.ts';
import { judgeAnswer, type Judgement, type Manner } from '#lib/trust/rescore.ts';
import { shuffled } from './questions.ts';
import type { AuditedAnswer } from './workers.ts';

export interface Rule {
  readonly manner: Manner;
  readonly calibration?: Calibration | undefined;
}

const tokensOf = ({ scores, ids }: AuditedAnswer) => scores.slice(0, ids.length);

/** Several answers of one worker as one audit: the end of each, and the tokens of all. */
export function judgeTogether(answers: readonly AuditedAnswer[], rule: Rule): Judgement {
  const single = answers
    .map(({ scores, ids }) => judgeAnswer({ scores, ended: scores.length > ids.length, ...rule }))
    .find(({ reasons }) => reasons.some((reason) => reason === 'truncated' || reason === 'past-end'));
  return single ?? judgeAnswer({ scores: answers.flatMap(tokensOf), ...rule });
}

/** Disjoint groups of answers, each of at least so many tokens: audits that share nothing. */
export function windows(
  answers: readonly AuditedAnswer[],
  tokens: number,
  seed: number,
): readonly (readonly AuditedAnswer[])[] {
  const found: AuditedAnswer[][] = [];
  let open: AuditedAnswer[] = [];
  let count = 0;
  for (const answer of shuffled(answers, seed)) {
    open.push(answer);
    count += answer.ids.length;
    if (count < tokens) continue;
    found.push(open);
    [open, count] = [[], 0];
  }
  return found;
}

export interface Share {
  readonly count: number;
  readonly of: number;
  /** Wilson's interval, 95 %. */
  readonly low: number;
  readonly high: number;
}

export function wilson(count: number, of: number): Share {
  if (of === 0) return { count, of, low: 0, high: 1 };
  const [p, z] = [count / of, 1.96];
  const middle = p + (z * z) / (2 * of);
  const spread = z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of));
  const whole = 1 + (z * z) / of;
  return { count, of, low: Math.max(0, (middle - spread) / whole), high: Math.min(1, (middle + spread) / whole) };
}

/** Of disjoint audits of so many tokens, those that fail. */
export function failedShare(answers: readonly AuditedAnswer[], tokens: number, rule: Rule): Share {
  const tried = windows(answers, tokens, tokens);
  return wilson(tried.filter((one) => judgeTogether(one, rule).verdict === 'failed').length, tried.length);
}

export const detectionTokensMax = 2_048;
const orders = 100;

export interface Detection {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Tokens audited until the worker fails, over random orders of the same answers: their median and the middle 95 %. More than
 * the most that is tried counts as infinite.
 */
export function detection(answers: readonly AuditedAnswer[], rule: Rule): Detection {
  const found = Array.from({ length: orders }, (_, seed) => {
    const ordered = shuffled(answers, seed);
    let tokens = 0;
    for (let count = 1; count <= ordered.length && tokens < detectionTokensMax; count++) {
      tokens += ordered[count - 1]!.ids.length;
      if (judgeTogether(ordered.slice(0, count), rule).verdict === 'failed') return tokens;
    }
    return Infinity;
  }).sort((a, b) => a - b);
  const at = (share: number) => found[Math.min(orders - 1, Math.floor(share * orders))]!;
  return { median: at(0.5), low: at(0.025), high: at(0.975) };
}

/** Of the clipped margins of honest greedy answers. */
export function calibrate(answers: readonly AuditedAnswer[]): Calibration {
  const {
    margins,
    margin: mean,
    tokens,
  } = judgeAnswer({
    scores: answers.flatMap(tokensOf),
    manner: { type: 'greedy' },
  });
  const variance = margins.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, tokens - 1);
  return { tokens, mean, sd: Math.sqrt(variance), max: Math.max(0, ...margins) };
}

/**
 * Audits drawn anew from the same margins, with repetition: no further evidence, only how the rule behaves on what was seen.
 */
export function resampledFailures(
  answers: readonly AuditedAnswer[],
  tokens: number,
  draws: number,
  rule: Rule,
): number {
  const random = seededRandom(tokens);
  let failed = 0;
  for (let i = 0; i < draws; i++) {
    const drawn: AuditedAnswer[] = [];
    for (let count = 0; count < tokens;) {
      const one = answers[Math.floor(random.float() * answers.length)]!;
      drawn.push(one);
      count += Math.max(1, one.ids.length);
    }
    if (judgeTogether(drawn, rule).verdict === 'failed') failed += 1;
  }
  return failed;
}
