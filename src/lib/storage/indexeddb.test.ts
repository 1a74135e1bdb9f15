// oxlint-disable-next-line import/no-unassigned-import -- it gives Node the globals of IndexedDB
import 'fake-indexeddb/auto';
import { IDBFactory as FakeFactory } from 'fake-indexeddb';
import { expect, test, vi } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { systemClock } from '#lib/base/clock.ts';
import { createIndexedDbStorage } from './indexeddb.ts';
import { migrations, type Migration } from './migrations.ts';
import { storeNames } from './spec.ts';

const unavailable = expect.objectContaining({ code: 'storage-unavailable' });
const settings: Migration = (database) => void database.createObjectStore('settings');
const rename: Migration = (_, transaction) => {
  const store = transaction.objectStore('settings');
  store.get('colour').addEventListener('success', (event) => {
    store.put((event.target as IDBRequest).result, 'theme');
    store.delete('colour');
  });
};

/** A factory whose `open` fails with the given error. */
const failing = (open: () => IDBOpenDBRequest) => ({ open }) as unknown as IDBFactory;

test('values survive closing and reopening', async () => {
  const factory = new FakeFactory();
  const first = createIndexedDbStorage({ factory, clock: systemClock });
  await first.put('identity', 'seed', Uint8Array.of(1, 2, 3));
  first.close();
  const second = createIndexedDbStorage({ factory, clock: systemClock });
  expect(await second.get('identity', 'seed')).toEqual(Uint8Array.of(1, 2, 3));
  expect(await first.get('identity', 'seed')).toEqual(Uint8Array.of(1, 2, 3));
});

test('the released migrations create every store', async () => {
  const factory = new FakeFactory();
  await createIndexedDbStorage({ factory, clock: systemClock }, { name: 'x' }).put('jobs', 'a', 1);
  const [info] = await factory.databases();
  expect(info).toEqual({ name: 'x', version: migrations.length });
  const storage = createIndexedDbStorage({ factory, clock: systemClock }, { name: 'x' });
  for (const store of storeNames)
    expect(await storage.list(store, { limit: 1 })).toHaveLength(store === 'jobs' ? 1 : 0);
});

test('an older database is migrated step by step without losing data', async () => {
  const factory = new FakeFactory();
  const old = createIndexedDbStorage({ factory, clock: systemClock }, { migrations: [settings] });
  await old.put('settings', 'colour', 'dark');
  const fresh = createIndexedDbStorage({ factory, clock: systemClock }, { migrations: [settings, rename] });
  expect(await fresh.list('settings', { limit: 9 })).toEqual([{ key: 'theme', value: 'dark' }]);
});

test('a failing migration leaves the older version intact', async () => {
  const factory = new FakeFactory();
  const old = createIndexedDbStorage({ factory, clock: systemClock }, { migrations: [settings] });
  await old.put('settings', 'colour', 'dark');
  old.close();
  const broken: Migration = (database, transaction) => {
    database.createObjectStore('extra');
    transaction.objectStore('settings').delete('colour');
    transaction.abort();
  };
  const fresh = createIndexedDbStorage({ factory, clock: systemClock }, { migrations: [settings, broken] });
  await expect(fresh.get('settings', 'colour')).rejects.toThrow(unavailable);
  expect(await old.get('settings', 'colour')).toBe('dark');
});

test('an open tab lets another one upgrade, and then asks for a reload', async () => {
  const factory = new FakeFactory();
  const old = createIndexedDbStorage({ factory, clock: systemClock }, { migrations: [settings] });
  await old.put('settings', 'colour', 'dark');
  const fresh = createIndexedDbStorage({ factory, clock: systemClock }, { migrations: [settings, rename] });
  expect(await fresh.get('settings', 'theme')).toBe('dark');
  await expect(old.get('settings', 'theme')).rejects.toMatchObject({
    code: 'storage-unavailable',
    message: expect.stringContaining('Reload'),
  });
});

test('an upgrade blocked by another tab fails with a message and succeeds later', async () => {
  const factory = new FakeFactory();
  const held = await new Promise<IDBDatabase>((resolve) => {
    const request = factory.open('tabloom', 1);
    request.addEventListener('upgradeneeded', () => void request.result.createObjectStore('settings'));
    request.addEventListener('success', () => resolve(request.result));
  });
  const clock = manualClock();
  const delay = vi.spyOn(clock, 'delay');
  const storage = createIndexedDbStorage({ factory, clock }, { migrations: [settings, rename] });
  const waiting = storage.get('settings', 'theme');
  const refused = expect(waiting).rejects.toMatchObject({
    code: 'storage-unavailable',
    message: expect.stringContaining('other tabs'),
  });
  await expect.poll(() => delay.mock.calls.length).toBe(1);
  await clock.advance(5_000);
  await refused;
  held.close();
  expect(await storage.get('settings', 'theme')).toBeUndefined();
});

test('a missing or forbidden database is reported by its code', async () => {
  const none = createIndexedDbStorage({ factory: undefined, clock: systemClock });
  await expect(none.get('settings', 'a')).rejects.toThrow(unavailable);
  const forbidden = createIndexedDbStorage({
    factory: failing(() => {
      throw new DOMException('denied', 'SecurityError');
    }),
    clock: systemClock,
  });
  await expect(forbidden.put('settings', 'a', 1)).rejects.toThrow(unavailable);
});

test('after a failure to open, the next call tries again', async () => {
  const real = new FakeFactory();
  let calls = 0;
  const factory = failing(() => {
    calls += 1;
    if (calls === 1) throw new DOMException('denied', 'SecurityError');
    return real.open('tabloom', migrations.length);
  });
  const storage = createIndexedDbStorage({ factory, clock: systemClock });
  await expect(storage.get('settings', 'a')).rejects.toThrow(unavailable);
  expect(await storage.get('settings', 'a')).toBeUndefined();
});

test('a full device is reported, and nothing is half written', async () => {
  const factory = new FakeFactory();
  const storage = createIndexedDbStorage({ factory, clock: systemClock });
  await storage.put('settings', 'a', 'before');
  const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('no room', 'QuotaExceededError');
  });
  try {
    const batch = storage.batch([
      { type: 'delete', store: 'settings', key: 'a' },
      { type: 'put', store: 'settings', key: 'b', value: 1 },
    ]);
    await expect(batch).rejects.toMatchObject({ code: 'storage-full' });
  } finally {
    put.mockRestore();
  }
  expect(await storage.get('settings', 'a')).toBe('before');
  expect(await storage.get('settings', 'b')).toBeUndefined();
});
