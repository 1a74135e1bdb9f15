import { expect, test } from 'vitest';
import type { TokenScore } from '#lib/engine/spec.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import type { Scorer } from '../spec.ts';
import { judgeShown } from './judge.ts';
import { scoreShown } from './validator.ts';

const likely: TokenScore = { logprob: -0.1, best: -0.1, end: -12 };
const scoresOf = (tokens: number, end?: TokenScore) => [
  ...Array.from({ length: tokens }, () => likely),
  ...(end ? [end] : []),
];
const ids = Array.from({ length: 12 }, (_, at) => at);
const parts = [{ type: 'text-delta', text: 'Words', tokens: ids.length, ids }] as const;
const jobOf = (over: object = {}) =>
  ({
    artefact: 'a'.repeat(64),
    kind: 'chat',
    tier: 'open',
    input: { messages: [{ role: 'user', content: 'Hi' }] },
    params: { maxTokens: 64, temperature: 0, ...over },
  }) as unknown as Job;
const receiptOf = (reason: string, over: object = {}) =>
  ({ reason, tokensOut: ids.length, params: { maxTokens: 64, temperature: 0, ...over } }) as unknown as Receipt;

test('an answer is judged by the ending that its worker signed', () => {
  const verdictOf = (scores: readonly TokenScore[], reason: string) =>
    judgeShown(scores, jobOf(), receiptOf(reason)).verdict;
  expect(verdictOf(scoresOf(12, { ...likely, logprob: -0.1 }), 'stop')).toBe('passed');
  expect(verdictOf(scoresOf(12, { ...likely, logprob: -12 }), 'stop')).toBe('failed');
  expect(verdictOf(scoresOf(12), 'cancelled')).toBe('passed');
  // It says that its limit was reached, and 52 tokens before that it was not.
  expect(verdictOf(scoresOf(12), 'length')).toBe('failed');
  const long = { params: { maxTokens: 4_096, temperature: 0 } } as unknown as Job;
  expect(judgeShown(scoresOf(12), { ...jobOf(), ...long }, receiptOf('length')).verdict).toBe('passed');
});

test('the end is scored where the model is said to have ended, and not where a stop sequence did', async () => {
  const endings: (string | undefined)[] = [];
  const scorer: Scorer = {
    has: () => true,
    async score(_artefact, _request, { ending }) {
      endings.push(ending);
      return scoresOf(ids.length, ending === 'stop' ? likely : undefined);
    },
  };
  const lengths = [];
  for (const receipt of [
    receiptOf('stop'),
    receiptOf('length'),
    receiptOf('cancelled'),
    receiptOf('stop', { stop: ['\n'] }),
  ])
    lengths.push((await scoreShown(scorer, { job: jobOf(), parts }, receipt))?.length);
  expect(endings).toEqual(['stop', 'length', undefined, undefined]);
  expect(lengths).toEqual([13, 12, 12, 12]);
});

test('nothing is made of an answer that another worker began, without its tokens, or scored in part', async () => {
  const scorer: Scorer = { has: () => true, score: async () => scoresOf(11) };
  const shown = { job: jobOf(), parts };
  expect(await scoreShown(scorer, shown, receiptOf('stop'))).toBeUndefined();
  const whole: Scorer = { has: () => true, score: async () => scoresOf(12) };
  const resumed = { ...shown, job: { ...jobOf(), resume: { tokens: 3 } } as unknown as Job };
  expect(await scoreShown(whole, resumed, receiptOf('stop'))).toBeUndefined();
  const bare = { ...shown, parts: [{ type: 'text-delta', text: 'Words', tokens: 12 }] as const };
  expect(await scoreShown(whole, bare, receiptOf('stop'))).toBeUndefined();
});
