import { toHex } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createIndexedDbStorage } from '#lib/storage/indexeddb.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { storeNames, type KeyValue, type StoreName } from '#lib/storage/spec.ts';
import type { LockChannel } from './identity-lock.ts';

export interface BrowserStores {
  readonly storage: KeyValue;
  /** False if this browser stores nothing: everything works, but only until the page is closed. */
  readonly kept: boolean;
  /** Undefined if unavailable: models are then downloaded at every load. */
  readonly caches: CacheStorage | undefined;
}

/**
 * The storage this browser offers the site. In some private windows its members are missing, in others they throw when used,
 * and if the user has blocked storage, merely reading the members throws.
 */
export async function browserStores(
  scope: { readonly indexedDB?: IDBFactory; readonly caches?: CacheStorage },
  clock: Clock,
): Promise<BrowserStores> {
  const caches = tryRead(() => scope.caches);
  const storage = createIndexedDbStorage({ factory: tryRead(() => scope.indexedDB), clock });
  try {
    await storage.get('settings', 'tab');
    return { storage, kept: true, caches };
  } catch {
    return { storage: createMemoryStorage(), kept: false, caches };
  }
}

/** A channel between the tabs of this browser; does nothing if the browser provides none. */
export function browserChannel(name: string): LockChannel {
  return (
    tryRead(() => new BroadcastChannel(name)) ?? {
      postMessage: () => undefined,
      close: () => undefined,
      onmessage: null,
    }
  );
}

/** The most entries of one store that are exported or deleted. */
const entriesMax = 100_000;
/** Stores that hold private keys and vouchers, which never leave the device. */
const secret: ReadonlySet<StoreName> = new Set(['identity', 'pay']);

/** Everything stored except keys and vouchers, as JSON; bytes in hexadecimal, amounts as text. */
export async function exportData(storage: KeyValue): Promise<string> {
  const stores = await Promise.all(
    storeNames
      .filter((name) => !secret.has(name))
      .map(async (name) => [name, await storage.list(name, { limit: entriesMax })] as const),
  );
  const data = Object.fromEntries(
    stores.map(([name, entries]) => [name, Object.fromEntries(entries.map(({ key, value }) => [key, value]))]),
  );
  return JSON.stringify({ tabloom: 1, ...data }, (_, value: unknown) => {
    if (value instanceof Uint8Array) return toHex(value);
    return typeof value === 'bigint' ? String(value) : value;
  });
}

/** Deletes everything stored. @param caches with the files of the engines and the pages. */
export async function deleteData(
  storage: KeyValue,
  caches: Pick<CacheStorage, 'keys' | 'delete'> | undefined,
): Promise<void> {
  for (const name of storeNames) {
    const entries = await storage.list(name, { limit: entriesMax });
    await storage.batch(entries.map(({ key }) => ({ type: 'delete', store: name, key })));
  }
  for (const name of (await caches?.keys()) ?? []) await caches?.delete(name);
}

/** Clears local and session storage. */
export function clearAreas(scope: { readonly localStorage: Storage; readonly sessionStorage: Storage }): void {
  tryRead(() => scope.localStorage.clear());
  tryRead(() => scope.sessionStorage.clear());
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
