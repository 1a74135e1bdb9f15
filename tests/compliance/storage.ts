import { describe, expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { keepHistory } from '#lib/boot/history.ts';
import type { KeyValue, StoreName } from '#lib/storage/spec.ts';
import { storeNames } from '#lib/storage/spec.ts';

/** The contract of `KeyValue`. `create` returns an empty one each time. */
export function storageCompliance(name: string, create: () => Promise<KeyValue>): void {
  describe(`storage compliance: ${name}`, () => {
    const put = async (storage: KeyValue, store: StoreName, ...keys: string[]) => {
      for (const key of keys) await storage.put(store, key, `value of ${key}`);
    };
    const keys = (entries: readonly { readonly key: string }[]) => entries.map(({ key }) => key);

    test('a missing key is undefined, and deleting it is not an error', async () => {
      const storage = await create();
      expect(await storage.get('settings', 'nothing')).toBeUndefined();
      await storage.delete('settings', 'nothing');
      expect(await storage.list('settings', { limit: 10 })).toEqual([]);
    });

    test('every store can be written and is independent of the others', async () => {
      const storage = await create();
      for (const store of storeNames) await storage.put(store, 'key', store);
      for (const store of storeNames) expect(await storage.get(store, 'key')).toBe(store);
    });

    test('the last put wins; deleting removes it', async () => {
      const storage = await create();
      await storage.put('settings', 'theme', 'dark');
      await storage.put('settings', 'theme', 'light');
      expect(await storage.get('settings', 'theme')).toBe('light');
      await storage.delete('settings', 'theme');
      expect(await storage.get('settings', 'theme')).toBeUndefined();
    });

    test('bytes, bigints, dates and nested values round-trip', async () => {
      const storage = await create();
      const value = {
        seed: Uint8Array.of(0, 255),
        units: 2n ** 70n,
        at: new Date(5),
        list: [{ a: null }],
        gone: undefined,
      };
      await storage.put('identity', 'self', value);
      expect(await storage.get('identity', 'self')).toEqual(value);
    });

    test('values are copied on put and on get', async () => {
      const storage = await create();
      const value = { list: [1] };
      await storage.put('settings', 'a', value);
      value.list.push(2);
      const first = (await storage.get('settings', 'a')) as typeof value;
      first.list.push(3);
      expect(await storage.get('settings', 'a')).toEqual({ list: [1] });
      const [entry] = await storage.list('settings', { limit: 1 });
      (entry!.value as typeof value).list.push(4);
      expect(await storage.get('settings', 'a')).toEqual({ list: [1] });
    });

    test('lists by code unit in either order, up to a limit', async () => {
      const storage = await create();
      await put(storage, 'messages', 'b', 'a', 'Z', 'é', '10', '9', '\ud83e\udd8a', '\uffff');
      const order = ['10', '9', 'Z', 'a', 'b', 'é', '\ud83e\udd8a', '\uffff'];
      expect(keys(await storage.list('messages', { limit: 99 }))).toEqual(order);
      expect(keys(await storage.list('messages', { limit: 99, order: 'descending' }))).toEqual(order.toReversed());
      expect(keys(await storage.list('messages', { limit: 2 }))).toEqual(['10', '9']);
      expect(keys(await storage.list('messages', { limit: 2, order: 'descending' }))).toEqual([
        '\uffff',
        '\ud83e\udd8a',
      ]);
      expect(await storage.list('messages', { limit: 0 })).toEqual([]);
      expect(await storage.list('messages', { limit: 1 })).toEqual([{ key: '10', value: 'value of 10' }]);
      const unread = await storage.list('messages', { limit: 1, values: 'unread' });
      expect(unread).toEqual([{ key: '10', value: undefined }]);
    });

    test('a prefix selects exactly the keys that start with it', async () => {
      const storage = await create();
      await put(storage, 'messages', 'c', 'c1', 'c1/1', 'c1/2', 'c1\uffff', 'c10', 'c2', 'd');
      const under = (prefix: string) => storage.list('messages', { prefix, limit: 99 }).then(keys);
      expect(await under('c1/')).toEqual(['c1/1', 'c1/2']);
      expect(await under('c1')).toEqual(['c1', 'c1/1', 'c1/2', 'c10', 'c1\uffff']);
      expect(await under('c1\uffff')).toEqual(['c1\uffff']);
      expect(await under('x')).toEqual([]);
      expect(keys(await storage.list('messages', { prefix: 'c1/', limit: 1, order: 'descending' }))).toEqual(['c1/2']);
    });

    test('a batch is applied in order across stores', async () => {
      const storage = await create();
      await storage.put('messages', 'old', 1);
      await storage.batch([
        { type: 'put', store: 'conversations', key: 'c', value: 1 },
        { type: 'put', store: 'messages', key: 'm', value: 1 },
        { type: 'put', store: 'messages', key: 'm', value: 2 },
        { type: 'delete', store: 'messages', key: 'old' },
      ]);
      expect(await storage.list('messages', { limit: 9 })).toEqual([{ key: 'm', value: 2 }]);
      expect(await storage.get('conversations', 'c')).toBe(1);
      await storage.batch([]);
    });

    test('a failed batch has no effect', async () => {
      const storage = await create();
      await storage.put('settings', 'a', 'before');
      const batch = storage.batch([
        { type: 'put', store: 'settings', key: 'a', value: 'after' },
        { type: 'put', store: 'conversations', key: 'c', value: 1 },
        { type: 'put', store: 'settings', key: 'b', value: () => undefined },
      ]);
      await expect(batch).rejects.toMatchObject({ code: 'storage-bad-value' });
      expect(await storage.get('settings', 'a')).toBe('before');
      expect(await storage.get('conversations', 'c')).toBeUndefined();
      await storage.put('settings', 'a', 'works still');
      expect(await storage.get('settings', 'a')).toBe('works still');
    });

    test('an update writes what it makes of what it reads', async () => {
      const storage = await create();
      await storage.put('pay', 'a', 1);
      const places = [
        { store: 'pay', key: 'a' },
        { store: 'pay', key: 'none' },
        { store: 'settings', key: 'none' },
      ] as const;
      await storage.update(places, (values) => {
        expect(values).toEqual([1, undefined, undefined]);
        return [
          { type: 'put', store: 'pay', key: 'b', value: 2 },
          { type: 'put', store: 'settings', key: 'c', value: 3 },
          { type: 'delete', store: 'pay', key: 'a' },
        ];
      });
      expect(await storage.list('pay', { limit: 9 })).toEqual([{ key: 'b', value: 2 }]);
      expect(await storage.get('settings', 'c')).toBe(3);
    });

    test('of updates at once, each sees what the one before has written', async () => {
      const storage = await create();
      const count = { store: 'pay', key: 'count' } as const;
      const one = () =>
        storage.update([count], ([value]) => [
          { type: 'put', ...count, value: ((value as number | undefined) ?? 0) + 1 },
        ]);
      await Promise.all(Array.from({ length: 20 }, one));
      expect(await storage.get('pay', 'count')).toBe(20);
    });

    test('an update that is refused or cannot be stored has no effect', async () => {
      const storage = await create();
      const a = { store: 'pay', key: 'a' } as const;
      await storage.put('pay', 'a', 'before');
      const refusal = new TabloomError('refused-by-plan', 'No.');
      const refused = storage.update([a], () => {
        throw refusal;
      });
      await expect(refused).rejects.toBe(refusal);
      const bad = storage.update([a], () => [
        { type: 'put', ...a, value: 'after' },
        { type: 'put', store: 'pay', key: 'b', value: () => undefined },
      ]);
      await expect(bad).rejects.toMatchObject({ code: 'storage-bad-value' });
      expect(await storage.list('pay', { limit: 9 })).toEqual([{ key: 'a', value: 'before' }]);
      await storage.update([a], () => []);
    });

    test('a conversation keeps its folder, and one that was taken out of it has none', async () => {
      const storage = await create();
      const record = { id: '1'.repeat(32), title: 'Hello', createdAt: 1, updatedAt: 2, turns: 0 };
      await keepHistory(storage).save({ ...record, folder: 'Home' }, []);
      expect(await keepHistory(storage).list()).toEqual([{ ...record, folder: 'Home' }]);
      await keepHistory(storage).save({ ...record, folder: undefined }, []);
      expect((await keepHistory(storage).list())[0]?.folder).toBeUndefined();
    });

    test('a value that cannot be cloned is refused with its code', async () => {
      const storage = await create();
      await expect(storage.put('settings', 'a', Symbol('no'))).rejects.toMatchObject({ code: 'storage-bad-value' });
    });

    test('concurrent writes are all applied', async () => {
      const storage = await create();
      await Promise.all(Array.from({ length: 50 }, (_, i) => storage.put('jobs', `${i}`, i)));
      expect(await storage.list('jobs', { limit: 100 })).toHaveLength(50);
    });
  });
}
