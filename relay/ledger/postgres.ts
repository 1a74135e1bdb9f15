import { createHash } from 'node:crypto';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import { errorCode } from '#lib/base/errors.ts';
import type { Pool, PoolClient, QueryConfig } from 'pg';
import { commitUnknown, ledgerUnavailable } from './unavailable.ts';
import { preparedMax, type Transact } from './transaction.ts';

const connectionsMax = 8;
const connectTimeoutMs = 5_000;
/** Of a statement of the books, which touches a few rows: the server, or the way to it, is away. */
const statementTimeoutMs = 5_000;

/** A Postgres server that several gateways may share. Its driver is loaded only where it is used. */
export async function openPostgres<Tables>(url: string): Promise<Kysely<Tables> & { readonly transact: Transact }> {
  const { default: pg } = await import('pg');
  const int8 = 20;
  const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
    oid === int8 ? BigInt : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser;
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: connectTimeoutMs,
    types: { getTypeParser },
  });
  // An idle connection that breaks is replaced at the next query, which reports a server that is gone.
  pool.on('error', () => undefined);
  // Nor does one in use take the process with it: what it was used for fails. The pool listens to idle ones alone.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: reporting(pool) }) });
  return Object.assign(db, { transact: pooledTransactions(pool) });
}

/** Classes of SQLSTATE: connection, operator's intervention, no room; and a server that only reads, such as a standby. */
const awayStates = /^(08|57P|53|25006)/;
/** What the driver says, without a code. */
const awayWords = /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has)/;

/** Whether a failure says that the server is away, rather than that something is wrong with the statement. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return awayStates.test(code) || /^E[A-Z_]+$/.test(code) || awayWords.test(error.message);
}

/** @throws `ledger-unavailable` where the server is away, and else what the driver says. */
const reported = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw isAway(error) ? ledgerUnavailable(error) : error;
  }
};

/** The pool, whose clients report a server that is away under a code. */
function reporting(pool: Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await reported(pool.connect());
      const query = (text: string, parameters: readonly unknown[]) => reported(client.query(text, [...parameters]));
      // Kysely has cursors too, where it is given them.
      return { query: query as unknown as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) };
    },
  };
}

/** What Postgres says where a pooler between has given the connection to another session: 26000 and 42P05. */
const unprepared = new Set(['26000', '42P05']);

/**
 * Statements go to the driver as they are, and each connection prepares each of them once: a job runs about ten, and Postgres
 * would take longer to plan one than to run it. Behind a pooler that knows nothing of prepared statements they are sent whole.
 */
function pooledTransactions(pool: Pool): Transact {
  const names = new Map<string, string>();
  let isPreparing = true;
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text);
    if (known !== undefined || names.size >= preparedMax) return known;
    // Of the text alone: behind a pooler, another gateway may have prepared it on the same connection.
    const name = `tabloom-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
    names.set(text, name);
    return name;
  };

  const run = async <Result>(client: PoolClient, begin: Parameters<Transact>[0]): Promise<Result> => {
    const write = (config: QueryConfig) =>
      reported(client.query<object>({ ...config, query_timeout: statementTimeoutMs } as QueryConfig));
    await write({ text: 'begin' });
    const steps = begin();
    for (let next = steps.next(); ;) {
      if (next.done) {
        await write({ text: 'commit' }).catch((error: unknown) => {
          throw errorCode(error) === 'ledger-unavailable' ? commitUnknown(error) : error;
        });
        return next.value as Result;
      }
      const { sql: text, parameters } = next.value;
      const name = isPreparing ? nameOf(text) : undefined;
      const query = { text, values: [...parameters], ...(name === undefined ? {} : { name }) };
      const { rows, rowCount } = await write(query);
      next = steps.next({ rows, changed: BigInt(rowCount ?? 0) });
    }
  };
  const attempt = async <Result>(begin: Parameters<Transact>[0]): Promise<Result> => {
    const client = await reported(pool.connect());
    let broken: Error | undefined;
    try {
      return await run<Result>(client, begin);
    } catch (error) {
      // A connection that cannot be rolled back is not used again.
      if (errorCode(error) === 'ledger-unavailable') broken = error as Error;
      else {
        await client.query('rollback').catch((cause: Error) => {
          broken = cause;
        });
      }
      throw error;
    } finally {
      client.release(broken);
    }
  };

  return async (begin) => {
    try {
      return await attempt(begin);
    } catch (error) {
      if (!isPreparing || !unprepared.has((error as { readonly code?: string }).code ?? '')) throw error;
      isPreparing = false;
      return attempt(begin);
    }
  };
}
