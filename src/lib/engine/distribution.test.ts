import { expect, test } from 'vitest';
import { logSumExp, sampledScore } from './distribution.ts';

const logits = new Map([
  ['a', 2],
  ['b', 1],
  ['c', -3],
]);

test.each([0.5, 1, 2])(
  'what is expected of a draw at temperature %f is its mean over the distribution',
  (temperature) => {
    const each = [...logits.keys()].map((token) => sampledScore(logits, [token], temperature));
    const weights = each.map(({ surprise }) => Math.exp(-surprise));
    const mean = (of: readonly number[]) => of.reduce((sum, value, at) => sum + weights[at]! * value, 0);
    expect(mean([1, 1, 1])).toBeCloseTo(1, 12);
    for (const { entropy, variance, renyiHalf } of each) {
      expect(entropy).toBeCloseTo(mean(each.map(({ surprise }) => surprise)), 12);
      expect(variance).toBeCloseTo(mean(each.map(({ surprise }) => (surprise - entropy) ** 2)), 12);
      // What makes p^-1/2 over it a bet that no honest sampler loses to on average.
      expect(mean(each.map(({ surprise }) => Math.exp((surprise - renyiHalf) / 2)))).toBeCloseTo(1, 12);
    }
  },
);

test('tokens that count as one are as likely as all of them', () => {
  const { surprise } = sampledScore(logits, ['a', 'b', 'c'], 1);
  expect(surprise).toBeCloseTo(0, 12);
  expect(sampledScore(logits, ['d'], 1).surprise).toBe(1e9);
  expect([logSumExp([]), logSumExp([-Infinity])]).toEqual([-Infinity, -Infinity]);
});
