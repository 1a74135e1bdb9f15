import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { judgeAnswer, mannerOf, marginLimit, type Scored } from './rescore.ts';

const likeliest: Scored = { logprob: -0.5, best: -0.5 };
const tie: Scored = { logprob: -0.8, best: -0.7 };
const strange: Scored = { logprob: -12, best: -0.1 };
const answer = (...parts: readonly (readonly [number, Scored])[]) =>
  parts.flatMap(([count, one]) => Array.from({ length: count }, () => one));
const greedy = { type: 'greedy' } as const;
const judge = (scores: readonly Scored[], more: Partial<Parameters<typeof judgeAnswer>[0]> = {}) =>
  judgeAnswer({ scores, manner: greedy, ...more });
const verdict = (...given: Parameters<typeof judge>) => judge(...given).verdict;

describe('greedy, uncalibrated', () => {
  test('the model’s own answer passes, near ties and one odd token in fifty included', () => {
    expect(verdict(answer([64, likeliest]))).toBe('passed');
    expect(verdict(answer([50, likeliest], [13, tie], [1, strange]))).toBe('passed');
  });

  test.each([
    [3, 3],
    [8, 64],
    [11, 128],
    [16, 256],
    [25, 512],
  ])('%i strange tokens of %i fail, and one less does not', (count, tokens) => {
    expect(judge(answer([tokens - count, likeliest], [count, strange]))).toMatchObject({
      verdict: 'failed',
      reasons: ['mismatches'],
      mismatches: count,
      tokens,
    });
    expect(verdict(answer([tokens - count + 1, likeliest], [count - 1, strange]))).not.toBe('failed');
  });

  test('too little to tell is neither', () => {
    expect(judge([])).toMatchObject({ verdict: 'undecided', reasons: ['too-short'] });
    expect(verdict(answer([7, likeliest]))).toBe('undecided');
    expect(verdict(answer([1, strange]))).toBe('undecided');
    expect(judge(answer([60, likeliest], [4, strange]))).toMatchObject({
      verdict: 'undecided',
      reasons: ['in-between'],
    });
  });
});

describe('greedy, calibrated', () => {
  const calibration = { tokens: 20_000, mean: 1e-4, sd: 4e-3, max: 0.05 };
  const doubtful: Scored = { logprob: -1, best: -0.8 };

  test('finds what no mismatch shows', () => {
    const scores = answer([60, likeliest], [4, doubtful]);
    expect(verdict(scores)).toBe('passed');
    const judged = judge(scores, { calibration });
    expect(judged).toMatchObject({ verdict: 'failed', reasons: ['margin'] });
    expect(judged.margin).toBeGreaterThan(marginLimit(calibration, 64));
  });

  test('one or two ties convict nobody, however small the mean of the calibration is', () => {
    expect(judge(answer([8, likeliest]), { calibration }).verdict).toBe('passed');
    for (const few of [1, 2]) {
      const judged = judge(answer([64 - few, likeliest], [few, { logprob: -1.1, best: -0.1 }]), { calibration });
      expect(judged).toMatchObject({ verdict: 'undecided', reasons: ['in-between'] });
    }
  });

  test('one token is enough where no rounding explains it: twenty-five times the largest, or half a nat where honest margins are nothing', () => {
    const one = (margin: number): Scored => ({ logprob: -1 - margin, best: -1 });
    const with1 = (margin: number, max: number) =>
      judge(answer([63, likeliest], [1, one(margin)]), { calibration: { ...calibration, mean: 0, sd: 1e-4, max } })
        .verdict;
    expect([with1(1.3, 0.05), with1(1.2, 0.05)]).toEqual(['failed', 'undecided']);
    expect([with1(0.51, 0), with1(0.49, 0)]).toEqual(['failed', 'undecided']);
    // Where honest margins go far, one token says nothing, however wrong it is.
    expect(with1(12, 0.16)).toBe('undecided');
  });
});

describe('where it ends', () => {
  const sure: Scored = { logprob: -0.01, best: -0.01 };
  const unlikely: Scored = { logprob: -15, best: -0.01 };

  test('an end that the model finds unlikely is a truncation, one that it finds likely is none', () => {
    expect(judge([...answer([20, likeliest]), unlikely], { ended: true })).toMatchObject({
      verdict: 'failed',
      reasons: ['truncated'],
      tokens: 20,
    });
    expect(verdict([...answer([20, likeliest]), sure], { ended: true })).toBe('passed');
    expect(verdict([...answer([20, likeliest]), tie], { ended: true })).toBe('passed');
  });

  test('fewer tokens than the limit that is said to have ended it are too few', () => {
    expect(judge(answer([20, likeliest]), { roomTokens: 21 })).toMatchObject({
      verdict: 'failed',
      reasons: ['cut-short'],
    });
    expect(verdict(answer([20, likeliest]), { roomTokens: 20 })).toBe('passed');
  });

  test('an answer that goes on after a certain end is past it', () => {
    const past: Scored = { logprob: -14, best: -1e-7, end: -1e-7 };
    expect(judge([...answer([20, likeliest]), past])).toMatchObject({ verdict: 'failed', reasons: ['past-end'] });
    expect(verdict([...answer([20, likeliest]), { ...past, end: -14 }])).toBe('passed');
    const sampled = { surprise: 14, entropy: 0.1, variance: 0.5, renyiHalf: 0.2 };
    const manner = { type: 'sampled', temperature: 1 } as const;
    expect(judge([{ ...past, sampled }], { manner }).reasons).toEqual(['past-end']);
    expect(judge([{ ...past, sampled }], { manner: { ...manner, temperature: 2 } }).reasons).not.toEqual(['past-end']);
  });
});

describe('sampled', () => {
  const random = seededRandom(11);
  /** One likely token and many others: as sure of itself as a small model is. */
  const draw = (likely: number, others: number, takesOther: boolean): Scored => {
    const other = (1 - likely) / others;
    const [a, b] = [-Math.log(likely), -Math.log(other)];
    const entropy = likely * a + (1 - likely) * b;
    const surprise = takesOther ? b : a;
    return {
      logprob: -surprise,
      best: -a,
      sampled: {
        surprise,
        entropy,
        variance: likely * a * a + (1 - likely) * b * b - entropy * entropy,
        renyiHalf: 2 * Math.log(Math.sqrt(likely) + others * Math.sqrt(other)),
      },
    };
  };
  const manner = { type: 'sampled', temperature: 1 } as const;
  const drawn = (tokens: number, likely: number, strangeShare: number) =>
    Array.from({ length: tokens }, () => draw(likely, 1_000, random.float() < strangeShare));

  test.each([0.5, 0.99, 0.9999])('honest draws never fail in two thousand answers (certainty %f)', (likely) => {
    let passed = 0;
    for (let i = 0; i < 2_000; i++) {
      const { verdict: found } = judge(drawn(64, likely, 1 - likely), { manner });
      expect(found).not.toBe('failed');
      if (found === 'passed') passed += 1;
    }
    expect(passed).toBeGreaterThanOrEqual(1_900);
  });

  test('the deviations of an honest answer may be large where the evidence is none', () => {
    const once = [...answer([63, draw(0.9999, 1_000, false)]), draw(0.9999, 1_000, true)];
    const { surprise, verdict: found } = judge(once, { manner });
    expect(surprise!.deviations).toBeGreaterThan(4);
    expect(found).not.toBe('failed');
  });

  test('what sampling does not explain fails', () => {
    expect(judge(drawn(64, 0.99, 0.3), { manner })).toMatchObject({ verdict: 'failed', reasons: ['surprise'] });
  });

  test('without the distribution nothing is said', () => {
    expect(judge(answer([64, strange]), { manner })).toMatchObject({
      verdict: 'undecided',
      reasons: ['no-distribution'],
    });
  });
});

describe('what is judged how', () => {
  test.each([
    [{ temperature: 0 }, { type: 'greedy' }],
    [
      { temperature: 0.4, topP: 0.9, topK: 40, minP: 0.05, seed: 3 },
      { type: 'sampled', temperature: 0.4 },
    ],
    [{}, { type: 'sampled', temperature: 1 }],
    [
      { temperature: 0, frequencyPenalty: 0.5 },
      { type: 'unjudged', reason: 'penalised' },
    ],
    [{ repetitionPenalty: 1.1 }, { type: 'unjudged', reason: 'penalised' }],
    [{ logitBias: [[5, 1]] as [number, number][] }, { type: 'unjudged', reason: 'biased' }],
    [{ responseFormat: { type: 'json-object' } as const }, { type: 'unjudged', reason: 'constrained' }],
    [{ toolChoice: { type: 'required' } as const }, { type: 'unjudged', reason: 'constrained' }],
    [
      { responseFormat: { type: 'text' } as const, toolChoice: { type: 'auto' } as const, temperature: 0 },
      { type: 'greedy' },
    ],
  ])('%o', (params, manner) => {
    expect(mannerOf(params)).toEqual(manner);
  });

  test('what cannot be judged is undecided, whatever its tokens are', () => {
    const manner = mannerOf({ presencePenalty: 1 });
    expect(judge(answer([64, strange]), { manner })).toMatchObject({ verdict: 'undecided', reasons: ['penalised'] });
  });
});
