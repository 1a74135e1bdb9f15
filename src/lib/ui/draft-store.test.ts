import { expect, test } from 'vitest';
import { createDraftStore } from './draft-store.ts';

test('a draft is read back, and an empty one is removed', () => {
  const entries = new Map<string, string>();
  const storage = {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
    removeItem: (key: string) => void entries.delete(key),
  };
  const kept = createDraftStore('draft', () => storage);
  kept.write('half a question');
  expect(createDraftStore('draft', () => storage).read()).toBe('half a question');
  kept.write('');
  expect([kept.read(), entries.size]).toEqual(['', 0]);
});

test('without browser storage only the draft is lost', () => {
  const kept = createDraftStore('draft', () => {
    throw new DOMException('no', 'SecurityError');
  });
  kept.write('x');
  expect(kept.read()).toBe('');
});
