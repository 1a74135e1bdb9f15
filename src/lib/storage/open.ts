import type { Clock } from '#lib/base/clock.ts';
import { wrap, type IDBPDatabase } from 'idb';
import { storageError, storageUnavailable } from './errors.ts';
import type { Migration } from './migrations.ts';

export interface OpenComponents {
  /** `globalThis.indexedDB`; undefined where the browser hides it. */
  readonly factory: IDBFactory | undefined;
  readonly clock: Clock;
}

export interface OpenDatabaseOptions {
  readonly name: string;
  readonly migrations: readonly Migration[];
  /** The connection has gone: closed for another tab's upgrade, or by the browser. */
  readonly onGone: () => void;
}

/** How long an upgrade waits for other tabs to let go of the old version. */
const blockedMs = 5_000;

/**
 * Opens the database at the version that the migrations reach, running those that are missing in one transaction.
 * @throws `storage-unavailable`, `storage-full`.
 */
export async function openDatabase(
  { factory, clock }: OpenComponents,
  { name, migrations, onGone }: OpenDatabaseOptions,
): Promise<IDBPDatabase> {
  if (!factory)
    throw storageUnavailable('This browser keeps nothing for this site. Allow storage, or use another one.');
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
      // Nobody waits any more: an upgrade that gets through late must not hold other tabs up.
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
