import { sql } from 'kysely';
import type { LedgerDatabase } from './database.ts';
import { escrowFindings } from './escrows.ts';
import { levyShare } from './levy.ts';
import { accounts, balances as balancesOf } from './ledger.ts';

/** What the books come to, and where they do not come out even. */
export interface LedgerCheck {
  readonly transfers: number;
  /** What each account has received less what it has paid, in micro-credits. */
  readonly balances: ReadonlyMap<string, bigint>;
  readonly debts: Debts;
  /** Holds of jobs that are neither settled nor released, by gateway. */
  readonly open: readonly OpenHolds[];
  /** Empty when all is well; at most a hundred. */
  readonly findings: readonly Finding[];
}

/** What the relay owes wallets, in micro-credits: they can be spent here, and are paid out nowhere. */
export interface Debts {
  readonly wallets: number;
  readonly units: bigint;
  /** Of it, what others paid them by escrow; the rest was bought. What is spent is taken from what was bought first. */
  readonly earned: bigint;
}

export interface OpenHolds {
  readonly gateway: string;
  readonly holds: number;
  /** When the oldest was taken, in milliseconds since the epoch. */
  readonly since: number;
  /** When the gateway was last seen, where several share the database. */
  readonly seenAt: number | undefined;
}

export interface Finding {
  /** A job, or an account. */
  readonly subject: string;
  readonly problem: string;
}

const findingsMax = 100;
/** Many times what the deadlines of a job and of all its further models come to. */
const runningMsMax = 24 * 3_600_000;

/**
 * Reads all books, while gateways go on writing them: each statement sees one state. Nothing is changed.
 */
export async function checkLedger(db: LedgerDatabase, now: number): Promise<LedgerCheck> {
  const balances = await balancesOf(db);
  const { transfers } = await db
    .selectFrom('transfers')
    .select(({ fn }) => fn.countAll<bigint>().as('transfers'))
    .executeTakeFirstOrThrow();
  const open = await db
    .selectFrom('open_holds')
    .leftJoin('transfers', (join) => join.on((on) => on('transfers.id', '=', sql<string>`open_holds.job || '/open'`)))
    .leftJoin('gateways', 'gateways.id', 'open_holds.gateway')
    .select(({ fn }) => [
      'open_holds.gateway',
      fn.countAll<bigint>().as('holds'),
      fn.min('transfers.at').as('since'),
      fn.max('gateways.seen_at').as('seen_at'),
    ])
    .groupBy('open_holds.gateway')
    .orderBy('open_holds.gateway')
    .execute();
  const { rows: findings } = await sql<Finding>`${allFindings} LIMIT ${sql.lit(findingsMax)}`.execute(db);
  const sum = [...balances.values()].reduce((total, units) => total + units, 0n);
  return {
    transfers: Number(transfers),
    balances,
    debts: debtsOf(balances, await earnedOf(db)),
    open: open.map(({ gateway, holds, since, seen_at: seenAt }) => ({
      gateway,
      holds: Number(holds),
      since: Number(since ?? 0n),
      seenAt: seenAt === null ? undefined : Number(seenAt),
    })),
    findings: [
      ...(sum === 0n ? [] : [{ subject: 'all accounts', problem: `come to ${sum} and not to 0` }]),
      ...open.flatMap(({ gateway, since }) =>
        since !== null && now - Number(since) > runningMsMax ? [{ subject: gateway, problem: abandoned }] : [],
      ),
      ...findings,
    ],
  };
}

/** What each wallet was paid for work. */
async function earnedOf(db: LedgerDatabase): Promise<ReadonlyMap<string, bigint>> {
  const rows = await db
    .selectFrom('transfers')
    .select(['credit', sql<bigint>`CAST(SUM(units) AS BIGINT)`.as('units')])
    .where('type', '=', 'payout')
    .groupBy('credit')
    .execute();
  return new Map(rows.map(({ credit, units }) => [credit, units]));
}

function debtsOf(balances: ReadonlyMap<string, bigint>, earned: ReadonlyMap<string, bigint>): Debts {
  const owed = [...balances].filter(([account, units]) => account.startsWith('wallet ') && units > 0n);
  const least = (a: bigint, b: bigint) => (a < b ? a : b);
  return {
    wallets: owed.length,
    units: owed.reduce((sum, [, units]) => sum + units, 0n),
    earned: owed.reduce((sum, [account, units]) => sum + least(units, earned.get(account) ?? 0n), 0n),
  };
}

const abandoned =
  'has held credits for more than a day, and no job runs that long; a relay ends what it left open when it starts';

const stepOf = (job: string, step: string) =>
  sql`(SELECT id FROM transfers WHERE id = ${sql.ref(job)} || ${sql.lit(`/${step}`)})`;
const unitsOf = (job: string, step: string) =>
  sql`COALESCE((SELECT units FROM transfers WHERE id = ${sql.ref(job)} || ${sql.lit(`/${step}`)}), 0)`;

/** One statement, so that it sees one state. */
const allFindings = sql`
  SELECT h.job AS subject, 'was held and neither settled nor released, and no gateway has it open' AS problem
    FROM transfers h WHERE h.type = 'hold' AND NOT EXISTS ${stepOf('h.job', 'close')}
    AND NOT EXISTS (SELECT job FROM open_holds o WHERE o.job = h.job)
  UNION ALL
  SELECT h.job, 'was settled or released, and a gateway still has it open'
    FROM open_holds h WHERE EXISTS ${stepOf('h.job', 'close')}
  UNION ALL
  SELECT o.job, 'is open, and what it holds is not what was taken for it'
    FROM open_holds o WHERE NOT EXISTS ${stepOf('o.job', 'open')} OR ${unitsOf('o.job', 'open')} <> o.units
  UNION ALL
  SELECT c.job, 'gives back and settles more or less than it held'
    FROM transfers c WHERE c.type IN ('settle', 'release')
    AND (NOT EXISTS ${stepOf('c.job', 'open')} OR ${unitsOf('c.job', 'open')} <> c.units + ${unitsOf('c.job', 'rest')})
  UNION ALL
  SELECT r.job, 'is told of as over, and was neither settled nor released'
    FROM runs r WHERE NOT EXISTS ${stepOf('r.job', 'close')}
  UNION ALL
  SELECT t.job, 'moves less than nothing, or nowhere'
    FROM transfers t WHERE t.units < 0 OR t.debit = t.credit
  UNION ALL
  SELECT b.account, 'may spend what its transfers do not come to'
    FROM balances b WHERE b.units < 0 OR b.units <>
      (SELECT COALESCE(SUM(CASE WHEN t.credit = b.account THEN t.units ELSE 0 END - CASE WHEN t.debit = b.account THEN t.units ELSE 0 END), 0)
        FROM transfers t WHERE t.credit = b.account OR t.debit = b.account)
  UNION ALL
  SELECT p.id, 'was paid for, and what was credited is not what it says'
    FROM purchases p WHERE p.state = 'paid' AND NOT EXISTS
      (SELECT t.id FROM transfers t WHERE t.id = 'purchase/' || p.id AND t.units = p.units AND t.credit = p.account)
  UNION ALL
  SELECT t.job, 'was credited, and no payment for it is known'
    FROM transfers t WHERE t.type = 'purchase' AND NOT EXISTS
      (SELECT p.id FROM purchases p WHERE t.id = 'purchase/' || p.id AND p.state = 'paid')
  UNION ALL
  SELECT o.job, 'has a payment to a provider that is open, and was booked'
    FROM open_spends o WHERE EXISTS (SELECT t.id FROM transfers t WHERE t.id = o.id)
  UNION ALL
  SELECT s.job, 'paid providers more than was held from its caller'
    FROM (SELECT job, SUM(units) AS units FROM transfers WHERE type = 'spend' GROUP BY job) s
    JOIN transfers h ON h.id = s.job || '/open' WHERE h.debit LIKE 'wallet %' AND h.units < s.units
  UNION ALL
  SELECT l.job, 'gave the levy more or less than its part'
    FROM transfers l LEFT JOIN transfers c ON c.id = l.job || '/close' WHERE l.type = 'levy'
    AND (c.id IS NULL OR c.type <> 'settle' OR l.units <> c.units * ${sql.lit(Number(levyShare))} / 1000000)
  UNION ALL
  SELECT t.debit, 'has promised a hub more or less than the total that is booked last'
    FROM transfers t WHERE t.type = 'income' GROUP BY t.debit
    HAVING SUM(t.units) <> MAX(CAST(SUBSTR(t.id, LENGTH(t.debit) + 2) AS BIGINT))
  UNION ALL
  SELECT p.id, 'was collected or lost, and the books do not say so'
    FROM permits p WHERE p.state IN ('paid', 'lost') AND NOT EXISTS
      (SELECT t.id FROM transfers t WHERE t.id = 'permit/' || p.id AND t.units = p.units)
  UNION ALL
  SELECT p.id, 'is owed more or less than its job came to'
    FROM permits p JOIN transfers c ON c.id = p.job || '/close' WHERE p.state IN ('due', 'paid', 'lost')
    AND (c.type <> 'settle' OR c.units <> p.units)
  UNION ALL
  SELECT t.job, 'was collected, and no permit for it is known'
    FROM transfers t WHERE t.type IN ('collection', 'loss') AND NOT EXISTS
      (SELECT p.id FROM permits p WHERE t.id = 'permit/' || p.id AND p.state IN ('paid', 'lost'))
  UNION ALL ${escrowFindings}
  UNION ALL
  SELECT ${sql.lit(accounts.held)}, 'is not what the open holds come to'
    WHERE (SELECT COALESCE(SUM(units), 0) FROM open_holds) <>
      (SELECT COALESCE(SUM(CASE WHEN credit = 'held' THEN units ELSE 0 END - CASE WHEN debit = 'held' THEN units ELSE 0 END), 0)
        FROM transfers WHERE credit = 'held' OR debit = 'held')`;
