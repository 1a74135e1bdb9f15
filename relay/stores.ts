import { join } from 'node:path';
import { ledgerLocation } from './keys.ts';
import { openDatabase, type LedgerDatabase } from './ledger/database.ts';
import type { LedgerEnv } from './settings/commands.ts';
import { createCheckpoints, type Checkpoints } from './storage/checkpoints.ts';
import { openSqliteStorage, type SqliteStorage } from './storage/sqlite.ts';
import type { Undo } from './unwind.ts';

/** What outlives a process with a gateway. */
export interface Stores {
  readonly checkpoints: Checkpoints;
  /** Of its peer: receipts, and what it knows of workers. */
  readonly storage: SqliteStorage;
  /** Keys, ledger and answers, which several gateways may share. */
  readonly database: LedgerDatabase;
}

/** @throws `data-in-use`, `data-not-writable`, `database-unavailable`. */
export async function openStores(env: LedgerEnv, undo: Undo): Promise<Stores> {
  const checkpoints = createCheckpoints();
  undo.push(() => checkpoints.stop());
  const storage = openSqliteStorage(join(env.DATA_DIR, 'relay.db'), checkpoints);
  undo.push(() => storage.close());
  const database = await openDatabase({ ...ledgerLocation(env), checkpoints });
  undo.push(() => database.destroy());
  return { checkpoints, storage, database };
}
