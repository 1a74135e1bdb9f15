import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { CompiledQuery } from 'kysely';

/**
 * A transaction as the statements that it runs, one after the other, each with what the one before it brought. Written as a
 * generator, since a database that answers at once is then not awaited: a job runs about ten statements, and waiting for
 * each would cost more than they do.
 */
export type Steps<Result> = Generator<CompiledQuery<unknown>, Result, StepResult>;

/** What a statement brought: rows it returns, and how many it changed. */
export interface StepResult {
  readonly rows: readonly unknown[];
  readonly changed: bigint;
}

/** One statement of a transaction, with the rows that it returns. */
export function* step<Row>(query: CompiledQuery<Row>): Generator<CompiledQuery<unknown>, readonly Row[], StepResult> {
  return (yield query).rows as readonly Row[];
}

/** One statement of a transaction. Returns how many rows it changed. */
export function* change(query: CompiledQuery<unknown>): Steps<bigint> {
  return (yield query).changed;
}

/** Runs a transaction, or nothing of it. Begun again where it failed, it starts from its first statement. */
export type Transact = <Result>(begin: () => Steps<Result>) => Promise<Result>;

/** Of at most this many statements the prepared form is kept; their texts are few. */
export const preparedMax = 256;

/** Statements of a connection, prepared once. */
export function createPrepared(database: DatabaseSync): (sql: string) => PreparedStatement {
  const known = new Map<string, PreparedStatement>();
  return (sql) => {
    const kept = known.get(sql);
    if (kept) return kept;
    const statement = database.prepare(sql);
    const prepared = { statement, reader: statement.columns().length > 0 };
    if (known.size < preparedMax) known.set(sql, prepared);
    return prepared;
  };
}

export interface PreparedStatement {
  readonly statement: StatementSync;
  /** Whether it returns rows. */
  readonly reader: boolean;
}

/** A transaction that reads before it writes could otherwise fail when another process has written between. */
export const beginImmediately = 'begin immediate';

/**
 * In one turn of the event loop, over a connection that others use too: while a transaction of theirs is open, it waits for
 * `idle`.
 */
export const immediateTransactions =
  (
    connection: () => { readonly database: DatabaseSync; readonly prepare: (sql: string) => PreparedStatement },
    idle: (work: () => void) => Promise<void>,
  ): Transact =>
  async (begin) => {
    const { database, prepare } = connection();
    const run = () => {
      prepare(beginImmediately).statement.run();
      try {
        const result = runSteps(begin(), prepare);
        prepare('commit').statement.run();
        return result;
      } catch (error) {
        if (database.isTransaction) prepare('rollback').statement.run();
        throw error;
      }
    };
    if (!database.isTransaction) return run();
    let result: ReturnType<typeof run>;
    await idle(() => {
      result = run();
    });
    return result!;
  };

function runSteps<Result>(steps: Steps<Result>, prepare: (sql: string) => PreparedStatement): Result {
  for (let next = steps.next(); ;) {
    if (next.done) return next.value;
    const { sql, parameters } = next.value;
    const { statement, reader } = prepare(sql);
    const inputs = parameters as readonly SQLInputValue[];
    next = steps.next(
      reader
        ? { rows: statement.all(...inputs), changed: 0n }
        : { rows: [], changed: BigInt(statement.run(...inputs).changes) },
    );
  }
}
