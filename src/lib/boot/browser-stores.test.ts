import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { browserStores, deleteData, exportData } from './browser-stores.ts';

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

async function filled() {
  const storage = createMemoryStorage();
  await storage.put('identity', 'seed', new Uint8Array(32).fill(7));
  await storage.put('receipts', 'r', { key: Uint8Array.of(1, 255), amount: 5n });
  await storage.put('settings', 'tab', { temperature: 1 });
  return storage;
}

test('the export holds what is kept, and no key', async () => {
  const text = await exportData(await filled());
  expect(JSON.parse(text)).toMatchObject({
    receipts: { r: { key: '01ff', amount: '5' } },
    settings: { tab: { temperature: 1 } },
  });
  expect(text).not.toContain('07070707');
  expect(JSON.parse(text)).not.toHaveProperty('identity');
});

test('deleting leaves nothing, key and models included', async () => {
  const storage = await filled();
  const left = new Set(['tabloom-models-1', 'webllm/model']);
  await deleteData(storage, { keys: async () => [...left], delete: async (name) => left.delete(name) });
  expect(await storage.get('identity', 'seed')).toBeUndefined();
  expect(await storage.list('receipts', { limit: 9 })).toEqual([]);
  expect([...left]).toEqual([]);
});
