import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { Startable } from '#lib/base/startable.ts';
import { claimFor } from './actions/claim-for.ts';
import type { Claimed } from './actions/claim.ts';
import { checkClaimOrder } from './claim-order.ts';
import { costOfGas, readGasTerms, type Rate } from './cost.ts';
import { payError } from './errors.ts';
import { followChain, type Bookmark } from './follow-chain.ts';
import { createLosses } from './losses.ts';
import { checkSupersedes } from './order-newer.ts';
import type { OrderStore } from './order-store.ts';
import { checkProfitable } from './order-worth.ts';
import { createRounds } from './rounds.ts';
import { closedSentinel, type Address, type Chain, type SignedClaimOrder, type Wallet } from './spec.ts';
import { channelIdOf } from './terms.ts';
import { createVoucherSigner } from './voucher.ts';

/**
 * Claims on behalf of offline providers, under their signed orders and for a fee. It holds no money and cannot take
 * any: an order lists its claims exactly, and the contract pays the provider.
 */
export interface Watcher extends Startable {
  /**
   * Accepts an order, replacing an older one of the same provider. Stored once this resolves.
   * @throws those of `checkClaimOrder`, `order-superseded`, `order-unprofitable`, `nothing-to-claim`, `contract-signer`,
   * `batch-too-long`, `too-many-orders`, `relay-declined`, `relay-stopped`.
   */
  accept(order: SignedClaimOrder, options?: AbortOptions): Promise<void>;
  /** One round: makes the claims that are due. */
  round(options?: AbortOptions): Promise<readonly Claimed[]>;
  /** Signers of the orders held. */
  held(): readonly Address[];
}

export interface WatcherComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly wallet: Wallet;
  readonly orders: OrderStore;
  readonly logger: Logger;
}

export interface WatcherInit {
  /** Exchange rate between the token and the chain's coin. */
  readonly rate: Rate;
  readonly intervalMs?: number;
  readonly ordersMax?: number;
  /** Claims in one order. */
  readonly claimsMax?: number;
  /** Transactions a day that may cost more than they bring; then it stops, and says so. */
  readonly lossesPerDayMax?: number;
  /** An order is used at least this many seconds before it expires, even without an announced withdrawal. */
  readonly expiryMarginSeconds?: number;
}

export async function createWatcher(components: WatcherComponents, init: WatcherInit): Promise<Watcher> {
  const { chain, clock, wallet, orders, logger } = components;
  const { rate, intervalMs = 60_000, ordersMax = 1_000, expiryMarginSeconds = 3_600 } = init;
  const { claimsMax = 50, lossesPerDayMax = 5 } = init;
  const losses = createLosses(clock, { perDayMax: lossesPerDayMax });
  const vouchers = createVoucherSigner(chain.entry);
  const held = new Map<Address, SignedClaimOrder>();
  const { records, unreadable } = await orders.list(ordersMax);
  for (const order of records) held.set(order.order.providerSigner, order);
  if (unreadable.length > 0) logger.warn('orders-unreadable', { keys: unreadable });
  /** Orders to check regardless of chain events: new ones, and those whose claim has not succeeded yet. */
  const open = new Set<Address>(held.keys());
  let bookmark: Bookmark | null = null;
  let turn = 0;
  /** Serialises changes to the held orders, so that what was checked still holds when it is written. */
  const changes = createMutex();

  const lose = (signer: Address) => {
    losses.note(signer);
    logger.warn('claim-for-lost', { provider: signer });
  };
  const costOf = async ({ gasUsed }: Claimed, { claims }: SignedClaimOrder, options: AbortOptions) =>
    costOfGas(gasUsed, claims.length, await readGasTerms(chain, rate, options));
  const drop = (signer: Address, signed: SignedClaimOrder) =>
    changes.run(async () => {
      if (held.get(signer) !== signed) return;
      await orders.delete(signer);
      held.delete(signer);
      open.delete(signer);
    });
  const round = async (options: AbortOptions = {}) => {
    const { timestamp } = await chain.head(options);
    const news = await followChain(chain, bookmark, options);
    const isTimely = turn++ % roundsBetweenReadings === 0;
    for (const [signer, { claims }] of held) {
      const isTouched = claims.some(({ channel }) => news.touched.has(channelIdOf(channel)));
      if (isTimely || news.isReorganised || isTouched) open.add(signer);
    }
    bookmark = news.bookmark;
    const done: Claimed[] = [];
    if (losses.isStopped) {
      logger.warn('watcher-stopped', { losses: lossesPerDayMax, orders: held.size });
      return done;
    }
    for (const [signer, signed] of Array.from(held)) {
      if (losses.isStopped) break;
      if (timestamp >= signed.order.validBefore) {
        await drop(signer, signed);
        continue;
      }
      const isNear = signed.order.validBefore - timestamp <= expiryMarginSeconds;
      if (!isNear && !open.has(signer)) continue;
      try {
        if (!isNear && !(await isLeaving(chain, signed, options))) {
          if (held.get(signer) === signed) open.delete(signer);
          continue;
        }
        await checkProfitable({ chain, vouchers, relay: wallet.address }, signed, rate, options);
        const claimed = await claimFor(chain, wallet, signed, options);
        done.push(claimed);
        await drop(signer, signed);
        if (claimed.fee < (await costOf(claimed, signed, options))) lose(signer);
      } catch (error) {
        if (options.signal?.aborted) throw error;
        const code = errorCode(error);
        if (isSpent(error)) {
          lose(signer);
          await drop(signer, signed);
        }
        logger.warn('claim-for-failed', { code, provider: signer });
        // Already claimed, or the channels are closed. For other errors, gas may fall or the chain recover.
        if (code === 'nothing-to-claim') await drop(signer, signed);
      }
    }
    return done;
  };
  const rounds = createRounds({ clock, logger }, { event: 'watcher-round-failed', intervalMs, round });
  return {
    async accept(signed, options = {}) {
      const { timestamp } = await chain.head(options);
      await checkClaimOrder(chain.entry, signed, { relay: wallet.address, now: timestamp });
      const signer = signed.order.providerSigner;
      losses.check(signer);
      const { length } = signed.claims;
      if (length > claimsMax) throw payError('batch-too-long', { details: { maximum: claimsMax, given: length } });
      if (changes.pending >= waitingMax) throw payError('too-many-orders');
      await changes.run(async () => {
        const former = held.get(signer);
        if (former?.signature === signed.signature) return;
        if (!former && held.size >= ordersMax) throw payError('too-many-orders');
        if (former) await checkSupersedes(chain, former, signed, options);
        await checkProfitable({ chain, vouchers, relay: wallet.address }, signed, rate, options);
        await orders.save(signed);
        held.set(signer, signed);
        open.add(signer);
      });
    },
    round: (options = {}) => round({ signal: anySignal([options.signal, rounds.signal]) }),
    held: () => [...held.keys()],
    start: () => rounds.start(),
    stop: () => rounds.stop(),
  };
}

/** Orders that may wait for checking. */
const waitingMax = 64;

/** Every order is checked every this many rounds regardless of logs, which a node may have lost. */
const roundsBetweenReadings = 10;

/** True for a transaction that was mined and failed: its gas is gone. */
const isSpent = (error: unknown): boolean =>
  error instanceof TabloomError && 'hash' in error.details && error.code !== 'transaction-stuck';

/** True if money is about to leave one of the channels or a job is about to expire. */
async function isLeaving(chain: Chain, { claims }: SignedClaimOrder, options: AbortOptions): Promise<boolean> {
  for (const { channel } of claims) {
    // A job pays only until its deadline, so there is nothing to gain by waiting.
    if (channel.deadline !== 0) return true;
    const { withdrawableAt } = await chain.channel(channelIdOf(channel), options);
    if (withdrawableAt !== 0 && withdrawableAt !== closedSentinel) return true;
  }
  return false;
}
