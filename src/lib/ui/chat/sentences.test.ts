import { expect, test } from 'vitest';
import { nextSentences } from './sentences.ts';

test('returns only complete sentences', () => {
  expect(nextSentences('Hello there. How are', 0, 'growing')).toEqual({ say: 'Hello there.', upTo: 13 });
  expect(nextSentences('Hello there. How are you? "Fine." ', 13, 'growing')).toEqual({
    say: 'How are you? "Fine."',
    upTo: 34,
  });
});

test('a decimal point does not end a sentence, and unfinished ones are held back', () => {
  expect(nextSentences('It is 3.', 0, 'growing')).toEqual({ say: '', upTo: 0 });
  expect(nextSentences('It is 3.5 metres', 0, 'growing')).toEqual({ say: '', upTo: 0 });
});

test('the end releases the rest once', () => {
  const { say, upTo } = nextSentences('One. Two', 5, 'done');
  expect({ say, upTo }).toEqual({ say: 'Two', upTo: 8 });
  expect(nextSentences('One. Two', upTo, 'done').say).toBe('');
});

test('over a whole stream nothing is lost or repeated', () => {
  const text = 'First line\nSecond. Third! "Fourth?" Fifth';
  let upTo = 0;
  const released: string[] = [];
  for (let length = 1; length <= text.length; length++) {
    const next = nextSentences(text.slice(0, length), upTo, 'growing');
    if (next.say) released.push(next.say);
    upTo = next.upTo;
  }
  released.push(nextSentences(text, upTo, 'done').say);
  expect(released).toEqual(['First line', 'Second.', 'Third!', '"Fourth?"', 'Fifth']);
});
