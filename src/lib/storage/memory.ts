import { storeNames, type Entry, type KeyValue, type StoreName, type Write } from './spec.ts';
import { badValue } from './errors.ts';

/** In-memory storage, for tests, relays and windows without storage permission. */
export function createMemoryStorage(): KeyValue {
  const stores = new Map<StoreName, Map<string, unknown>>(storeNames.map((name) => [name, new Map()]));
  const of = (store: StoreName) => stores.get(store)!;
  const apply = (write: Write) => {
    if (write.type === 'put') of(write.store).set(write.key, write.value);
    else of(write.store).delete(write.key);
  };
  const batch = (writes: readonly Write[]) => {
    const copies = writes.map((write) => (write.type === 'put' ? { ...write, value: copy(write.value) } : write));
    for (const write of copies) apply(write);
  };
  return {
    get: async (store, key) => copy(of(store).get(key)),
    put: async (store, key, value) => apply({ type: 'put', store, key, value: copy(value) }),
    delete: async (store, key) => apply({ type: 'delete', store, key }),
    async list(store, { prefix = '', limit, order = 'ascending', values }) {
      const sign = order === 'ascending' ? 1 : -1;
      return [...of(store)]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -sign : sign))
        .slice(0, limit)
        .map(([key, value]): Entry => ({ key, value: values === 'unread' ? undefined : copy(value) }));
    },
    batch: async (writes) => batch(writes),
    update: async (reads, plan) => batch(plan(reads.map(({ store, key }) => copy(of(store).get(key))))),
  };
}

/** As in a database, stored and returned values are never the same object. */
function copy(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch (cause) {
    throw badValue(cause);
  }
}
