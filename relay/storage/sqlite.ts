import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { TabloomError } from '#lib/base/errors.ts';
import { badValue, storageFull, storageUnavailable } from '#lib/storage/errors.ts';
import type { Checkpoints } from './checkpoints.ts';
import {
  durableStores,
  type BatchOptions,
  type Entry,
  type KeyValue,
  type StoreName,
  type Write,
} from '#lib/storage/spec.ts';

export interface SqliteStorage extends KeyValue {
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS entries (
    store TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)
  ) WITHOUT ROWID, STRICT`;

/**
 * Key-value storage in one SQLite file, for one process at a time, since two with one identity would make each other
 * unreachable: it holds a lock on a file beside. Keys are stored as UTF-16 big endian, whose bytes sort like code units; values as V8 structured clones.
 * @throws `data-in-use` when another process holds the file, `data-not-writable`.
 */
export function openSqliteStorage(file: string, checkpoints?: Checkpoints): SqliteStorage {
  const { database, lock } = open(file);
  const release = checkpoints?.watch(database, file);
  const statements = {
    get: database.prepare('SELECT value FROM entries WHERE store = ? AND key = ?'),
    put: database.prepare('INSERT OR REPLACE INTO entries (store, key, value) VALUES (?, ?, ?)'),
    delete: database.prepare('DELETE FROM entries WHERE store = ? AND key = ?'),
  };
  const between = (order: 'ASC' | 'DESC', columns: 'key' | 'key, value' = 'key, value') =>
    database.prepare(
      `SELECT ${columns} FROM entries WHERE store = ? AND key >= ? AND (? IS NULL OR key < ?) ORDER BY key ${order} LIMIT ?`,
    );
  const lists = { ascending: between('ASC'), descending: between('DESC') };
  const keysOf = { ascending: between('ASC', 'key'), descending: between('DESC', 'key') };

  const encode = (write: Write): readonly SQLInputValue[] =>
    write.type === 'put'
      ? [write.store, encodeKey(write.key), encodeValue(write.value)]
      : [write.store, encodeKey(write.key)];
  const read = (store: StoreName, key: string) => {
    const row = coded(() => statements.get.get(store, encodeKey(key)));
    return row ? decodeValue(row['value']) : undefined;
  };
  const apply = (writes: readonly Write[], options?: BatchOptions) => {
    // All values are encoded before any is written, so that a bad one rejects the whole batch.
    const rows = writes.map((write) => [statements[write.type], encode(write)] as const);
    coded(() => {
      // In WAL mode, NORMAL survives the end of the process, and only FULL that of the machine.
      database.exec(`PRAGMA synchronous = ${synchronousFor(writes, options)}; BEGIN IMMEDIATE`);
      try {
        for (const [statement, values] of rows) statement.run(...values);
        database.exec('COMMIT');
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
    });
  };

  return {
    get: async (store, key) => read(store, key),
    put: async (store, key, value) => apply([{ type: 'put', store, key, value }]),
    delete: async (store: StoreName, key: string) => apply([{ type: 'delete', store, key }]),
    batch: async (writes, options) => apply(writes, options),
    // This process is the only writer, and nothing here is awaited: no other write can come in between.
    update: async (reads, plan) => apply(plan(reads.map(({ store, key }) => read(store, key)))),
    async list(store, { prefix = '', limit, order = 'ascending', values }) {
      const first = encodeKey(prefix);
      const end = afterPrefix(first);
      const { [order]: statement } = values === 'unread' ? keysOf : lists;
      const rows = coded(() => statement.all(store, first, end, end, Math.max(0, limit)));
      return rows.map(({ key, value }): Entry => ({
        key: decodeKey(key),
        value: value === undefined ? undefined : decodeValue(value),
      }));
    },
    close() {
      release?.();
      database.close();
      lock.close();
    },
  };
}

/** How a transaction with these writes reaches the disk. */
export const synchronousFor = (
  writes: readonly Pick<Write, 'store'>[],
  { durability }: BatchOptions = {},
): 'FULL' | 'NORMAL' =>
  durability !== 'relaxed' && writes.some(({ store }) => durableStores.has(store)) ? 'FULL' : 'NORMAL';

function open(file: string): { readonly database: DatabaseSync; readonly lock: DatabaseSync } {
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    keepPrivate(file);
    // Not on the database itself: another thread of this process has to get at it.
    lock = new DatabaseSync(`${file}-lock`);
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;');
    const database = new DatabaseSync(file);
    // Of a new file: a receipt fits a page of this size, and takes half the work of one that overflows.
    database.exec('PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    database.exec(`BEGIN IMMEDIATE; ${schema}; COMMIT;`);
    return { database, lock };
  } catch (cause) {
    lock?.close();
    const locked = sqliteCode(cause) === codes.busy;
    throw new TabloomError(
      locked ? 'data-in-use' : 'data-not-writable',
      locked
        ? `Another process uses ${dirname(file)}. Stop it, or give this one its own DATA_DIR.`
        : `${dirname(file)} cannot be written. Give another DATA_DIR or change its permissions.`,
      { cause, details: { file } },
    );
  }
}

/** Owner-only from the first byte. SQLite gives `-wal` and `-shm` the mode of the database file. */
function keepPrivate(file: string): void {
  for (const one of [file, `${file}-lock`]) closeSync(openSync(one, 'a', 0o600));
  for (const one of [file, `${file}-wal`, `${file}-shm`, `${file}-lock`]) if (existsSync(one)) chmodSync(one, 0o600);
}

/** Primary result codes of SQLite. */
const codes = { busy: 5, full: 13 } as const;

const sqliteCode = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;

function coded<T>(run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (sqliteCode(cause) === codes.full) throw storageFull(cause);
    throw storageUnavailable('The data folder cannot be read or written now. Look at the disk.', cause);
  }
}

const encodeKey = (key: string): Uint8Array => Buffer.from(key, 'utf16le').swap16();
const decodeKey = (bytes: unknown): string =>
  Buffer.from(bytes as Uint8Array)
    .swap16()
    .toString('utf16le');

/** The first key after every key with the prefix; null if there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array | null {
  const end = Uint8Array.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    if (end[at] === 0xff) continue;
    end[at]! += 1;
    return end.subarray(0, at + 1);
  }
  return null;
}

function encodeValue(value: unknown): Uint8Array {
  try {
    return serialize(value);
  } catch (cause) {
    throw badValue(cause);
  }
}

const decodeValue = (bytes: unknown): unknown => deserialize(bytes as Uint8Array);
