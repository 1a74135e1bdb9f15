import { expect, test } from 'vitest';
import { noStanding } from '#lib/market/standing.ts';
import { entryFixture, modelFixture } from '#lib/market/offer.fixture.ts';
import { limits } from '#lib/protocol/limits.ts';
import { firstPartTimeoutMs, stallTimeoutMs } from './timeouts.ts';

const offering = (measured: ReturnType<typeof modelFixture>['measured']) => ({
  entry: entryFixture('a'),
  model: modelFixture({ measured }),
});
const prompt = (characters: number, character = 'x') =>
  ({ kind: 'completion', input: { prompt: character.repeat(characters) }, params: { maxTokens: 1 } }) as const;

test('a short prompt at a fast worker gets the least there is', () => {
  const fast = offering({ prefillTps: 500, decodeTps: 50, ttftMs: 100 });
  expect(firstPartTimeoutMs(fast, prompt(300))).toBe(limits.firstPartTimeoutMs);
});

test('a long prompt gets three times what reading it takes, by its characters', () => {
  const worker = offering({ prefillTps: 100, decodeTps: 50, ttftMs: 100 });
  expect(firstPartTimeoutMs(worker, prompt(20_000))).toBe(300_000);
  expect(firstPartTimeoutMs(worker, prompt(20_000, '中'))).toBe(300_000);
  const resumed = { ...prompt(10_000), resume: { text: 'x'.repeat(10_000), tokens: 5_000 } };
  expect(firstPartTimeoutMs(worker, resumed)).toBe(300_000);
});

test('what was seen of a worker counts as it is, what it claims only to a point', () => {
  const slow = offering({ prefillTps: 0, decodeTps: 1, ttftMs: 1e9 });
  expect(firstPartTimeoutMs(slow, prompt(3))).toBe(90_000);
  expect(firstPartTimeoutMs(slow, prompt(3), { ...noStanding, ttftMs: 40_000 })).toBe(120_000);
  expect(firstPartTimeoutMs(slow, prompt(20_000))).toBe(3_000_000);
  expect(firstPartTimeoutMs(offering(undefined), prompt(20_000))).toBe(3_000_000);
});

test('between words it is three times what the slower of its measured and its offered rate explains', () => {
  const worker = offering({ prefillTps: 100, decodeTps: 2, ttftMs: 100 });
  expect(stallTimeoutMs(worker, prompt(3))).toBe(12_000);
  expect(stallTimeoutMs(worker, prompt(3), { ...noStanding, decodeTps: 0.5 })).toBe(48_000);
  expect(stallTimeoutMs(worker, prompt(3), { ...noStanding, decodeTps: 50 })).toBe(12_000);
  expect(stallTimeoutMs(offering({ prefillTps: 100, decodeTps: 50, ttftMs: 100 }), prompt(3))).toBe(
    limits.stallTimeoutMs,
  );
  expect(stallTimeoutMs(offering(undefined), prompt(3))).toBe(24_000);
});
