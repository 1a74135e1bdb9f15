import { expect, test } from 'vitest';
import { isTagged, readQuery, tagLengthMax, tagsMax, tagsOf, tagsText } from './tags.ts';

test('tags are single words in small letters, each once', () => {
  expect(tagsOf(' Work, #home  #Work،عمل、工作 ')).toEqual(['work', 'home', 'عمل', '工作']);
  expect(tagsOf(' #, ')).toEqual([]);
  expect(tagsOf('x'.repeat(99))[0]).toHaveLength(tagLengthMax);
  expect(tagsOf(Array.from({ length: 30 }, (_, index) => `t${index}`).join(' '))).toHaveLength(tagsMax);
  expect(tagsOf(tagsText(['home', 'work']))).toEqual(['home', 'work']);
  expect(tagsText(undefined)).toBe('');
});

test('a query is tags and words', () => {
  expect(readQuery('#Work bread tag:home  salt')).toEqual({ tags: ['work', 'home'], words: 'bread salt' });
  expect(readQuery('c# and issue#4')).toEqual({ tags: [], words: 'c# and issue#4' });
  expect(readQuery('#')).toEqual({ tags: [], words: '' });
});

test('a conversation is found by all of its tags, or how they begin', () => {
  const record = { tags: ['work', 'garden'] };
  expect(isTagged(record, ['wo', 'garden'])).toBe(true);
  expect(isTagged(record, ['work', 'home'])).toBe(false);
  expect(isTagged({ tags: undefined }, ['w'])).toBe(false);
  expect(isTagged({ tags: undefined }, [])).toBe(true);
});
