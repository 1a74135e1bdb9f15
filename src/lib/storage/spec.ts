/**
 * What survives a reload: named stores of keys and structured-clonable values. Readers put what they get through a
 * schema, since an older build may have written it. Every implementation runs `tests/compliance/storage.ts`.
 * Errors: `storage-full` (quota), `storage-unavailable` (private window, no permission).
 */
export interface KeyValue {
  get(store: StoreName, key: string): Promise<unknown>;
  /** Atomic: after a crash the old or the new value is there, whole. */
  put(store: StoreName, key: string, value: unknown): Promise<void>;
  delete(store: StoreName, key: string): Promise<void>;
  /** Entries in the order of their keys (by code unit), at most `limit`. */
  list(store: StoreName, options: ListOptions): Promise<readonly Entry[]>;
  /** All or nothing. */
  batch(writes: readonly Write[]): Promise<void>;
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

export interface Entry {
  readonly key: string;
  readonly value: unknown;
}

export interface ListOptions {
  readonly prefix?: string;
  readonly limit: number;
  readonly order?: 'ascending' | 'descending';
}

export type Write =
  | { readonly type: 'put'; readonly store: StoreName; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly store: StoreName; readonly key: string };
