import { expect, test } from 'vitest';
import { entryFixture, modelFixture } from './offer.fixture.ts';
import { noHistory, withFailed, withFinished } from './history.ts';
import { claimLimits, compareScores, queueMs, score, unmeasured } from './score.ts';
import type { PeerHistory } from './spec.ts';

const candidate = (over = {}) => {
  const model = modelFixture(over);
  return { entry: entryFixture('A', { models: [model] }), model };
};
const expected = (over = {}, history?: PeerHistory) =>
  score(candidate(over), { place: 'network', history, tokensOut: 100 }).expectedMs;

test('time to finish is the way, the wait, the first token and the rest', () => {
  expect(expected()).toBe(150 + 100 + 2_000);
  expect(expected({ running: 1 })).toBe(150 + 2_100 + 2_100);
  expect(expected({ running: 1, queued: 2 })).toBe(150 + 3 * 2_100 + 2_100);
  expect(expected({ slots: 4, running: 3 })).toBe(150 + 2_100);
  expect(expected({ slots: 4, running: 4 })).toBe(150 + 2 * 2_100);
  expect(expected({ measured: undefined })).toBe(150 + 1_500 + 20_000);
  expect(queueMs(candidate({ running: 1 }), undefined, 100)).toBe(2_100);
  expect(queueMs(candidate())).toBe(0);
});

test('what the asker saw itself weighs more than what the worker says', () => {
  const history = { finished: 4, failed: 0, decodeTps: 10, ttftMs: 500, rttMs: 20 };
  expect(expected({ measured: { prefillTps: 1, decodeTps: 900, ttftMs: 1 } }, history)).toBe(20 + 500 + 10_000);
});

test('a boast is believed up to a limit, and a rate of nothing is not divided by', () => {
  expect(expected({ measured: { prefillTps: 1, decodeTps: 1e9, ttftMs: 0 } })).toBe(150 + 100);
  expect(Number.isFinite(expected({ measured: { prefillTps: 0, decodeTps: 0, ttftMs: 0 } }))).toBe(true);
});

test('failures make the time longer, finished jobs make it shorter again', () => {
  const fine = expected({}, { finished: 1, failed: 0 });
  const shaky = expected({}, { finished: 1, failed: 1 });
  const better = expected({}, { finished: 9, failed: 1 });
  expect(shaky).toBeGreaterThan(better);
  expect(better).toBeGreaterThan(fine);
});

test('equal times: the cheaper comes first', () => {
  const dear = score(candidate({ price: { in: '1', out: '2' } }), { place: 'network' });
  const free = score(candidate(), { place: 'network' });
  expect(dear.priceUnits).toBe(3n);
  expect(compareScores(dear, free)).toBeGreaterThan(0);
  expect(compareScores(free, dear)).toBeLessThan(0);
  expect(compareScores(free, free)).toBe(0);
});

test('a history is a running mean that ignores what is no number', () => {
  const first = withFinished(noHistory, { tokens: 100, spanMs: 10_000, ttftMs: 100 });
  expect(first).toEqual({ decodeTps: 10, ttftMs: 100, rttMs: undefined, finished: 1, failed: 0 });
  const second = withFinished(first, { tokens: 100, spanMs: 5_000, ttftMs: Number.NaN, rttMs: 5 });
  expect(second).toEqual({ decodeTps: 13, ttftMs: 100, rttMs: 5, finished: 2, failed: 0 });
  expect(withFailed(second)).toEqual({ ...second, failed: 1 });
});

test('A4: a rate takes 32 tokens and half a second, from asking to the last token', () => {
  const rate = (tokens: number, spanMs: number) => withFinished(noHistory, { tokens, spanMs }).decodeTps;
  expect([rate(6, 1), rate(31, 10_000), rate(10_000, 499)]).toEqual([undefined, undefined, undefined]);
  expect([rate(32, 500), rate(32, 3_200)]).toEqual([64, 10]);
});

test('A4: what strangers say is believed up to the best that was measured, and no further', () => {
  const boast = candidate({ measured: { prefillTps: 1, decodeTps: 1e9, ttftMs: 0 } });
  const slow = candidate({ measured: { prefillTps: 1, decodeTps: 2, ttftMs: 900 } });
  const claims = claimLimits([
    undefined,
    { finished: 1, failed: 0, decodeTps: 20, ttftMs: 300 },
    { finished: 0, failed: 1 },
  ]);
  const expectedMs = (of: typeof boast) => score(of, { place: 'network', tokensOut: 100, claims }).expectedMs;
  expect([expectedMs(boast), expectedMs(slow)]).toEqual([150 + 300 + 5_000, 150 + 900 + 50_000]);
  expect(claimLimits([])).toEqual(unmeasured);
});
