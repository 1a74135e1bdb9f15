import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { canaryText, surfaceOf } from './canary-text.ts';

const secret = 'Where did Zebulon hide the platinum, and when?';

test('a canary begins and ends as its model does, at about its length, and says nothing of it', () => {
  const random = seededRandom(1);
  for (const text of [
    secret,
    'thx',
    'explain zebulon to me please',
    'Good day to you!',
    `${'platinum '.repeat(60)}zebulon.`,
  ]) {
    const canary = canaryText(random, surfaceOf(text));
    const [one, other] = [surfaceOf(canary), surfaceOf(text)];
    expect([one.isCapitalised, one.ending]).toEqual([other.isCapitalised, other.ending]);
    expect(Math.abs(one.characters - other.characters), canary).toBeLessThanOrEqual(16);
    expect(canary.toLowerCase()).not.toMatch(/zebulon|platinum/);
    expect(canary).not.toMatch(/[{}|]|undefined/);
  }
});

test('hardly two canaries of a length are alike', () => {
  const random = seededRandom(2);
  const texts = Array.from({ length: 500 }, () => canaryText(random, surfaceOf(secret)));
  expect(new Set(texts).size).toBeGreaterThan(400);
});

test('a long question is copied by several sentences, and a very long one up to a limit', () => {
  const random = seededRandom(3);
  const canary = canaryText(random, surfaceOf('word '.repeat(10_000)));
  expect(canary.length).toBeGreaterThan(1_900);
  expect(canary.length).toBeLessThan(2_100);
});
