import type { LedgerDatabase } from './database.ts';
import { statement } from './statement.ts';

/** The statements that every job runs. */
export type Statements = ReturnType<typeof createStatements>;

const transferColumns = ['id', 'job', 'type', 'debit', 'credit', 'units', 'at'] as const;
const holdColumns = [
  'job',
  'gateway',
  'ids',
  'account',
  'units',
  'key_id',
  'day',
  'tokens',
  'fixed',
  'levied',
] as const;
const quotaColumns = ['key_id', 'period', 'requests', 'tokens'] as const;
const runColumns = ['job', 'at', 'model', 'kind', 'peer', 'outcome', 'tokens_in', 'tokens_out', 'ms'] as const;
const activityColumns = ['hour', 'model', 'jobs', 'finished', 'tokens_in', 'tokens_out'] as const;

export const createStatements = (db: LedgerDatabase) => ({
  transfer: statement(transferColumns, (row) =>
    db
      .insertInto('transfers')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing()),
  ),
  undo: statement(['id'], ({ id }) => db.deleteFrom('transfers').where('id', '=', id)),
  open: statement(holdColumns, (row) => db.insertInto('open_holds').values(row)),
  /** Changes nothing where there is less. */
  spend: statement(['account', 'units', 'least'], ({ account, units, least }) =>
    db
      .updateTable('balances')
      .set(({ eb }) => ({ units: eb('units', '-', units) }))
      .where('account', '=', account)
      .where('units', '>=', least),
  ),
  refund: statement(['account', 'units'], (row) =>
    db
      .insertInto('balances')
      .values(row)
      .onConflict((conflict) =>
        conflict.column('account').doUpdateSet(({ eb, ref }) => ({
          units: eb(ref('balances.units'), '+', ref('excluded.units')),
        })),
      ),
  ),
  balance: statement(['account'], ({ account }) =>
    db.selectFrom('balances').select('units').where('account', '=', account),
  ),
  /** Names the job that a permit pays, once. */
  bindPermit: statement(['id', 'job'], ({ id, job }) =>
    db.updateTable('permits').set({ job }).where('id', '=', id).where('job', 'is', null),
  ),
  endPermit: statement(['job', 'state', 'units'], ({ job, state, units }) =>
    db.updateTable('permits').set({ state, units }).where('job', '=', job),
  ),
  take: statement(['job'], ({ job }) => db.deleteFrom('open_holds').where('job', '=', job).returningAll()),
  quota: statement(quotaColumns, (row) =>
    db
      .insertInto('quota')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'period']).doUpdateSet(({ ref, eb }) => ({
          requests: eb(ref('quota.requests'), '+', ref('excluded.requests')),
          tokens: eb(ref('quota.tokens'), '+', ref('excluded.tokens')),
        })),
      )
      .returning(['requests', 'tokens']),
  ),
  /** Adds to what a key has cost in a month. */
  spending: statement(['key_id', 'month', 'units'], (row) =>
    db
      .insertInto('spending')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'month']).doUpdateSet(({ ref, eb }) => ({
          units: eb(ref('spending.units'), '+', ref('excluded.units')),
        })),
      )
      .returning('units'),
  ),
  run: statement(runColumns, (row) =>
    db
      .insertInto('runs')
      .values(row)
      .onConflict((conflict) => conflict.column('job').doNothing()),
  ),
  activity: statement(activityColumns, (row) =>
    db
      .insertInto('activity')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['hour', 'model']).doUpdateSet(({ eb, ref }) => ({
          jobs: eb(ref('activity.jobs'), '+', ref('excluded.jobs')),
          finished: eb(ref('activity.finished'), '+', ref('excluded.finished')),
          tokens_in: eb(ref('activity.tokens_in'), '+', ref('excluded.tokens_in')),
          tokens_out: eb(ref('activity.tokens_out'), '+', ref('excluded.tokens_out')),
        })),
      ),
  ),
});
