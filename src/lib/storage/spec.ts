/**
 * Persistent storage: named stores of keys and structured-cloneable values. Readers validate values with a schema,
 * since an older build may have written them. Every implementation passes `tests/compliance/storage.ts`. Errors:
 * `storage-full` (quota), `storage-unavailable` (private window, no permission).
 */
export interface KeyValue {
  get(store: StoreName, key: string): Promise<unknown>;
  /** Atomic: after a crash either the old or the new value is present. */
  put(store: StoreName, key: string, value: unknown): Promise<void>;
  delete(store: StoreName, key: string): Promise<void>;
  /** At most `limit` entries, ordered by key (by code unit). */
  list(store: StoreName, options: ListOptions): Promise<readonly Entry[]>;
  /** All or nothing. Relaxed, a power cut may undo it with all that came after; a later write that survives one makes it survive too. */
  batch(writes: readonly Write[], options?: BatchOptions): Promise<void>;
  /**
   * Reads, then writes what `plan` makes of the values, as one step: no other writer comes in between, of this window or of
   * another. All or nothing; if `plan` throws, nothing is written and its coded error passes through. `plan` is synchronous and
   * pure: a connection that was lost makes it run again.
   */
  update(reads: readonly Place[], plan: (values: readonly unknown[]) => readonly Write[]): Promise<void>;
}

export type StoreName =
  'identity' | 'settings' | 'conversations' | 'messages' | 'receipts' | 'jobs' | 'measurements' | 'pay';

export const storeNames: readonly StoreName[] = [
  'identity',
  'settings',
  'conversations',
  'messages',
  'receipts',
  'jobs',
  'measurements',
  'pay',
];

/** Stores whose writes survive a power cut once they resolve: losing one would cost money or an identity. */
export const durableStores: ReadonlySet<StoreName> = new Set(['identity', 'pay']);

export interface BatchOptions {
  /** By default as the stores say. */
  readonly durability?: 'relaxed' | undefined;
}

export interface Place {
  readonly store: StoreName;
  readonly key: string;
}

export interface Entry {
  readonly key: string;
  readonly value: unknown;
}

export interface ListOptions {
  readonly prefix?: string;
  readonly limit: number;
  readonly order?: 'ascending' | 'descending';
  /** `unread` where only keys are wanted: each value is undefined. */
  readonly values?: 'unread' | undefined;
}

export type Write =
  | { readonly type: 'put'; readonly store: StoreName; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly store: StoreName; readonly key: string };
