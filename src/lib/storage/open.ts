import type { Clock } from '#lib/base/clock.ts';
import { wrap, type IDBPDatabase } from 'idb';
import { storageError, storageUnavailable } from './errors.ts';
import type { Migration } from './migrations.ts';

export interface OpenComponents {
  /** `globalThis.indexedDB`; undefined if the browser hides it. */
  readonly factory: IDBFactory | undefined;
  readonly clock: Clock;
}

export interface OpenDatabaseOptions {
  readonly name: string;
  readonly migrations: readonly Migration[];
  /** Called when the connection has been closed, for another tab's upgrade or by the browser. */
  readonly onGone: () => void;
}

/** How long an upgrade waits for other tabs to close the old version. */
const blockedMs = 5_000;

/**
 * Opens the database at the version given by the migrations, running any missing ones in one transaction.
 * @throws `storage-unavailable`, `storage-full`.
 */
export async function openDatabase(
  { factory, clock }: OpenComponents,
  { name, migrations, onGone }: OpenDatabaseOptions,
): Promise<IDBPDatabase> {
  if (!factory)
    throw storageUnavailable('This browser does not allow storage for this site. Allow it, or use another browser.');
  let request: IDBOpenDBRequest;
  try {
    request = factory.open(name, migrations.length);
  } catch (error) {
    throw storageError(error);
  }
  const given = new AbortController();
  request.addEventListener('upgradeneeded', ({ oldVersion }) => {
    for (const migrate of migrations.slice(oldVersion)) migrate(request.result, request.transaction!);
  });
  const opened = (wrap(request) as Promise<IDBPDatabase>).then(
    (database) => {
      // The caller has given up; a late upgrade must not block other tabs.
      if (given.signal.aborted) database.close();
      return database;
    },
    (error: unknown) => {
      throw storageError(error);
    },
  );
  const blocked = new Promise<never>((_, reject) => {
    request.addEventListener('blocked', () => {
      const error = storageUnavailable('Another tab holds an older version of this storage. Close the other tabs.');
      clock.delay(blockedMs, { signal: given.signal }).then(
        () => reject(error),
        () => undefined,
      );
    });
  });
  try {
    const database = await Promise.race([opened, blocked]);
    database.addEventListener('versionchange', () => {
      database.close();
      onGone();
    });
    database.addEventListener('close', onGone);
    return database;
  } catch (error) {
    opened.catch(() => undefined);
    throw error;
  } finally {
    given.abort();
  }
}
