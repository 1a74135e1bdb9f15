import { systemClock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import { deployedChain } from '#lib/pay/chain/calls.ts';
import { createChain } from '#lib/pay/chain/chain.ts';
import { createTransferReader, paymentChain } from '#lib/pay/chain/transfers.ts';
import { closedSentinel, type ChannelId, type OnChainState } from '#lib/pay/spec.ts';
import { creditDecimals } from './credit-amount.ts';
import { readTransfer } from './credits.ts';
import type { Finding } from './ledger/check.ts';
import type { LedgerDatabase, PermitRow, PurchaseRow } from './ledger/database.ts';
import { incomesOf } from './ledger/incomes.ts';
import { markOf } from './ledger/mark.ts';
import { bookedOf } from './ledger/spends.ts';
import { readPermit } from './metered-calls.ts';

/** What one chain says of the channels and payments that the books name; amounts are micro-credits. */
export interface ChainComparison {
  readonly chain: number;
  readonly channels: number;
  /** Deposits that are still in channels or were claimed from them. */
  readonly deposited: bigint;
  /** By the books, and what providers have taken of it. */
  readonly promised: bigint;
  readonly claimed: bigint;
  /** Channels that pay this relay's hub, and what they have promised it by the books. */
  readonly incomes: number;
  readonly earned: bigint;
  /** Payments for credits that were looked up, and what they come to. */
  readonly purchases: number;
  readonly paid: bigint;
  /** Answers that were collected after they had been metered, which were looked up, and what they come to. */
  readonly metered: number;
  readonly collected: bigint;
  /** The code of what kept it from being compared. */
  readonly failed?: string;
  readonly findings: readonly Finding[];
}

export interface CompareInit {
  readonly db: LedgerDatabase;
  readonly rpcUrl: string | undefined;
  readonly fetch: typeof globalThis.fetch;
}

/** Of payments, and of metered answers, the newest. */
const paymentsMax = 1_000;

/**
 * Compares the books with each chain that they name, while gateways go on. A chain that does not respond is told, and is no
 * finding.
 */
export async function compareWithChains({ db, rpcUrl, fetch }: CompareInit): Promise<readonly ChainComparison[]> {
  const channels = [...(await accountsOf(db)).keys()].flatMap((account) => {
    const [, chain, id] = /^channel (\d+)\/(0x[0-9a-f]{64})$/.exec(account) ?? [];
    return chain === undefined ? [] : [{ account, chain: Number(chain), id: id as ChannelId }];
  });
  const purchases = await db
    .selectFrom('purchases')
    .selectAll()
    .where('state', '=', 'paid')
    .orderBy('at', 'desc')
    .limit(paymentsMax)
    .execute();
  const permits = await db
    .selectFrom('permits')
    .selectAll()
    .where('state', '=', 'paid')
    .orderBy('at', 'desc')
    .limit(paymentsMax)
    .execute();
  const chainOf = ({ id }: PurchaseRow | PermitRow) => Number(id.slice(0, id.indexOf('/')));
  const incomes = [...(await incomesOf(db))].flatMap(([account, booked]) => {
    const [, chain, id] = /^income (\d+)\/(0x[0-9a-f]{64})$/.exec(account) ?? [];
    return chain === undefined ? [] : [{ account, booked, chain: Number(chain), id: id as ChannelId }];
  });
  const known = new Set([
    ...[...channels, ...incomes].map(({ chain }) => chain),
    ...purchases.map(chainOf),
    ...permits.map(chainOf),
  ]);
  return Promise.all(
    [...known]
      .filter((chain) => Number.isSafeInteger(chain))
      .map((chain) =>
        compareWith(
          chain,
          {
            channels: channels.filter((one) => one.chain === chain),
            incomes: incomes.filter((one) => one.chain === chain),
            purchases: purchases.filter((one) => chainOf(one) === chain),
            permits: permits.filter((one) => chainOf(one) === chain),
          },
          { db, rpcUrl, fetch },
        ),
      ),
  );
}

/** A channel that pays this relay's hub. */
interface Income extends Channel {
  readonly booked: bigint;
}

interface Channel {
  readonly account: string;
  readonly chain: number;
  readonly id: ChannelId;
}

/** What is promised in a channel by the books, and what jobs under way may still promise. */
interface Booked {
  readonly promised: bigint;
  readonly running: bigint;
}

/** One statement for each: a payment that ends between them is counted twice, never not at all. */
async function accountsOf(db: LedgerDatabase): Promise<ReadonlyMap<string, Booked>> {
  const open = await db.selectFrom('open_spends').select(['account', 'units']).execute();
  const booked = await bookedOf(db);
  const all = new Map<string, Booked>([...booked].map(([account, promised]) => [account, { promised, running: 0n }]));
  for (const { account, units } of open) {
    const { promised, running } = all.get(account) ?? nothing;
    all.set(account, { promised, running: running + units });
  }
  return all;
}

const nothing: Booked = { promised: 0n, running: 0n };

async function compareWith(
  chainId: number,
  {
    channels,
    incomes,
    purchases,
    permits,
  }: {
    readonly channels: readonly Channel[];
    readonly incomes: readonly Income[];
    readonly purchases: readonly PurchaseRow[];
    readonly permits: readonly PermitRow[];
  },
  { db, rpcUrl, fetch }: CompareInit,
): Promise<ChainComparison> {
  const findings: Finding[] = [];
  const sums = { deposited: 0n, promised: 0n, claimed: 0n, earned: 0n, paid: 0n, collected: 0n };
  const counts = {
    chain: chainId,
    channels: channels.length,
    incomes: incomes.length,
    purchases: purchases.length,
    metered: permits.length,
  };
  try {
    const { token } = paymentChain(chainId);
    const units = 10n ** BigInt(creditDecimals - token.decimals);
    const chain = channels.length + incomes.length === 0 ? undefined : chainOf(chainId, { rpcUrl, fetch });
    const seen = new Map<string, OnChainState>();
    for (const { account, id } of channels) seen.set(account, await chain!.channel(id));
    // After the chain: what was claimed until then has been promised before.
    const books = await accountsOf(db);
    for (const { account, id } of channels) {
      const { promised, running } = books.get(account) ?? nothing;
      let { balance, claimed, withdrawableAt } = seen.get(account)!;
      // It may have been topped up for a later job.
      if (promised > balance * units) ({ balance, claimed, withdrawableAt } = await chain!.channel(id));
      const isClosed = withdrawableAt === closedSentinel;
      const finding = (problem: string) => findings.push({ subject: account, problem });
      if (claimed * units > promised + running) {
        finding(`was claimed for ${claimed * units}, and ${promised} are booked`);
      }
      if (!isClosed && promised > balance * units) {
        finding(`has promised ${promised} by the books, and holds ${balance * units}`);
      }
      sums.deposited += (isClosed ? claimed : balance) * units;
      sums.promised += promised;
      sums.claimed += claimed * units;
    }
    for (const { account, id, booked } of incomes) {
      // After the books: a deposit only grows until its channel is closed, and then it is what was claimed.
      const { balance, withdrawableAt } = await chain!.channel(id);
      if (withdrawableAt !== closedSentinel && booked > balance * units) {
        findings.push({
          subject: account,
          problem: `has promised ${booked} by the books, and holds ${balance * units}`,
        });
      }
      sums.earned += booked;
    }
    const mark = purchases.length === 0 ? undefined : await markOf(db);
    const reader = createTransferReader({ entry: paymentChain(chainId), rpcUrl, fetch });
    for (const purchase of purchases) {
      const transfer = readTransfer(purchase.transfer);
      const carried = await reader.carried(purchase.hash as `0x${string}`, transfer);
      const finding = (problem: string) => findings.push({ subject: purchase.id, problem });
      if (!carried || transfer.value * units !== purchase.units) {
        finding('was credited, and the chain has no such payment');
      } else if (carried.ledger !== undefined && carried.ledger !== mark) {
        finding('was credited, and the relay of another ledger has collected it, which is paid at the same address');
      } else sums.paid += purchase.units;
    }
    // A transaction collects one permit.
    const collectedBy = new Set<string>();
    for (const { id, hash, permit, units: collected } of permits) {
      const { from, to } = readPermit(permit);
      const transfer = { from, to, value: collected / units };
      const isNew = !collectedBy.has(hash!);
      collectedBy.add(hash!);
      if (isNew && (await reader.carried(hash as `0x${string}`, transfer))) sums.collected += collected;
      else findings.push({ subject: id, problem: 'was booked as collected, and the chain has no such payment' });
    }
    return { ...counts, ...sums, findings };
  } catch (error) {
    return { ...counts, ...sums, failed: errorCode(error), findings };
  }
}

const chainOf = (chainId: number, { rpcUrl, fetch }: Omit<CompareInit, 'db'>) =>
  createChain(
    { clock: systemClock, fetch },
    { entry: deployedChain(chainId), ...(rpcUrl === undefined ? {} : { rpcUrl }) },
  );
