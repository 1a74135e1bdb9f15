import { PostgresAdapter, sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The one type whose name the databases do not share. */
const isPostgres = (db: Kysely<unknown>): boolean => db.getExecutor().adapter instanceof PostgresAdapter;

/** In SQLite a table with a primary key of text is one tree, not two: half as much is written. */
const table = (db: Kysely<unknown>, name: string) => {
  const created = db.schema.createTable(name);
  return isPostgres(db) ? created : created.modifyEnd(sql`WITHOUT ROWID`);
};

/** By name, in the order in which they are applied. One that has been released is never changed. */
export const migrations: Record<string, Migration> = {
  '2026-11-29': {
    async up(db: Kysely<unknown>) {
      await table(db, 'keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('hash', 'text', (column) => column.notNull().unique())
        .addColumn('owner', 'text')
        .addColumn('terms', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('revoked_at', 'bigint')
        .execute();
      await table(db, 'key_origins')
        .addColumn('origin', 'text', (column) => column.notNull())
        .addColumn('key_id', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('key_origins_pk', ['origin', 'key_id'])
        .execute();
      await table(db, 'quota')
        .addColumn('key_id', 'text', (column) => column.notNull())
        .addColumn('period', 'text', (column) => column.notNull())
        .addColumn('requests', 'bigint', (column) => column.notNull())
        .addColumn('tokens', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('quota_pk', ['key_id', 'period'])
        .execute();
      await table(db, 'transfers')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('job', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('debit', 'text', (column) => column.notNull())
        .addColumn('credit', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute();
      await table(db, 'open_holds')
        .addColumn('job', 'text', (column) => column.primaryKey())
        .addColumn('gateway', 'text', (column) => column.notNull())
        .addColumn('ids', 'text', (column) => column.notNull())
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .addColumn('key_id', 'text')
        .addColumn('day', 'text', (column) => column.notNull())
        .addColumn('tokens', 'bigint', (column) => column.notNull())
        .execute();
      await table(db, 'runs')
        .addColumn('job', 'text', (column) => column.primaryKey())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .addColumn('model', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('peer', 'text')
        .addColumn('outcome', 'text', (column) => column.notNull())
        .addColumn('tokens_in', 'bigint', (column) => column.notNull())
        .addColumn('tokens_out', 'bigint', (column) => column.notNull())
        .addColumn('ms', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('runs_by_time').on('runs').column('at').execute();
      await table(db, 'activity')
        .addColumn('hour', 'bigint', (column) => column.notNull())
        .addColumn('model', 'text', (column) => column.notNull())
        .addColumn('jobs', 'bigint', (column) => column.notNull())
        .addColumn('finished', 'bigint', (column) => column.notNull())
        .addColumn('tokens_in', 'bigint', (column) => column.notNull())
        .addColumn('tokens_out', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('activity_pk', ['hour', 'model'])
        .execute();
      await table(db, 'answers')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('body_hash', 'text', (column) => column.notNull())
        .addColumn('gateway', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .addColumn('ids', 'text', (column) => column.notNull())
        .addColumn('events', isPostgres(db) ? 'bytea' : 'blob')
        .execute();
      await table(db, 'nonces')
        .addColumn('nonce', 'text', (column) => column.primaryKey())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
      await table(db, 'sessions')
        .addColumn('hash', 'text', (column) => column.primaryKey())
        .addColumn('address', 'text', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
      await table(db, 'gateways')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('seen_at', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '2026-11-29-credits': {
    async up(db: Kysely<unknown>) {
      await table(db, 'balances')
        .addColumn('account', 'text', (column) => column.primaryKey())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .execute();
      await table(db, 'purchases')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('transfer', 'text', (column) => column.notNull())
        .addColumn('since', 'bigint', (column) => column.notNull())
        .addColumn('hash', 'text')
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('purchases_by_state').on('purchases').column('state').execute();
    },
  },
  '2026-11-29-doors': {
    async up(db: Kysely<unknown>) {
      await table(db, 'permits')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('job', 'text', (column) => column.unique())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .addColumn('permit', 'text', (column) => column.notNull())
        .addColumn('since', 'bigint', (column) => column.notNull())
        .addColumn('hash', 'text')
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('permits_by_state').on('permits').column('state').execute();
      await table(db, 'escrows')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('payer', 'text', (column) => column.notNull())
        .addColumn('job', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull())
        .addColumn('provider', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .addColumn('price', 'bigint', (column) => column.notNull())
        .addColumn('deadline', 'bigint', (column) => column.notNull())
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('delivered', 'bigint', (column) => column.notNull())
        .addColumn('at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('escrows_by_deadline').on('escrows').columns(['state', 'deadline']).execute();
      await db.schema.createIndex('escrows_by_payer').on('escrows').columns(['payer', 'state']).execute();
    },
  },
  '2026-11-30-plans': {
    async up(db: Kysely<unknown>) {
      await table(db, 'spending')
        .addColumn('key_id', 'text', (column) => column.notNull())
        .addColumn('month', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('spending_pk', ['key_id', 'month'])
        .execute();
      await db.schema
        .alterTable('open_holds')
        .addColumn('fixed', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
      await db.schema
        .alterTable('escrows')
        .addColumn('model', 'text', (column) => column.notNull().defaultTo(''))
        .execute();
      await db.schema
        .alterTable('escrows')
        .addColumn('closed_at', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
    },
  },
  '2026-11-30-spends': {
    async up(db: Kysely<unknown>) {
      await table(db, 'open_spends')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('job', 'text', (column) => column.notNull())
        .addColumn('gateway', 'text', (column) => column.notNull())
        .addColumn('account', 'text', (column) => column.notNull())
        .addColumn('units', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '2026-11-30-spends-incomes': {
    async up(db: Kysely<unknown>) {
      // Of a hub's income only: every other transfer costs what it did.
      await sql`CREATE INDEX transfers_of_income ON transfers (debit) WHERE type = 'income'`.execute(db);
    },
  },
  '2026-11-30-spends-mark': {
    async up(db: Kysely<unknown>) {
      await table(db, 'ledger_mark')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('mark', 'text', (column) => column.notNull())
        .execute();
    },
  },
  '2026-11-30-work': {
    async up(db: Kysely<unknown>) {
      await table(db, 'work')
        .addColumn('worker', 'text', (column) => column.notNull())
        .addColumn('day', 'bigint', (column) => column.notNull())
        .addColumn('answers', 'bigint', (column) => column.notNull())
        .addColumn('tokens_in', 'bigint', (column) => column.notNull())
        .addColumn('tokens_out', 'bigint', (column) => column.notNull())
        .addColumn('last_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('work_pk', ['worker', 'day'])
        .execute();
      await db.schema.createIndex('work_by_day').on('work').column('day').execute();
    },
  },
  '2026-12-01-levy': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .alterTable('open_holds')
        .addColumn('levied', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
      await db.schema
        .alterTable('open_spends')
        .addColumn('canary', 'bigint', (column) => column.notNull().defaultTo(0))
        .execute();
      const ofCanaries = sql`type = 'spend' AND debit IN ('levy', 'subsidy')`;
      await sql`CREATE INDEX transfers_of_canaries ON transfers (at) WHERE ${ofCanaries}`.execute(db);
    },
  },
};
