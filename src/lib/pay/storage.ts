/** The part of a storage that this room writes to: one store called `pay`. Any `KeyValue` of the house fits. */
export interface PayStorage {
  get(store: 'pay', key: string): Promise<unknown>;
  /** Atomic and durable once resolved. */
  put(store: 'pay', key: string, value: unknown): Promise<void>;
  delete(store: 'pay', key: string): Promise<void>;
  list(
    store: 'pay',
    options: { readonly prefix: string; readonly limit: number },
  ): Promise<readonly { readonly key: string; readonly value: unknown }[]>;
}
