import { describe, expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import {
  agedTo,
  brokenOf,
  brokenPromises,
  canaryRestsUntil,
  hasStanding,
  keptShare,
  levelOf,
  noStanding,
  standingLimits,
  withBroken,
  withCanary,
  withFinished,
  withFork,
  withVouch,
  type Standing,
} from './standing.ts';

const { halfLifeMs, establishedAt, canariesToPass, canaryRestMs } = standingLimits;
const hour = 3_600_000;
const after = (finished: number, lost = 0, from: Standing = noStanding): Standing => {
  let standing = from;
  for (let i = 0; i < finished; i++) standing = withFinished(standing, {}, 0);
  for (let i = 0; i < lost; i++) standing = withBroken(standing, 'lost', 0);
  return standing;
};
const auditioned = (times: number = canariesToPass): Standing => {
  let standing = noStanding;
  for (let i = 0; i < times; i++) standing = withCanary(standing, 'passed', 0);
  return standing;
};

test('a rate is a running mean that ignores what is no number', () => {
  const first = withFinished(noStanding, { tokens: 100, spanMs: 10_000, ttftMs: 100 }, 0);
  expect(first).toMatchObject({ decodeTps: 10, ttftMs: 100, rttMs: undefined, finished: 1, broken: {} });
  const second = withFinished(first, { tokens: 100, spanMs: 5_000, ttftMs: Number.NaN, rttMs: 5 }, 0);
  expect(second).toMatchObject({ decodeTps: 13, ttftMs: 100, rttMs: 5, finished: 2 });
});

test('A4: a rate takes 32 tokens and half a second, and is no more than the model’s size allows', () => {
  const rate = (tokens: number, spanMs: number, max?: number) =>
    withFinished(noStanding, { tokens, spanMs }, 0, max).decodeTps;
  expect([rate(6, 1), rate(31, 10_000), rate(10_000, 499)]).toEqual([undefined, undefined, undefined]);
  expect([rate(32, 500), rate(32, 3_200), rate(4_000, 1_000, 300)]).toEqual([64, 10, 300]);
});

describe('levels', () => {
  test('a stranger is one until it is admitted or has kept twenty promises', () => {
    expect([undefined, noStanding, after(1), after(establishedAt - 1)].map((one) => levelOf(one, 0))).toEqual(
      Array.from({ length: 4 }, () => 'stranger'),
    );
    expect(levelOf(after(establishedAt), 0)).toBe('established');
  });

  test('three canaries of three admit it, two do not', () => {
    expect([levelOf(auditioned(2), 0), levelOf(auditioned(), 0)]).toEqual(['stranger', 'on-trial']);
    expect(levelOf(after(establishedAt, 0, auditioned()), 0)).toBe('established');
    expect(levelOf(after(1, 2, auditioned()), 0)).toBe('distrusted');
  });

  test('one failed canary takes all away, and three of three give it back', () => {
    const failed = withCanary(after(100), 'failed', 0);
    expect([failed.canariesPassed, levelOf(failed, 0)]).toEqual([0, 'distrusted']);
    let again = failed;
    for (let i = 0; i < canariesToPass; i++) again = withCanary(again, 'passed', 0);
    expect(levelOf(again, 0)).toBe('established');
    let liar = withCanary(noStanding, 'failed', 0);
    for (let i = 0; i < canariesToPass; i++) liar = withCanary(liar, 'passed', 0);
    // The answers to the canaries were receipts too.
    expect([levelOf(liar, 0), levelOf(after(3, 0, liar), 0)]).toEqual(['distrusted', 'on-trial']);
  });

  test('others’ word admits a stranger, and one bad experience outweighs it', () => {
    const vouched = withVouch(noStanding);
    expect([levelOf(vouched, 0), levelOf(after(1, 0, vouched), 0)]).toEqual(['vouched', 'vouched']);
    expect([levelOf(after(0, 1, vouched), 0), levelOf(withCanary(vouched, 'failed', 0), 0)]).toEqual([
      'distrusted',
      'distrusted',
    ]);
    expect([levelOf(withVouch(auditioned()), 0), levelOf(withVouch(after(establishedAt)), 0)]).toEqual([
      'on-trial',
      'established',
    ]);
    expect(levelOf(withFork(vouched), 0)).toBe('forked');
    expect(hasStanding(vouched)).toBe(false);
  });

  test('one loss is bad luck, one in four a habit', () => {
    expect(levelOf(after(establishedAt, 1), 0)).toBe('established');
    expect(levelOf(after(establishedAt, 7), 0)).not.toBe('established');
    expect(levelOf(after(0, 1), 0)).toBe('distrusted');
  });

  test('a fork is the end, whatever came before or comes after', () => {
    const forked = withFork(after(1_000));
    expect([levelOf(forked, 0), levelOf(after(1_000, 0, forked), 1_000 * halfLifeMs)]).toEqual(['forked', 'forked']);
    expect(hasStanding(forked)).toBe(false);
  });
});

test('half of it is forgotten in fourteen days, praise and blame alike', () => {
  const aged = agedTo(after(40, 2), halfLifeMs);
  expect([aged.finished, brokenOf(aged), aged.at]).toEqual([20, 1, halfLifeMs]);
  expect(agedTo(agedTo(after(40), hour), 2 * hour)).toEqual(agedTo(after(40), 2 * hour));
  expect(levelOf(after(establishedAt), halfLifeMs)).toBe('stranger');
  expect(agedTo(after(1, 1), 20 * halfLifeMs).broken).toEqual({});
  // A clock that was set back changes nothing.
  expect(agedTo(aged, 0)).toBe(aged);
});

test('who fails a canary waits an hour for the next, and twice as long each time after', () => {
  let standing = noStanding;
  const rests = [1, 2, 3].map(() => {
    standing = withCanary(standing, 'failed', 0);
    return canaryRestsUntil(standing);
  });
  expect(rests).toEqual([canaryRestMs, 2 * canaryRestMs, 4 * canaryRestMs]);
  for (let i = 0; i < 100; i++) standing = withCanary(standing, 'failed', 0);
  expect(canaryRestsUntil(standing)).toBe(standingLimits.canaryRestMsMax);
  expect([canaryRestsUntil(noStanding), canaryRestsUntil(auditioned())]).toEqual([0, 0]);
});

test('whatever happens in whatever order, a standing stays one', () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = seededRandom(seed);
    let standing = noStanding;
    let now = 0;
    for (let step = 0; step < 50; step++) {
      now += Math.floor(random.float() * 3 * 24 * hour);
      const chance = random.float();
      const before = keptShare(standing, now);
      if (chance < 0.5) {
        standing = withFinished(standing, { tokens: random.float() * 100, spanMs: random.float() * 5_000 }, now);
        expect(keptShare(standing, now)).toBeGreaterThanOrEqual(before - 1e-9);
      } else if (chance < 0.9) {
        const promise = brokenPromises[Math.floor(random.float() * brokenPromises.length)]!;
        standing = withBroken(standing, promise, now);
        expect(keptShare(standing, now)).toBeLessThan(before);
      } else standing = withCanary(standing, random.float() < 0.5 ? 'passed' : 'failed', now);
      const share = keptShare(standing, now);
      expect(share > 0 && share < 1 && Number.isFinite(standing.finished) && standing.finished >= 0).toBe(true);
      if (standing.canariesFailed > 0) expect(levelOf(standing, now)).toBe('distrusted');
    }
  }
});
