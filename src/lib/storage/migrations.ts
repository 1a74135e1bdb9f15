import { storeNames } from './spec.ts';

/**
 * The steps from an empty database to the present one; its version is their number. A step is never changed once
 * released: what comes next is another step. Steps only see the upgrade's own transaction, which commits as a whole.
 */
export type Migration = (database: IDBDatabase, transaction: IDBTransaction) => void;

/** Stores have no key path and no index: values are opaque here, and keys are chosen so that their order is useful. */
const createStores: Migration = (database) => {
  for (const name of storeNames) database.createObjectStore(name);
};

export const migrations: readonly Migration[] = [createStores];
