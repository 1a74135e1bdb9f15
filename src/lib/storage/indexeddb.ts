import type { IDBPDatabase } from 'idb';
import { TabloomError } from '#lib/base/errors.ts';
import { storageError } from './errors.ts';
import { migrations as released, type Migration } from './migrations.ts';
import { openDatabase, type OpenComponents } from './open.ts';
import {
  durableStores,
  type BatchOptions,
  type Entry,
  type KeyValue,
  type ListOptions,
  type Place,
  type StoreName,
  type Write,
} from './spec.ts';

export interface IndexedDbStorage extends KeyValue {
  /** Closes the database; the next call reopens it. */
  close(): void;
}

export interface IndexedDbOptions {
  readonly name?: string;
  readonly migrations?: readonly Migration[];
}

/**
 * Browser storage on IndexedDB. The first call opens the database; it is reopened after another tab's upgrade or the
 * browser closes it.
 * @throws from every call: `storage-unavailable`, `storage-full`, `storage-bad-value`.
 */
export function createIndexedDbStorage(
  components: OpenComponents,
  { name = 'tabloom', migrations = released }: IndexedDbOptions = {},
): IndexedDbStorage {
  let opening: Promise<IDBPDatabase> | undefined;

  const open = (): Promise<IDBPDatabase> => {
    if (opening) return opening;
    const forget = () => {
      if (opening === mine) opening = undefined;
    };
    const mine = openDatabase(components, { name, migrations, onGone: forget });
    mine.catch(forget);
    opening = mine;
    return mine;
  };

  /** Retries once on a new connection if this one turns out to be closed. */
  const run = async <T>(use: (database: IDBPDatabase) => Promise<T>): Promise<T> => {
    const connection = open();
    try {
      return await use(await connection);
    } catch (error) {
      if (!isClosed(error)) throw storageError(error);
    }
    if (opening === connection) opening = undefined;
    try {
      return await use(await open());
    } catch (error) {
      throw storageError(error);
    }
  };

  const write = (writes: readonly Write[], options?: BatchOptions): Promise<void> => {
    const stores = storeNamesOf(writes);
    return stores.length === 0 ? Promise.resolve() : transact(stores, [], () => writes, options);
  };

  const transact = (
    stores: StoreName[],
    reads: readonly Place[],
    plan: Plan,
    options: BatchOptions = {},
  ): Promise<void> =>
    run(async (database) => {
      const durability =
        options.durability ?? (stores.some((store) => durableStores.has(store)) ? 'strict' : 'default');
      const transaction = database.transaction(stores, 'readwrite', { durability });
      const ended = transaction.done;
      ended.catch(() => undefined);
      try {
        // Nothing else may be awaited here: a transaction without requests commits by itself.
        const values = await Promise.all(reads.map(({ store, key }) => transaction.objectStore(store).get(key)));
        for (const one of plan(values)) {
          const store = transaction.objectStore(one.store);
          const request = one.type === 'put' ? store.put(one.value, one.key) : store.delete(one.key);
          // The transaction's error is more specific than the request's.
          request.catch(() => undefined);
        }
      } catch (error) {
        // A value that cannot be cloned throws synchronously; earlier puts must not be committed.
        abort(transaction);
        await ended.catch(() => undefined);
        throw error;
      }
      await ended;
    });

  return {
    get: (store, key) => run((database) => database.get(store, key)),
    put: (store, key, value) => write([{ type: 'put', store, key, value }]),
    delete: (store, key) => write([{ type: 'delete', store, key }]),
    list: (store, options) => run((database) => listEntries(database, store, options)),
    batch: write,
    update: (reads, plan) => transact(storeNamesOf(reads), reads, plan),
    close() {
      const closing = opening;
      opening = undefined;
      closing?.then(
        (database) => database.close(),
        () => undefined,
      );
    },
  };
}

type Plan = (values: readonly unknown[]) => readonly Write[];

const storeNamesOf = (places: readonly Place[]): StoreName[] => [...new Set(places.map(({ store }) => store))];

/** A transaction that has failed by itself cannot be aborted any more. */
function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort();
  } catch {
    return;
  }
}

async function listEntries(
  database: IDBPDatabase,
  name: StoreName,
  { prefix = '', limit, order = 'ascending', values: wanted }: ListOptions,
): Promise<readonly Entry[]> {
  if (limit < 1) return [];
  const entries: Entry[] = [];
  const store = database.transaction(name, 'readonly').objectStore(name);
  if (order === 'ascending') {
    const range = prefixRange(prefix);
    const reading = wanted === 'unread' ? undefined : store.getAll(range, limit);
    const [keys, values] = await Promise.all([store.getAllKeys(range, limit), reading]);
    return keys.map((key, i) => ({ key: String(key), value: values?.[i] }));
  }
  let cursor = await store.openCursor(prefixRange(prefix), 'prev');
  while (cursor && entries.length < limit) {
    entries.push({ key: String(cursor.key), value: cursor.value });
    cursor = await cursor.continue();
  }
  return entries;
}

function prefixRange(prefix: string): IDBKeyRange | undefined {
  if (prefix === '') return undefined;
  // The first key beyond the prefix: increment the last code unit that can be incremented.
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xffff) {
      return IDBKeyRange.bound(prefix, prefix.slice(0, at) + String.fromCharCode(unit + 1), false, true);
    }
  }
  return IDBKeyRange.lowerBound(prefix);
}

const isClosed = (error: unknown): boolean =>
  !(error instanceof TabloomError) && error instanceof Error && error.name === 'InvalidStateError';
