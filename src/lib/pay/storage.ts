import type { Listed } from './spec.ts';

/** The subset of `KeyValue` used here: a single store called `pay`. */
export interface PayStorage {
  get(store: 'pay', key: string): Promise<unknown>;
  /** Atomic and durable once resolved. */
  put(store: 'pay', key: string, value: unknown): Promise<void>;
  delete(store: 'pay', key: string): Promise<void>;
  list(
    store: 'pay',
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<readonly { readonly key: string; readonly value: unknown }[]>;
  /** One step: no other writer comes in between, and nothing is written if `plan` throws. */
  update(
    reads: readonly PayPlace[],
    plan: (values: readonly unknown[]) => readonly (PayPlace & { readonly type: 'put'; readonly value: unknown })[],
  ): Promise<void>;
}

export interface PayPlace {
  readonly store: 'pay';
  readonly key: string;
}

/** Lists the records `parse` accepts and the keys of the rest, so that one damaged record does not block the others. */
export async function listReadable<T>(
  storage: PayStorage,
  range: { readonly prefix: string; readonly limit: number },
  parse: (key: string, value: unknown) => T,
): Promise<Listed<T>> {
  const records: T[] = [];
  const unreadable: string[] = [];
  for (const { key, value } of await storage.list('pay', range)) {
    try {
      records.push(parse(key, value));
    } catch {
      unreadable.push(key);
    }
  }
  return { records, unreadable };
}
