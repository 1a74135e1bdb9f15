import { expect, test } from 'vitest';
import { createDraftStore } from './draft-store.ts';

test('what was written is read again; nothing leaves nothing behind', () => {
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

test('a browser that forbids storage costs only the text', () => {
  const kept = createDraftStore('draft', () => {
    throw new DOMException('no', 'SecurityError');
  });
  kept.write('x');
  expect(kept.read()).toBe('');
});
