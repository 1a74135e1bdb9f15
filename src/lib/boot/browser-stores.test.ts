import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { browserStores } from './browser-stores.ts';

const forbidden = () => {
  throw new DOMException('The operation is insecure.', 'SecurityError');
};

test.each([
  ['throws at the look', Object.defineProperties({}, { indexedDB: { get: forbidden }, caches: { get: forbidden } })],
  ['is hidden', {}],
  ['throws when it is opened', { indexedDB: { open: forbidden } as unknown as IDBFactory }],
])('D4: where the storage of a browser %s, memory takes its place, and it is said', async (_, scope) => {
  const { storage, kept, caches } = await browserStores(scope, manualClock());
  expect([kept, caches]).toEqual([false, undefined]);
  await storage.put('settings', 'tab', { a: 1 });
  expect(await storage.get('settings', 'tab')).toEqual({ a: 1 });
});
