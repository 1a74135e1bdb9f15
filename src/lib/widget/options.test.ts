import { expect, test } from 'vitest';
import { readOptions, type AttributeName } from './options.ts';

const read = (attributes: Partial<Record<AttributeName, string>>, relay?: string) =>
  readOptions((name) => attributes[name] ?? null, { base: 'https://shop.example/a/b', relay });

test('without attributes there is a panel that asks the relay of its script', () => {
  expect(read({}, 'https://relay.example')).toEqual({
    relay: 'https://relay.example',
    key: undefined,
    model: 'auto',
    endpoint: undefined,
    shape: 'panel',
    form: 'element',
    heading: undefined,
    greeting: undefined,
    suggestions: [],
    context: undefined,
    instructions: undefined,
    maxTokens: 600,
    questionsPerDay: undefined,
    theme: 'auto',
    placement: 'end',
  });
});

test('what the site sets is read', () => {
  const options = read({
    relay: 'https://relay.example/some/path',
    key: 'pk_abc',
    endpoint: '/chat',
    shape: 'inline',
    suggestions: ' One | Two ||Three',
    'max-tokens': '100',
    'questions-per-day': '20',
    theme: 'dark',
    placement: 'start',
  });
  expect(options).toMatchObject({
    relay: 'https://relay.example',
    key: 'pk_abc',
    endpoint: 'https://shop.example/chat',
    shape: 'inline',
    suggestions: ['One', 'Two', 'Three'],
    maxTokens: 100,
    questionsPerDay: 20,
    theme: 'dark',
    placement: 'start',
  });
});

test.each(['sk_secret', 'sk-proj-1', 'pk_ä', 'pk_a b', ''])('%j is no key for a page, and is not sent', (key) =>
  expect(read({ key }).key).toBeUndefined(),
);

test.each(['javascript:alert(1)', 'data:text/html,x', 'https://user:pass@x.example', 'http://'])(
  '%j is nowhere to ask',
  (address) =>
    expect(read({ endpoint: address, relay: address })).toMatchObject({ relay: undefined, endpoint: undefined }),
);

test('what is no such number or word counts as not set', () => {
  const options = read({ 'max-tokens': 'many', 'questions-per-day': '-1', theme: 'pink', shape: 'round' });
  expect(options).toMatchObject({ maxTokens: 600, questionsPerDay: undefined, theme: 'auto', shape: 'panel' });
  expect(read({ 'max-tokens': '999999', 'questions-per-day': '0' })).toMatchObject({
    maxTokens: 8_192,
    questionsPerDay: 1,
  });
});

test('long texts and lists have an end', () => {
  const options = read({ greeting: 'x'.repeat(9_000), suggestions: Array.from({ length: 40 }, () => 'a').join('|') });
  expect(options.greeting).toHaveLength(2_000);
  expect(options.suggestions).toHaveLength(6);
});
