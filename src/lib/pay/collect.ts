import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import { claim, type Claimed } from './actions/claim.ts';
import { settle } from './actions/settle.ts';
import { momentOf } from './chain-time.ts';
import { unclaimed } from './channel.ts';
import { readGasTerms, settleCost, type GasTerms, type Rate } from './cost.ts';
import { followChain, type Bookmark } from './follow-chain.ts';
import type { Payee } from './payee.ts';
import { planClaims, type ClaimPolicy, type ChannelView, type PlannedClaim } from './policy.ts';
import { createRounds } from './rounds.ts';
import type { Chain, ChannelId, Wallet } from './spec.ts';
import type { VoucherSigner } from './voucher.ts';

export interface CollectorComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly payee: Payee;
  readonly vouchers: VoucherSigner;
  readonly wallet: Wallet;
  readonly logger: Logger;
}

export interface CollectorInit {
  readonly policy: ClaimPolicy;
  /** Exchange rate between the token and the chain's coin. */
  readonly rate: Rate;
  readonly intervalMs?: number;
}

/**
 * Runs on the provider's side: keeps its view of the channels up to date, claims according to the policy, and has paid out what is
 * credited once that is worth its gas.
 */
export interface Collector extends Startable {
  /** Has the next round come within seconds, as somebody owes much. Nothing while it is not started. */
  soon(): void;
  /**
   * One round: read the chain, plan, claim, settle. Failures are retried in the next round.
   * @throws `chain-unavailable` if the chain cannot be read.
   */
  round(options?: AbortOptions): Promise<readonly Claimed[]>;
}

export function createCollector(
  components: CollectorComponents,
  { policy, rate, intervalMs = 60_000 }: CollectorInit,
): Collector {
  const { chain, clock, payee, vouchers, wallet, logger } = components;
  let bookmark: Bookmark | null = null;
  let turn = 0;
  const refresh = async (ids: Iterable<ChannelId>, options: AbortOptions) => {
    for (const id of ids) await payee.refresh(id, options);
  };
  const look = async (options: AbortOptions) => {
    const at = momentOf(clock);
    const news = await followChain(chain, bookmark, options);
    // Must come after following the chain, so that channels admitted meanwhile are included or were read since.
    const views = payee.views();
    const isTimely = turn++ % roundsBetweenReadings === 0;
    const isDue = ({ id, state }: ChannelView) =>
      news.isReorganised || news.touched.has(id) || (isTimely && unclaimed(state) > 0n);
    await refresh(
      views.filter(isDue).map(({ id }) => id),
      options,
    );
    // Advance only at the end, so that an interrupted round reads the same blocks again.
    bookmark = news.bookmark;
    payee.confirmViews(at);
    return isTimely;
  };
  const send = async (batch: readonly PlannedClaim[], options: AbortOptions) => {
    const ids = batch.map(({ id }) => id);
    // A job ends with its first claim: stop accepting vouchers before it, since the claim would not cover them.
    const jobs = payee.views().filter(({ id, state }) => state.mode === 'job' && ids.includes(id));
    for (const { id } of jobs) await payee.finish(id);
    const claimed = await claim({ chain, vouchers }, wallet, await payee.claims(ids), options);
    await payee.applyEvents(claimed.events);
    return claimed;
  };
  /** Pays out what was credited. It is read after claims, and now and then, as others may have claimed. */
  const payOut = async (gas: GasTerms, options: AbortOptions) => {
    const [owed, cost] = [await chain.owed(payee.provider, options), settleCost(gas)];
    if (owed <= cost || cost * 10_000n > owed * policy.gasShareBpsMax) return;
    const settled = await settle(chain, wallet, payee.provider, options);
    if (settled) logger.info('settled', { units: settled.amount.toString() });
  };
  const attempt = async (event: string, fields: object, work: () => Promise<void>, { signal }: AbortOptions) => {
    try {
      await work();
      return true;
    } catch (error) {
      if (signal?.aborted) throw error;
      logger.warn(event, { code: errorCode(error), ...fields });
      return false;
    }
  };
  const round = async (options: AbortOptions = {}) => {
    const isTimely = await look(options);
    const { timestamp } = await chain.head(options);
    const gas = await readGasTerms(chain, rate, options);
    const done: Claimed[] = [];
    for (const batch of planClaims(payee.views(), { policy, gas, now: timestamp })) {
      const claiming = async () => void done.push(await send(batch, options));
      const ids = batch.map(({ id }) => id);
      if (!(await attempt('claim-failed', { channels: batch.length }, claiming, options))) await refresh(ids, options);
    }
    if (isTimely || done.length > 0) await attempt('settle-failed', {}, () => payOut(gas, options), options);
    return done;
  };
  const rounds = createRounds({ clock, logger }, { event: 'collector-round-failed', intervalMs, round });
  return {
    round: (options = {}) => round({ signal: anySignal([options.signal, rounds.signal]) }),
    soon: () => rounds.soon(),
    start: () => rounds.start(),
    stop: () => rounds.stop(),
  };
}

/** Channels with an unclaimed amount are read every this many rounds regardless of logs, which a node may have lost. */
const roundsBetweenReadings = 10;
