import { sql } from 'kysely';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { ApiKey } from '../api-key.ts';
import { writeCredits } from '../credit-amount.ts';
import { addHours, addRun, type HourSums, type JobUsage, type Run } from './activity.ts';
import { createBatchWriter } from './batch-writer.ts';
import type { LedgerDatabase, OpenHoldRow, TransferType } from './database.ts';
import { levyAccounts, levyOf } from './levy.ts';
import { releaseSpending, reserveSpending, settleSpending } from './plan.ts';
import { reserveQuota, settleQuota } from './quota.ts';
import { createStatements, type Statements } from './statements.ts';
import { change, step, type Steps } from './transaction.ts';
import { isCommitUnknown, ledgerUnavailable } from './unavailable.ts';

/**
 * The gateway's books: append-only and double entry. A job holds the most it may cost before any work is done; at its end
 * that is settled or released, exactly once, whatever is killed between.
 */
export interface Ledger {
  /** Resolves when it is written. @throws `insufficient-quota`, `insufficient-credits`, and nothing is held; `ledger-unavailable`. */
  hold(hold: Hold): Promise<void>;
  /**
   * Ends a hold, once: later calls for the same job change nothing. Written soon after, and retried until it is; resolves then,
   * or where the relay stops before.
   */
  close(closing: Closing): Promise<void>;
  /**
   * Ends the holds that this gateway left open when it was last stopped or killed: by what the job came to, where there is a
   * record of it, otherwise by releasing them. Returns how many.
   */
  recover(recorded: (ids: readonly string[]) => Promise<JobUsage | undefined>): Promise<number>;
  /** Writes what is left. */
  stop(): Promise<void>;
}

export interface Hold {
  readonly job: string;
  /** Of the job for each model that may be asked; the first is `job`. */
  readonly ids: readonly string[];
  /** Undefined where none was given. */
  readonly key: ApiKey | undefined;
  /** The wallet that pays where there is no key: a lower-case address. */
  readonly payer?: string | undefined;
  /** The permit that pays instead, collected when the job is over; it pays one job. */
  readonly permit?: string | undefined;
  /** The most that it may use. */
  readonly most: JobUsage;
  /** What it costs if it comes to anything, in units; by what it used where this is left out. */
  readonly price?: bigint | undefined;
  /** Whether a part of what its caller pays goes to the levy. */
  readonly isLevied?: boolean | undefined;
}

export interface Closing {
  readonly job: string;
  /** What was delivered; undefined for a job that failed and costs nothing. */
  readonly used: JobUsage | undefined;
  /** What is told of it; undefined where that is not known any more. */
  readonly run: Run | undefined;
}

export interface LedgerComponents {
  readonly db: LedgerDatabase;
  /** Names this gateway among those that share the database. */
  readonly gateway: string;
  /** In units. What the operator and guests use is written down too, and asked of nobody. */
  readonly cost: (usage: JobUsage) => bigint;
  /** The same in whole units of the chain's token, for what is collected there job by job. */
  readonly costOnChain: (usage: JobUsage) => bigint;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Task =
  | { readonly type: 'hold'; readonly hold: Hold; readonly at: number }
  | { readonly type: 'close'; readonly closing: Closing; readonly at: number };

/** How long a closing waits for others, so that it is off the answer's way. */
const closeDelayMs = 50;
const retryMs = 1_000;
/** Of a batch that another gateway's stood in the way of. */
const triesMax = 5;

/** Where credits are while a job runs, and where they go for its work. */
export const accounts = {
  held: 'held',
  work: 'work',
  guests: 'guests',
  operator: 'operator',
  chain: 'chain',
  /** What permits are good for and was not collected yet; below zero by that much. */
  promised: 'promised',
  losses: 'losses',
  escrowed: 'escrowed',
  /** What the network keeps of what wallets pay each other. */
  network: 'network',
} as const;

export function createLedger({ db, gateway, cost, costOnChain, clock, logger }: LedgerComponents): Ledger {
  const books: Books = { statements: createStatements(db), gateway, cost, costOnChain };

  const writeOnce = (tasks: readonly Task[]): Promise<readonly (TabloomError | undefined)[]> =>
    db.transact(function* () {
      const results: (TabloomError | undefined)[] = [];
      const sums: HourSums = new Map();
      for (const task of tasks) {
        results.push(
          task.type === 'hold' ? yield* writeHold(books, task.hold, task.at) : yield* writeClosing(books, task, sums),
        );
      }
      yield* addHours(books.statements, sums);
      return results;
    });
  const write = async (tasks: readonly Task[]) => {
    for (let tries = 1; ; tries++) {
      try {
        return await writeOnce(tasks);
      } catch (error) {
        if (tries === triesMax || !isConflict(error)) throw error;
      }
    }
  };
  const writer = createBatchWriter<Task, TabloomError | undefined>(write);
  const stopping = new AbortController();
  const closings = new Set<Promise<void>>();
  let gathering: Promise<void> | undefined;

  const pause = (ms: number) => clock.delay(ms, { signal: stopping.signal }).catch(() => undefined);
  /** One pause for all, so that what has gathered meanwhile is one batch. */
  const gathered = () =>
    (gathering ??= pause(closeDelayMs).finally(() => {
      gathering = undefined;
    }));

  const closeUntilWritten = async (closing: Closing) => {
    const task: Task = { type: 'close', closing, at: clock.now() };
    for (let waited = gathered(); ; waited = pause(retryMs)) {
      await waited;
      try {
        await writer.add(task);
        return;
      } catch (error) {
        logger.warn('ledger-not-written', { error });
        // It stays open, and is closed at the next start.
        if (stopping.signal.aborted) return;
      }
    }
  };

  return {
    async hold(hold) {
      let refused: TabloomError | undefined;
      try {
        refused = await writer.add({ type: 'hold', hold, at: clock.now() });
      } catch (cause) {
        logger.warn('ledger-not-written', { error: cause });
        // The job will not run: whatever was held for it is let go.
        if (isCommitUnknown(cause)) void this.close({ job: hold.job, used: undefined, run: undefined });
        throw ledgerUnavailable(cause);
      }
      if (refused) throw refused;
    },
    close(closing) {
      const written = closeUntilWritten(closing);
      closings.add(written);
      void written.finally(() => closings.delete(written));
      return written;
    },
    async recover(recorded) {
      const open = await db.selectFrom('open_holds').selectAll().where('gateway', '=', gateway).execute();
      for (const { job, ids } of open) {
        const used = await recorded(JSON.parse(ids) as string[]);
        await writer.add({ type: 'close', closing: { job, used, run: undefined }, at: clock.now() });
      }
      return open.length;
    },
    async stop() {
      stopping.abort();
      await Promise.all(closings);
    },
  };
}

/** Postgres's `serialization_failure` and `deadlock_detected`: the same again succeeds. */
const isConflict = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01');

/** What every transaction on the books knows. */
interface Books extends Pick<LedgerComponents, 'gateway' | 'cost' | 'costOnChain'> {
  readonly statements: Statements;
}

function* writeHold(books: Books, hold: Hold, at: number): Steps<TabloomError | undefined> {
  const { statements, gateway } = books;
  const { job, ids, key, permit, most, price } = hold;
  const account = accountOf(hold);
  const units = price ?? costFor(books, account, most);
  const isNew = yield* transfer(books, job, 'open', { type: 'hold', debit: account, credit: accounts.held, units }, at);
  if (!isNew) return undefined;
  if (permit !== undefined && (yield* change(statements.bindPermit({ id: permit, job }))) === 0n) {
    yield* change(statements.undo({ id: idOf(job, 'open') }));
    return new TabloomError('payment-required', 'This payment has been used. Sign another one.');
  }
  if (units > 0n && isPrepaid(account) && (yield* change(statements.spend({ account, units, least: units }))) === 0n) {
    yield* change(statements.undo({ id: idOf(job, 'open') }));
    const [balance] = yield* step(statements.balance({ account }));
    return insufficientCredits(units, balance?.units ?? 0n);
  }
  const day = dayOf(at);
  const tokens = BigInt(most.tokensIn + most.tokensOut);
  const refused = key && (yield* reserveCaps(statements, key, { day, at, tokens, units }));
  if (refused) {
    // In the same transaction: no one has seen it.
    yield* change(statements.undo({ id: idOf(job, 'open') }));
    if (units > 0n && isPrepaid(account)) yield* change(statements.refund({ account, units }));
    return refused;
  }
  const row: OpenHoldRow = {
    job,
    gateway,
    ids: JSON.stringify(ids),
    account,
    units,
    key_id: key?.id ?? null,
    day,
    tokens,
    fixed: price === undefined ? 0n : 1n,
    levied: hold.isLevied === true && isPaid(account) ? 1n : 0n,
  };
  yield* change(statements.open({ ...row }));
  return undefined;
}

/** The plan and the quota, both or neither. */
function* reserveCaps(
  statements: Statements,
  key: ApiKey,
  most: { readonly day: string; readonly at: number; readonly tokens: bigint; readonly units: bigint },
): Steps<TabloomError | undefined> {
  const spent = yield* reserveSpending(statements, key, most);
  if (spent) return spent;
  const refused = yield* reserveQuota(statements, key, most);
  if (refused) yield* releaseSpending(statements, key, most);
  return refused;
}

function* writeClosing(
  books: Books,
  { closing: { job, used, run }, at }: Extract<Task, { type: 'close' }>,
  sums: HourSums,
): Steps<undefined> {
  const { statements } = books;
  const [open] = yield* step(statements.take({ job }));
  if (!open) return;
  const { held, work } = accounts;
  const units = used && open.fixed === 0n ? least(costFor(books, open.account, used), open.units) : open.units;
  const [type, credit] = used ? (['settle', work] as const) : (['release', open.account] as const);
  yield* transfer(books, job, 'close', { type, debit: held, credit, units }, at);
  const rest = open.units - units;
  if (rest > 0n)
    yield* transfer(books, job, 'rest', { type: 'rest', debit: held, credit: open.account, units: rest }, at);
  if (used && open.levied === 1n) yield* levy(books, job, levyOf(units), at);
  const back = used ? rest : units;
  if (back > 0n && isPrepaid(open.account)) {
    yield* change(books.statements.refund({ account: open.account, units: back }));
  }
  if (open.account === accounts.promised) {
    const due = used ? units : 0n;
    yield* change(statements.endPermit({ job, state: due > 0n ? 'due' : 'void', units: due }));
  }
  if (open.key_id !== null) {
    yield* settleSpending(statements, { keyId: open.key_id, day: open.day, units: open.units }, used && units);
    yield* settleQuota(statements, { keyId: open.key_id, day: open.day, tokens: open.tokens }, used);
  }
  if (run) yield* addRun(statements, { job, run, used, at }, sums);
}

/** Out of what the work has been paid, in the same transaction. */
function* levy(books: Books, job: string, units: bigint, at: number): Steps<void> {
  if (units <= 0n) return;
  const { levy: account } = levyAccounts;
  yield* transfer(books, job, 'levy', { type: 'levy', debit: accounts.work, credit: account, units }, at);
  yield* change(books.statements.refund({ account, units }));
}

export const jobSteps = ['open', 'close', 'rest', 'levy'] as const;
type Step = (typeof jobSteps)[number];
export const idOf = (job: string, step: Step): string => `${job}/${step}`;

interface Movement {
  readonly type: TransferType;
  readonly debit: string;
  readonly credit: string;
  readonly units: bigint;
}

/** False when the job has taken this step before. */
function* transfer({ statements }: Books, job: string, name: Step, movement: Movement, at: number): Steps<boolean> {
  const values = { id: idOf(job, name), job, ...movement, at: BigInt(at) };
  return (yield* change(statements.transfer(values))) === 1n;
}

/** For a key that its operator made, he pays, whatever a wallet offers. */
function accountOf({ key, payer, permit }: Pick<Hold, 'key' | 'payer' | 'permit'>): string {
  if (key !== undefined && key.owner === undefined) return accounts.operator;
  if (permit !== undefined) return accounts.promised;
  const wallet = key?.owner ?? payer;
  return wallet === undefined ? accounts.guests : walletAccount(wallet);
}

const costFor = ({ cost, costOnChain }: Books, account: string, usage: JobUsage): bigint =>
  account === accounts.promised ? costOnChain(usage) : cost(usage);

/** Of a lower-case address. */
export const walletAccount = (address: string): string => `wallet ${address}`;

/** What guests and the operator use is written down, and paid by nobody. */
const isPaid = (account: string): boolean => isPrepaid(account) || account === accounts.promised;

/** Wallets pay before they use anything. */
const isPrepaid = (account: string): boolean => account.startsWith('wallet ');

export const insufficientCredits = (needed: bigint, left: bigint): TabloomError =>
  new TabloomError(
    'insufficient-credits',
    `This request may cost ${writeCredits(needed)} credits, and ${writeCredits(left)} are left. Buy some at /v1/credits/buy, or set a lower max_tokens.`,
    { details: { neededUnits: needed.toString() } },
  );

export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What each account has received less what it has paid; all of them together are zero. */
export async function balances(db: LedgerDatabase): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await sql<{ account: string; units: bigint }>`
    SELECT account, CAST(SUM(units) AS BIGINT) AS units FROM (
      SELECT credit AS account, units FROM transfers UNION ALL SELECT debit, -units FROM transfers
    ) AS sides GROUP BY account`.execute(db);
  return new Map(rows.map(({ account, units }) => [account, units]));
}
