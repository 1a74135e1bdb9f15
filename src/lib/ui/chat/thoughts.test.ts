import { expect, test } from 'vitest';
import { splitThoughts } from './thoughts.ts';

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
