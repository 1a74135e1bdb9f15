import { toHex } from '#lib/base/bytes.ts';
import { storeNames, type KeyValue, type StoreName } from '#lib/storage/spec.ts';

/** Entries of one store that are exported or deleted. */
const entriesMax = 100_000;
/** Holds the private key, which never leaves the device. */
const secret: ReadonlySet<StoreName> = new Set(['identity', 'pay']);

/** Everything kept but keys and money, as JSON text; bytes in hexadecimal, amounts as text. */
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

/** `caches`: everything this site's engines and pages put there. */
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
