import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { canaryText, surfaceOf } from '#lib/market/canary-text.ts';
import { countsOf, countsOfLooks, toldApart, type Example } from './classifier.ts';
import { ordinaryQuestions } from './ordinary.ts';
import { shuffled } from './questions.ts';

const count = 1_000;
const ordinary = ordinaryQuestions(count);
const random = seededRandom(5);
const canaries = shuffled(ordinary, 9).map((text) => canaryText(random, surfaceOf(text)));

const examples = (from: number, to: number): readonly Example[] =>
  shuffled(
    [ordinary, canaries].flatMap((texts, kind) =>
      texts.map((text) => ({ counts: countsOf(text).slice(from, to), isCanary: kind === 1 })),
    ),
    1,
  );

test('canaries cannot be told by how they look: no better than chance and five in a hundred', () => {
  expect(toldApart(examples(0, countsOfLooks), 4)).toBeLessThanOrEqual(0.55);
});

test('words and letters tell little more, though they are of other subjects', () => {
  expect(toldApart(examples(0, Infinity), 4)).toBeLessThanOrEqual(0.62);
});

test('the classifier finds what can be found', () => {
  const plain = Array.from({ length: count }, (_, at) => `Repeat this line and nothing else: ${ordinary[at]!}`);
  const told = [ordinary, plain].flatMap((texts, kind) =>
    texts.map((text) => ({ counts: countsOf(text).slice(0, countsOfLooks), isCanary: kind === 1 })),
  );
  expect(toldApart(shuffled(told, 1), 4)).toBeGreaterThan(0.95);
});
