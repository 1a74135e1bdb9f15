import { expect, test } from 'vitest';
import { createDailyCount, createStore } from './store.ts';

function memory(initial: Record<string, string> = {}) {
  const values = new Map(Object.entries(initial));
  return {
    values,
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  };
}
const throwing = () => {
  throw new DOMException('denied', 'SecurityError');
};
const turn = { question: 'a?', answer: 'b', by: undefined };

test('a conversation is found again on the next page', () => {
  const area = memory();
  createStore('k', () => area).write({ open: true, draft: 'half', turns: [turn] });
  expect(createStore('k', () => area).read()).toEqual({ open: true, draft: 'half', turns: [{ ...turn }] });
});

test('storage that throws costs the memory and nothing more', () => {
  const store = createStore('k', throwing);
  store.write({ open: true, draft: '', turns: [] });
  expect(store.read()).toEqual({ open: false, draft: '', turns: [] });
});

test.each(['{', 'null', '[]', '7', '{"open":1,"draft":{},"turns":[null,{"question":1},{"question":"q"}]}'])(
  'what another script left there is nothing: %s',
  (json) => {
    const area = memory({ k: json });
    expect(createStore('k', () => area).read()).toEqual({ open: false, draft: '', turns: [] });
  },
);

test('the oldest turns give way', () => {
  const area = memory();
  const long = { ...turn, answer: 'x'.repeat(60_000) };
  createStore('k', () => area).write({ open: false, draft: '', turns: Array.from({ length: 50 }, () => long) });
  expect(createStore('k', () => area).read().turns).toHaveLength(3);
});

test('so many questions a day, and again the next day', () => {
  const area = memory();
  let now = Date.UTC(2026, 10, 30, 12);
  const count = createDailyCount(
    'n',
    () => area,
    () => now,
  );
  expect([count.take(2), count.take(2), count.take(2)]).toEqual([true, true, false]);
  // Another page of the same site.
  expect(
    createDailyCount(
      'n',
      () => area,
      () => now,
    ).take(2),
  ).toBe(false);
  now += 24 * 3_600_000;
  expect(count.take(2)).toBe(true);
});

test('without storage the page counts by itself', () => {
  const count = createDailyCount('n', throwing, () => 0);
  expect([count.take(1), count.take(1)]).toEqual([true, false]);
});
