import { expect, test } from 'vitest';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { deleteData, exportData } from './own-data.ts';

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
