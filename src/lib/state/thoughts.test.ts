import { expect, test } from 'vitest';
import { followThoughts, splitThoughts } from './thoughts.ts';

test('D2: reasoning is separated from the answer', () => {
  expect(splitThoughts('<think>\nIs 7 prime?\n</think>\n\nYes.')).toEqual({
    thoughts: 'Is 7 prime?',
    state: 'done',
    answer: 'Yes.',
  });
});

test('D2: while the model reasons there is no answer, and a partial tag is not shown', () => {
  expect(splitThoughts('<think>Is 7')).toEqual({ thoughts: 'Is 7', state: 'thinking', answer: '' });
  expect(splitThoughts('<thi')).toEqual({ thoughts: '', state: 'none', answer: '' });
});

test('D2: reasoning that arrives separately is treated the same', () => {
  expect(splitThoughts('', 'Hm.')).toEqual({ thoughts: 'Hm.', state: 'thinking', answer: '' });
  expect(splitThoughts('Yes.', 'Hm.')).toEqual({ thoughts: 'Hm.', state: 'done', answer: 'Yes.' });
});

test('D2: a tag further in is text, and so is everything without one', () => {
  for (const text of ['Write <think> first.', 'Yes.', '', '< 3'])
    expect(splitThoughts(text)).toEqual({ thoughts: '', state: 'none', answer: text });
});

test('thinking lasts from the first thought to the first word of the answer', () => {
  const begun = followThoughts(undefined, splitThoughts('<think>Is'), 1_000, false);
  expect(begun).toEqual({ sinceMs: 1_000 });
  expect(followThoughts(begun, splitThoughts('<think>Is 7'), 2_000, false)).toBe(begun);
  const ended = followThoughts(begun, splitThoughts('<think>Is 7</think>'), 5_000, false);
  expect(ended).toEqual({ sinceMs: 1_000, untilMs: 5_000 });
  expect(followThoughts(ended, splitThoughts('<think>Is 7</think>Yes'), 9_000, true)).toBe(ended);
});

test('a thought that was cut off has ended, and an answer without thoughts has none', () => {
  expect(followThoughts({ sinceMs: 1 }, splitThoughts('<think>Is'), 4, true)).toEqual({ sinceMs: 1, untilMs: 4 });
  expect(followThoughts(undefined, splitThoughts('Yes.'), 4, true)).toBeUndefined();
});
