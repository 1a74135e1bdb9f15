// oxlint-disable-next-line import/no-unassigned-import -- it gives Node the globals of IndexedDB
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { systemClock } from '#lib/base/clock.ts';
import { createIndexedDbStorage } from '#lib/storage/indexeddb.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { storageCompliance } from './storage.ts';

storageCompliance('memory', async () => createMemoryStorage());
storageCompliance('indexeddb', async () =>
  createIndexedDbStorage({ factory: new IDBFactory(), clock: systemClock }, { name: 'test' }),
);
