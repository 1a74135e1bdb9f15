import type { AbortOptions } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { claim, type Claimed } from './actions/claim.ts';
import { unclaimed } from './channel.ts';
import { readGasTerms, type Rate } from './cost.ts';
import { followChain, type Bookmark } from './follow-chain.ts';
import type { Payee } from './payee.ts';
import { planClaims, type ClaimPolicy, type ChannelView, type PlannedClaim } from './policy.ts';
import type { Chain, ChannelId, Wallet } from './spec.ts';
import type { VoucherSigner } from './voucher.ts';

export interface CollectorComponents {
  readonly chain: Chain;
  readonly payee: Payee;
  readonly vouchers: VoucherSigner;
  readonly wallet: Wallet;
  readonly logger: Logger;
}

export interface CollectorInit {
  readonly policy: ClaimPolicy;
  /** What a unit of the token is worth in the chain's coin. */
  readonly rate: Rate;
}

/** The provider's end of the chain: keeps its view of its channels fresh, and claims what the policy says. */
export interface Collector {
  /**
   * One round: look, plan, claim. What cannot be reached now is tried again in the next round.
   * @throws `chain-unavailable` when the chain cannot even be looked at.
   */
  round(options?: AbortOptions): Promise<readonly Claimed[]>;
}

export function createCollector(components: CollectorComponents, { policy, rate }: CollectorInit): Collector {
  const { chain, payee, vouchers, wallet, logger } = components;
  let bookmark: Bookmark | null = null;
  let rounds = 0;
  const refresh = async (ids: Iterable<ChannelId>, options: AbortOptions) => {
    for (const id of ids) await payee.refresh(id, options);
  };
  const look = async (options: AbortOptions) => {
    const news = await followChain(chain, bookmark, options);
    // Asked for only now: a channel that was admitted meanwhile has been read since, or is among these.
    const views = payee.views();
    const isTimely = rounds++ % roundsBetweenReadings === 0;
    const isDue = ({ id, state }: ChannelView) =>
      news.isReorganised || news.touched.has(id) || (isTimely && unclaimed(state) > 0n);
    await refresh(
      views.filter(isDue).map(({ id }) => id),
      options,
    );
    // Moved on only now: a round that broke off looks at the same blocks again.
    bookmark = news.bookmark;
  };
  const send = async (batch: readonly PlannedClaim[], options: AbortOptions) => {
    const ids = batch.map(({ id }) => id);
    // The first claim of a job ends it: from before that on, no voucher is taken that it would not cover.
    const jobs = payee.views().filter(({ id, state }) => state.mode === 'job' && ids.includes(id));
    for (const { id } of jobs) await payee.finish(id);
    const claimed = await claim({ chain, vouchers }, wallet, await payee.claims(ids), options);
    await payee.hear(claimed.events);
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

/** Channels with something unclaimed are read this often whatever the logs say: a node may have lost some. */
const roundsBetweenReadings = 10;
