import { expect, test } from 'vitest';
import { entryFixture, modelFixture } from './offer.fixture.ts';
import { claimLimits, compareScores, jobsAt, medianClaims, queueMs, score, unmeasured } from './score.ts';
import { noStanding, type Standing } from './standing.ts';

const candidate = (over = {}) => {
  const model = modelFixture(over);
  return { entry: entryFixture('A', { models: [model] }), model };
};
const expected = (over = {}, standing?: Standing) =>
  score(candidate(over), { place: 'network', now: 0, standing, tokensOut: 100 }).expectedMs;
/** A stranger is expected to keep one promise of two. */
const asStranger = 2;

test('time to finish is the way, the wait, the first token and the rest', () => {
  expect(expected()).toBe((150 + 100 + 2_000) * asStranger);
  expect(expected({ running: 1 })).toBe((150 + 2_100 + 2_100) * asStranger);
  expect(expected({ running: 1, queued: 2 })).toBe((150 + 3 * 2_100 + 2_100) * asStranger);
  expect(expected({ slots: 4, running: 3 })).toBe((150 + 2_100) * asStranger);
  expect(expected({ slots: 4, running: 4 })).toBe((150 + 2 * 2_100) * asStranger);
  expect(expected({ measured: undefined })).toBe((150 + 1_500 + 20_000) * asStranger);
  expect(queueMs(candidate({ running: 1 }), undefined, 100)).toBe(2_100);
  expect(queueMs(candidate())).toBe(0);
});

test('jobs of its own are counted beside those of the offer, until the offer can speak of them', () => {
  const one = candidate({ slots: 4, running: 2 });
  const chosenAt = [one.entry.receivedAt - 60_000, one.entry.receivedAt + 1_000];
  const own = (times: readonly number[]) => jobsAt(one, (since = 0) => times.filter((at) => at >= since).length);
  expect(own([])).toBe(2);
  expect(own(chosenAt)).toBe(3);
  expect(own([...chosenAt, ...chosenAt, ...chosenAt])).toBe(6);
});

test('what the asker saw itself weighs more than what the worker says', () => {
  const standing = { ...noStanding, finished: 8, decodeTps: 10, ttftMs: 500, rttMs: 20 };
  expect(expected({ measured: { prefillTps: 1, decodeTps: 900, ttftMs: 1 } }, standing)).toBeCloseTo(
    (20 + 500 + 10_000) / 0.9,
  );
});

test('a boast is believed up to a limit, and a rate of nothing is not divided by', () => {
  expect(expected({ measured: { prefillTps: 1, decodeTps: 1e9, ttftMs: 0 } })).toBe((150 + 100) * asStranger);
  expect(Number.isFinite(expected({ measured: { prefillTps: 0, decodeTps: 0, ttftMs: 0 } }))).toBe(true);
});

test('broken promises make the time longer, kept ones make it shorter again', () => {
  const of = (finished: number, lost: number) => expected({}, { ...noStanding, finished, broken: { lost } });
  const order = [of(20, 0), of(1, 0), expected(), of(1, 1), of(0, 1), of(0, 5)];
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(of(9, 1)).toBeLessThan(of(1, 1));
});

test('equal times: the cheaper comes first', () => {
  const dear = score(candidate({ price: { in: '1', out: '2' } }), { place: 'network', now: 0 });
  const free = score(candidate(), { place: 'network', now: 0 });
  expect(dear.priceUnits).toBe(3n);
  expect(compareScores(dear, free)).toBeGreaterThan(0);
  expect(compareScores(free, dear)).toBeLessThan(0);
  expect(compareScores(free, free)).toBe(0);
});

test('A4: what strangers say is believed up to the best that was measured, and no further', () => {
  const boast = candidate({ measured: { prefillTps: 1, decodeTps: 1e9, ttftMs: 0 }, slots: 1_024, running: 4 });
  const slow = candidate({ measured: { prefillTps: 1, decodeTps: 2, ttftMs: 900 }, price: { in: '9', out: '9' } });
  const known = candidate({ price: { in: '3', out: '4' }, slots: 2 });
  const claims = claimLimits([
    { candidate: known, standing: { ...noStanding, finished: 1, decodeTps: 20, ttftMs: 300 } },
    { candidate: boast, standing: { ...noStanding, broken: { lost: 1 } } },
  ]);
  expect(claims).toEqual({ decodeTpsMax: 20, ttftMsMin: 300, slotsMax: 2, priceMin: 7n });
  const scoreOf = (of: typeof boast) =>
    score(of, { place: 'network', now: 0, tokensOut: 100, claims: { ...unmeasured, ...claims } });
  // Four jobs on two slots are two rounds before it.
  expect(scoreOf(boast)).toEqual({ expectedMs: (150 + 3 * 5_300) * asStranger, priceUnits: 7n });
  expect(scoreOf(slow)).toEqual({ expectedMs: (150 + 900 + 50_000) * asStranger, priceUnits: 18n });
  expect(claimLimits([])).toEqual({});
});

test('jobs of the asker itself weigh before an offer speaks of them', () => {
  const at = (jobs: number) => score(candidate(), { place: 'network', now: 0, tokensOut: 100, jobs }).expectedMs;
  expect(at(1)).toBe((150 + 2 * 2_100) * asStranger);
  expect(at(0)).toBe((150 + 2_100) * asStranger);
});

test('A4: where nothing has been measured the middle of what is said counts, one voice for each zone', () => {
  const saying = (decodeTps: number, ttftMs: number, zone: string) => ({
    candidate: candidate({ measured: { prefillTps: 1, decodeTps, ttftMs } }),
    zone,
  });
  const liars = Array.from({ length: 40 }, (_, i) => saying(1e9, 0, `liars ${i % 2}`));
  const claims = medianClaims([...liars, saying(50, 100, 'a'), saying(20, 300, 'b'), saying(30, 200, 'c')]);
  expect(claims).toEqual({ ...unmeasured, decodeTpsMax: 50, ttftMsMin: 100 });
  expect(medianClaims([])).toEqual(unmeasured);
  expect(medianClaims(liars)).toEqual(unmeasured);
});
