import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { claim, type Claimed } from './actions/claim.ts';
import { momentOf } from './chain-time.ts';
import { unclaimed } from './channel.ts';
import { readGasTerms, type Rate } from './cost.ts';
import { followChain, type Bookmark } from './follow-chain.ts';
import type { Payee } from './payee.ts';
import { planClaims, type ClaimPolicy, type ChannelView, type PlannedClaim } from './policy.ts';
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
}

/** Runs on the provider's side: keeps its view of the channels up to date and claims according to the policy. */
export interface Collector {
  /**
   * One round: read the chain, plan, claim. Failures are retried in the next round.
   * @throws `chain-unavailable` if the chain cannot be read.
   */
  round(options?: AbortOptions): Promise<readonly Claimed[]>;
}

export function createCollector(components: CollectorComponents, { policy, rate }: CollectorInit): Collector {
  const { chain, clock, payee, vouchers, wallet, logger } = components;
  let bookmark: Bookmark | null = null;
  let rounds = 0;
  const refresh = async (ids: Iterable<ChannelId>, options: AbortOptions) => {
    for (const id of ids) await payee.refresh(id, options);
  };
  const look = async (options: AbortOptions) => {
    const at = momentOf(clock);
    const news = await followChain(chain, bookmark, options);
    // Must come after following the chain, so that channels admitted meanwhile are included or were read since.
    const views = payee.views();
    const isTimely = rounds++ % roundsBetweenReadings === 0;
    const isDue = ({ id, state }: ChannelView) =>
      news.isReorganised || news.touched.has(id) || (isTimely && unclaimed(state) > 0n);
    await refresh(
      views.filter(isDue).map(({ id }) => id),
      options,
    );
    // Advance only at the end, so that an interrupted round reads the same blocks again.
    bookmark = news.bookmark;
    payee.confirmViews(at);
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
  return {
    async round(options = {}) {
      await look(options);
      const { timestamp } = await chain.head(options);
      const gas = await readGasTerms(chain, rate, options);
      const done: Claimed[] = [];
      for (const batch of planClaims(payee.views(), { policy, gas, now: timestamp })) {
        try {
          done.push(await send(batch, options));
        } catch (error) {
          if (options.signal?.aborted) throw error;
          logger.warn('claim-failed', { code: errorCode(error), channels: batch.length });
          await refresh(
            batch.map(({ id }) => id),
            options,
          );
        }
      }
      return done;
    },
  };
}

/** Channels with an unclaimed amount are read every this many rounds regardless of logs, which a node may have lost. */
const roundsBetweenReadings = 10;
