import { expect, test } from 'vitest';
import type { TokenScore } from '#lib/engine/spec.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { Job } from '#lib/protocol/job.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import type { Scorer } from '../spec.ts';
import { judgeBy, judgeByRows, judgeShown } from './judge.ts';
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

test('log-probabilities and warnings of the worker change nothing: an answer with them is scored as one without', async () => {
  const scored = scoresOf(12);
  const scorer: Scorer = { has: () => true, score: async () => scored };
  const items = [{ token: 'Words', logprob: -1e-6, top: [] }];
  const beside: Part[] = [
    { ...parts[0], ids },
    { type: 'logprobs', items },
    { type: 'warning', code: 'unsupported', message: 'No seed.' },
  ];
  expect(await scoreShown(scorer, { job: jobOf(), parts: beside }, receiptOf('stop'))).toBe(scored);
  const called: Part = { type: 'tool-call-delta', index: 0, arguments: '{}', tokens: 2, ids: [1, 2] };
  expect(await scoreShown(scorer, { job: jobOf(), parts: [...parts, called] }, receiptOf('stop'))).toBeUndefined();
});

const kernels = {
  node: { name: 'llama', build: '1', deviceClass: 'native-cpu' },
  gpu: { name: 'llama', build: '1', deviceClass: 'native-gpu' },
  tab: { name: 'wllama', build: '1', deviceClass: 'wasm-cpu' },
};
const row = (validator: keyof typeof kernels, max: number) => {
  const words = ({ name, build, deviceClass }: typeof kernels.node) => ({ engine: name, build, deviceClass });
  const measured = { tokens: 20_000, mean: 1e-6, sd: 1e-4, max };
  return { artefact: 'a'.repeat(64), worker: words(kernels.tab), validator: words(kernels[validator]), ...measured };
};
/** Twelve tokens, some of them by so much less likely than the best. */
const withMargins = (count: number, margin: number): readonly TokenScore[] =>
  scoresOf(12).map((score, at) => (at < count ? { ...score, logprob: score.best - margin } : score));
const ofTab = { ...receiptOf('stop'), artefact: 'a'.repeat(64), engine: kernels.tab } as Receipt;

test('by published rows a panel finds what none of it would without, and each by the row of what it runs on', () => {
  const verdict = (
    validator: keyof typeof kernels | undefined,
    rows: readonly ReturnType<typeof row>[],
    margin = 0.1,
  ) => judgeByRows(rows, () => validator && kernels[validator])(withMargins(3, margin), jobOf(), ofTab).verdict;
  expect(judgeShown(withMargins(3, 0.1), jobOf(), ofTab).verdict).toBe('passed');
  const rows = [row('node', 0.05), row('gpu', 0.2)];
  expect(verdict('node', rows)).toBe('failed');
  // Its own kernels go as far as that, and honest ones might.
  expect(verdict('gpu', rows)).toBe('undecided');
  // Of what it runs on nothing was measured: what no row fails passes, and what one fails it cannot tell.
  expect(verdict('tab', rows, 0.01)).toBe('passed');
  expect(verdict('tab', rows)).toBe('undecided');
  expect(verdict(undefined, rows)).toBe('undecided');
  expect(verdict('node', [])).toBe('passed');
  const other = { ...ofTab, engine: { ...kernels.tab, build: '2' } } as Receipt;
  expect(judgeByRows(rows, () => kernels.node)(withMargins(3, 0.1), jobOf(), other).verdict).toBe('passed');
});

test('what is neither way without rows is judged by them, and counts as doubt where they were learned', () => {
  const scores = withMargins(1, 1.5);
  expect(judgeShown(scores, jobOf(), ofTab)).toMatchObject({ verdict: 'undecided', reasons: ['in-between'] });
  const rows = (max: number) => judgeByRows([row('node', max)], () => kernels.node);
  expect(rows(0.05)(scores, jobOf(), ofTab).verdict).toBe('failed');
  expect(rows(0.1)(scores, jobOf(), ofTab).verdict).toBe('undecided');
  const narrow = { tokens: 20_000, mean: 0, sd: 0, max: 0 };
  expect(judgeBy(() => narrow)(scores, jobOf(), ofTab)).toMatchObject({ verdict: 'undecided', isBeyond: true });
  // A few tokens are no doubt, and neither is an answer that is not judged.
  const short = { ...ofTab, tokensOut: 4 } as Receipt;
  expect(judgeBy(() => narrow)(scoresOf(4), jobOf(), short).isBeyond).toBeUndefined();
  const biased = { presencePenalty: 1 };
  expect(judgeBy(() => narrow)(scores, jobOf(biased), ofTab).isBeyond).toBeUndefined();
});

test('what fails without rows fails with them, and what an auditor learned itself accuses nobody', () => {
  const wide = judgeByRows([row('node', 9)], () => kernels.node);
  expect(wide(withMargins(6, 2), jobOf(), ofTab).verdict).toBe('failed');
  const narrow = { tokens: 20_000, mean: 0, sd: 0, max: 0 };
  const own = judgeBy(
    () => narrow,
    judgeByRows([row('node', 0.2)], () => kernels.node),
  );
  expect(own(withMargins(3, 0.15), jobOf(), ofTab)).toMatchObject({ verdict: 'undecided' });
  const published = judgeBy(
    () => narrow,
    judgeByRows([row('node', 0.05)], () => kernels.node),
  );
  expect(published(withMargins(3, 0.1), jobOf(), ofTab)).toMatchObject({ verdict: 'failed' });
  expect(judgeBy(() => narrow)(withMargins(3, 0.1), jobOf(), ofTab)).toMatchObject({
    verdict: 'undecided',
    isBeyond: true,
  });
});
