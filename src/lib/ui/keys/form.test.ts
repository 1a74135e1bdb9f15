import { expect, test } from 'vitest';
import { emptyForm, readForm, readPurchase, unitsOfCredits, type KeyForm } from './form.ts';

const now = 1_800_000_000_000;
const caps = (more: Partial<KeyForm['caps']>) => ({ caps: { ...emptyForm.caps, ...more } });
const read = (more: Partial<KeyForm>) => readForm({ ...emptyForm, ...more }, now);

test('what is left empty is no limit', () => {
  expect(read({ name: ' ci ', days: '' })).toEqual({
    name: 'ci',
    type: 'secret',
    models: [],
    origins: [],
    expiresAt: undefined,
    caps: {},
  });
  expect(read({ days: '7' })).toMatchObject({ expiresAt: now + 7 * 86_400_000 });
});

test('lists are written by line or comma, numbers with spaces between digits', () => {
  expect(
    read({
      models: 'a, b\nb\n',
      origins: 'https://a.example/\napp://obsidian.md',
      ...caps({ tokensPerDay: '1 000 000' }),
    }),
  ).toMatchObject({
    models: ['a', 'b'],
    origins: ['https://a.example/', 'app://obsidian.md'],
    caps: { tokensPerDay: 1_000_000 },
  });
});

test.each(['0', '-1', '1.5', '1e6', 'many', '1000000000001'])('a limit of %j is none', (text) => {
  expect(read(caps({ requestsPerDay: '5', tokensTotal: text }))).toEqual({ problem: 'cap', cap: 'tokensTotal' });
});

test('a plan is at most a million credits, and a key lasts a century at most', () => {
  expect(read(caps({ creditsPerMonth: '1 000 000' }))).toMatchObject({ caps: { creditsPerMonth: 1_000_000 } });
  expect(read(caps({ creditsPerMonth: '1000001' }))).toEqual({ problem: 'cap', cap: 'creditsPerMonth' });
  expect(read({ days: ' 400 ' })).toMatchObject({ expiresAt: now + 400 * 86_400_000 });
  for (const days of ['0', '36501', '1.5', 'soon']) expect(read({ days })).toEqual({ problem: 'days' });
});

test.each(['shop.example', 'https://shop.example/path', 'https://me:secret@shop.example', '*'])(
  'the origin %j is none',
  (text) => expect(read({ origins: text })).toEqual({ problem: 'origin', text }),
);

test('a key for pages needs origins and a limit by the day', () => {
  const page = { type: 'publishable', origins: 'https://shop.example' } as const;
  expect(read({ type: 'publishable' })).toEqual({ problem: 'origins-missing' });
  expect(read({ ...page, ...caps({ requestsTotal: '5' }) })).toEqual({ problem: 'day-cap-missing' });
  expect(read({ ...page, ...caps({ requestsPerDay: '5' }) })).toMatchObject({ caps: { requestsPerDay: 5 } });
});

test('credits are bought by whole numbers, each for a cent', () => {
  expect(['500', ' 1 000 ', '1000000'].map(readPurchase)).toEqual([500, 1_000, 1_000_000]);
  for (const text of ['', '0', '-5', '1.5', '5e3', '1000001', 'many']) expect(readPurchase(text)).toBeUndefined();
  expect(unitsOfCredits(500)).toBe(5_000_000n);
});
