import { storeNames } from './spec.ts';

/**
 * The migrations from an empty database to the current one; the version is their count. Never change a released
 * migration, add another. Migrations run in the upgrade's transaction, which commits as a whole.
 */
export type Migration = (database: IDBDatabase, transaction: IDBTransaction) => void;

/** Stores have no key path and no indexes: values are opaque, and keys are designed to sort usefully. */
const createStores: Migration = (database) => {
  for (const name of storeNames) database.createObjectStore(name);
};

export const migrations: readonly Migration[] = [createStores];
