import type { AbortOptions } from '#lib/base/abort.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { claim, type Claimed } from './actions/claim.ts';
import { follow, type Bookmark } from './follow.ts';
import type { Payee } from './payee.ts';
import { planClaims, type ClaimPolicy, type GasTerms } from './policy.ts';
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
  readonly rate: GasTerms['rate'];
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
  const refresh = async (ids: Iterable<ChannelId>, options: AbortOptions) => {
    for (const id of ids) await payee.refresh(id, options);
  };
  return {
    async round(options = {}) {
      const known = new Set(payee.views().map(({ id }) => id));
      const news = await follow(chain, bookmark, options);
      await refresh(news.isReorganised ? known : [...news.touched].filter((id) => known.has(id)), options);
      // Moved on only now: a round that broke off looks at the same blocks again.
      bookmark = news.bookmark;
      const { timestamp } = await chain.head(options);
      const gas = { gasPriceWei: await chain.gasPrice(options), rate };
      const done: Claimed[] = [];
      for (const batch of planClaims(payee.views(), { policy, gas, now: timestamp })) {
        const ids = batch.map(({ id }) => id);
        try {
          done.push(await claim({ chain, vouchers }, wallet, await payee.claims(ids), options));
        } catch (error) {
          if (options.signal?.aborted) throw error;
          logger.warn('claim-failed', { code: errorCode(error), channels: ids.length });
        }
        await refresh(ids, options);
      }
      return done;
    },
  };
}
