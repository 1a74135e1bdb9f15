import { expect, test } from 'vitest';
import { nextSentences } from './sentences.ts';

test('whole sentences only', () => {
  expect(nextSentences('Hello there. How are', 0, 'growing')).toEqual({ say: 'Hello there.', upTo: 13 });
  expect(nextSentences('Hello there. How are you? "Fine." ', 13, 'growing')).toEqual({
    say: 'How are you? "Fine."',
    upTo: 34,
  });
});

test('a number is not the end of a sentence, an unfinished one is not said', () => {
  expect(nextSentences('It is 3.', 0, 'growing')).toEqual({ say: '', upTo: 0 });
  expect(nextSentences('It is 3.5 metres', 0, 'growing')).toEqual({ say: '', upTo: 0 });
});

test('the end lets the rest out, once', () => {
  const { say, upTo } = nextSentences('One. Two', 5, 'done');
  expect({ say, upTo }).toEqual({ say: 'Two', upTo: 8 });
  expect(nextSentences('One. Two', upTo, 'done').say).toBe('');
});

test('said piece by piece, nothing is lost and nothing said twice', () => {
  const text = 'First line\nSecond. Third! "Fourth?" Fifth';
  let upTo = 0;
  const said: string[] = [];
  for (let length = 1; length <= text.length; length++) {
    const next = nextSentences(text.slice(0, length), upTo, 'growing');
    if (next.say) said.push(next.say);
    upTo = next.upTo;
  }
  said.push(nextSentences(text, upTo, 'done').say);
  expect(said).toEqual(['First line', 'Second.', 'Third!', '"Fourth?"', 'Fifth']);
});
