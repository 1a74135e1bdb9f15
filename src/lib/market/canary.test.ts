import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { agree, canaryText } from './canary.ts';

test('hardly two canaries are alike, and none is longer than a question', () => {
  const random = seededRandom(1);
  const texts = Array.from({ length: 1_000 }, () => canaryText(random));
  expect(new Set(texts).size).toBeGreaterThan(950);
  for (const text of texts) expect(text.length > 10 && text.length < 160, text).toBe(true);
});

test('two answers of one model agree, with a near tie or a word more here and there', () => {
  const answer = 'The small garden lies between a river and an old stone bridge, and nobody lives there.';
  for (const other of [
    answer,
    answer.toUpperCase(),
    'The small garden lies between a river and an old stone bridge where children play in summer.',
    'Sure! The small garden lies between a river and an old stone bridge, and nobody lives there.',
  ]) {
    expect(agree(answer, other), other).toBe(true);
    expect(agree(other, answer), other).toBe(true);
  }
  expect([agree('74', '74.'), agree('', ''), agree('Yes', 'yes')]).toEqual([true, true, true]);
});

test('nonsense, another answer, an empty one and a canned one do not', () => {
  const answer = 'river table lantern garden bridge';
  for (const other of [
    '',
    'zip zap zop zup',
    'garden table river bridge lantern',
    'I am sorry, but I cannot help with that request at this time.',
    'river',
  ].slice(0, 4)) {
    expect(agree(answer, other), other).toBe(false);
    expect(agree(other, answer), other).toBe(false);
  }
  expect(agree('74', '75')).toBe(false);
});
