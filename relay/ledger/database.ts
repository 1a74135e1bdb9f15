import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteDialect, type SqliteDatabase } from 'kysely';
import { Migrator } from 'kysely/migration';
import { TabloomError } from '#lib/base/errors.ts';
import type { Checkpoints } from '../storage/checkpoints.ts';
import { migrations } from './migrations.ts';
import { openPostgres } from './postgres.ts';
import {
  beginImmediately,
  createPrepared,
  immediateTransactions,
  type PreparedStatement,
  type Transact,
} from './transaction.ts';

/** The tables. Times are milliseconds since the epoch; whole numbers are bigint in both databases. */
export interface Tables {
  readonly keys: KeyRow;
  readonly key_origins: { readonly origin: string; readonly key_id: string };
  readonly quota: QuotaRow;
  readonly spending: SpendingRow;
  readonly transfers: TransferRow;
  readonly open_holds: OpenHoldRow;
  readonly balances: BalanceRow;
  readonly purchases: PurchaseRow;
  readonly permits: PermitRow;
  readonly escrows: EscrowRow;
  readonly open_spends: OpenSpendRow;
  readonly runs: RunRow;
  readonly activity: ActivityRow;
  readonly work: WorkRow;
  readonly answers: AnswerRow;
  readonly nonces: { readonly nonce: string; readonly expires_at: bigint };
  readonly sessions: { readonly hash: string; readonly address: string; readonly expires_at: bigint };
  /** One row: what tells these books from all others on a chain, 32 bytes in hexadecimal digits. */
  readonly ledger_mark: { readonly id: string; readonly mark: string };
  /** The gateways that share this database, and when each was last seen. */
  readonly gateways: { readonly id: string; readonly seen_at: bigint };
}

export interface KeyRow {
  readonly id: string;
  /** SHA-256 of the key, in hexadecimal digits. */
  readonly hash: string;
  readonly owner: string | null;
  /** JSON, checked when it is read. */
  readonly terms: string;
  readonly created_at: bigint;
  readonly revoked_at: bigint | null;
}

/** What a key has used in a period, a day of UTC or `total`; what running jobs have reserved counts in full. */
export interface QuotaRow {
  readonly key_id: string;
  readonly period: string;
  readonly requests: bigint;
  readonly tokens: bigint;
}

/** What the requests of a key have cost in a month of UTC, in micro-credits; what running jobs hold counts in full. */
export interface SpendingRow {
  readonly key_id: string;
  /** As `2026-11`. */
  readonly month: string;
  readonly units: bigint;
}

/** One movement of credits from an account to another: both sides of an entry in one row, so that the books always balance. */
export interface TransferRow {
  /** The job and the step, of which each job takes each once: `open`, `close`, `rest`, `levy`, and one for each worker it paid. */
  readonly id: string;
  readonly job: string;
  readonly type: TransferType;
  readonly debit: string;
  readonly credit: string;
  /** Micro-credits, never negative. */
  readonly units: bigint;
  readonly at: bigint;
}

/**
 * A `rest` is what was held and not used; an `opening` what an account paid on a day whose jobs are not kept any more; a
 * `purchase` what was paid for on a chain; a `collection` what was collected there for a job that is over, and a `loss` what
 * could not be; an `escrow` is followed by `payout` and `share`, and by a `refund` of what is left; a `spend` is what was promised to a
 * provider, an `income` what was promised to a hub, and a `levy` the part of a price that pays for audits.
 */
export type TransferType =
  | 'hold'
  | 'settle'
  | 'release'
  | 'rest'
  | 'opening'
  | 'purchase'
  | 'collection'
  | 'loss'
  | 'escrow'
  | 'payout'
  | 'share'
  | 'refund'
  | 'spend'
  | 'income'
  | 'levy';

/** What an account that pays in advance may still spend: the sum of its transfers, never negative. */
export interface BalanceRow {
  readonly account: string;
  readonly units: bigint;
}

/** A payment on a chain for credits, written down before it is collected. */
export interface PurchaseRow {
  /** The chain, the token, the payer and the nonce of the authorization. */
  readonly id: string;
  readonly account: string;
  /** Micro-credits. */
  readonly units: bigint;
  readonly state: 'pending' | 'paid';
  /** JSON: the signed authorization. */
  readonly transfer: string;
  /** The block before which it cannot have been collected. */
  readonly since: bigint;
  /** The transaction, once it is paid. */
  readonly hash: string | null;
  readonly at: bigint;
}

/** What a stranger has signed for one answer: at most so much is collected, when it has ended. Written down before the work begins. */
export interface PermitRow {
  /** The chain, the token, the payer and the nonce of the permit. */
  readonly id: string;
  /** Whose answer it pays; null before that is held. */
  readonly job: string | null;
  /** `open` until the job has ended, `due` until it is collected, `lost` where that has become impossible. */
  readonly state: 'open' | 'due' | 'paid' | 'void' | 'lost';
  /** Micro-credits: what is taken, in whole units of the token; 0 while that is not known. */
  readonly units: bigint;
  /** JSON: the signed permit. */
  readonly permit: string;
  /** The block before which it cannot have been collected. */
  readonly since: bigint;
  readonly hash: string | null;
  readonly at: bigint;
}

/** Credits that one wallet has set aside for a job of another. */
export interface EscrowRow {
  /** The payer and the job. */
  readonly id: string;
  readonly payer: string;
  readonly job: string;
  readonly kind: string;
  /** Empty where none was named. */
  readonly model: string;
  readonly provider: string;
  /** The most, of the kind's unit. */
  readonly units: bigint;
  /** Micro-credits of one. */
  readonly price: bigint;
  readonly deadline: bigint;
  readonly state: 'open' | 'released' | 'refunded';
  /** Units that were paid. */
  readonly delivered: bigint;
  /** When it was closed; 0 until then. */
  readonly closed_at: bigint;
  readonly at: bigint;
}

/** A hold that is neither settled nor released yet. */
export interface OpenHoldRow {
  readonly job: string;
  /** The gateway that runs the job, by its peer id. */
  readonly gateway: string;
  /** JSON: ids of the jobs that this one may become, one for each model. */
  readonly ids: string;
  readonly account: string;
  readonly units: bigint;
  readonly key_id: string | null;
  readonly day: string;
  readonly tokens: bigint;
  /** 1 where it costs all of `units`, whatever it uses. */
  readonly fixed: bigint;
  /** 1 where a part of its price goes to the levy. */
  readonly levied: bigint;
}

/** A payment to a provider whose job runs; what it has promised is not booked yet. */
export interface OpenSpendRow {
  readonly id: string;
  readonly job: string;
  readonly gateway: string;
  /** The channel's. */
  readonly account: string;
  /** Micro-credits that it may come to. */
  readonly units: bigint;
  /** 1 where it pays a canary, out of the levy. */
  readonly canary: bigint;
}

/** A job that has ended. */
export interface RunRow {
  readonly job: string;
  readonly at: bigint;
  readonly model: string;
  readonly kind: string;
  readonly peer: string | null;
  readonly outcome: 'finished' | 'failed' | 'cancelled';
  readonly tokens_in: bigint;
  readonly tokens_out: bigint;
  readonly ms: bigint;
}

/** The sums of an hour for a model. */
export interface ActivityRow {
  readonly hour: bigint;
  readonly model: string;
  readonly jobs: bigint;
  readonly finished: bigint;
  readonly tokens_in: bigint;
  readonly tokens_out: bigint;
}

/** What a worker has done on a day of UTC, by receipts that were checked. */
export interface WorkRow {
  readonly worker: string;
  /** Its beginning. */
  readonly day: bigint;
  readonly answers: bigint;
  readonly tokens_in: bigint;
  readonly tokens_out: bigint;
  readonly last_at: bigint;
}

/** An answer under an Idempotency-Key, or the claim of the gateway that works on it. */
export interface AnswerRow {
  /** A hash of the key and of who sent it. */
  readonly name: string;
  readonly body_hash: string;
  readonly gateway: string;
  readonly expires_at: bigint;
  /** JSON: ids of the job for each model. */
  readonly ids: string;
  /** A V8 structured clone; null while the answer is being made. */
  readonly events: Uint8Array | null;
}

export type LedgerDatabase = Kysely<Tables> & { readonly transact: Transact };

/** A file of this machine, or a Postgres server that several gateways may share. */
export type DatabaseLocation = DatabaseFile | { readonly url: string };

interface DatabaseFile {
  readonly file: string;
  readonly checkpoints?: Checkpoints | undefined;
}

const busyTimeoutMs = 5_000;

/**
 * Opens the database and brings its tables up to date. Several processes may hold it, a file too: keys are made by a command
 * while the relay runs.
 * @throws `data-not-writable`, `database-unavailable`.
 */
export async function openDatabase(location: DatabaseLocation): Promise<LedgerDatabase> {
  const db = 'file' in location ? sqlite(location) : await openPostgres<Tables>(location.url);
  try {
    const { error } = await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest();
    if (error !== undefined) throw error;
    return db;
  } catch (cause) {
    await db.destroy().catch(() => undefined);
    throw 'file' in location
      ? new TabloomError(
          'data-not-writable',
          `${dirname(location.file)} cannot be written. Give another DATA_DIR or change its permissions.`,
          { cause },
        )
      : new TabloomError(
          'database-unavailable',
          'The database of DATABASE_URL cannot be used. Check that it runs, and that the address and the password are right.',
          { cause },
        );
  }
}

function sqlite({ file, checkpoints }: DatabaseFile): LedgerDatabase {
  let connection: Connection | undefined;
  const open = async (): Promise<SqliteDatabase> => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Owner-only from the first byte. SQLite gives `-wal` and `-shm` the mode of the database file.
    closeSync(openSync(file, 'a', 0o600));
    for (const one of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(one)) chmodSync(one, 0o600);
    const database = new DatabaseSync(file, { readBigInts: true, timeout: busyTimeoutMs });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    const release = checkpoints?.watch(database, file);
    const prepare = createPrepared(database);
    connection = { database, prepare };
    return {
      close() {
        release?.();
        database.close();
      },
      prepare(given) {
        const { statement, reader } = prepare(given === 'begin' ? beginImmediately : given);
        const inputs = (parameters: readonly unknown[]) => parameters as readonly SQLInputValue[];
        return {
          reader,
          all: (parameters: readonly unknown[]) => statement.all(...inputs(parameters)),
          run: (parameters: readonly unknown[]) => statement.run(...inputs(parameters)),
          iterate: (parameters: readonly unknown[]) => statement.iterate(...inputs(parameters)),
        };
      },
    };
  };
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: open }) });
  const transact = immediateTransactions(
    () => connection!,
    (work) => db.connection().execute(async () => work()),
  );
  return Object.assign(db, { transact });
}

interface Connection {
  readonly database: DatabaseSync;
  readonly prepare: (sql: string) => PreparedStatement;
}
