import type { PeerId } from '#lib/protocol/ids.ts';
import type { Usage } from '#lib/protocol/part.ts';
import type { Price } from '#lib/protocol/price.ts';
import { isOwner } from './gateway/caller.ts';
import type { Spending } from './gateway/spending.ts';
import type { SpendingEnv } from './settings/spending.ts';
import type { Spender } from './spending.ts';

export interface JobAllowanceInit {
  readonly env: SpendingEnv & { readonly PRICE_IN?: bigint | undefined; readonly PRICE_OUT?: bigint | undefined };
  readonly spender: Pick<Spender, 'allow' | 'creditsPerUnit'>;
  /** Micro-credits that callers are charged; undefined where nothing is. */
  readonly cost: ((usage: Usage) => bigint) | undefined;
  /** The peer of this relay that sells what others serve. */
  readonly hub?: (() => PeerId | undefined) | undefined;
}

const percent = 100n;

/**
 * What jobs may cost at providers. A caller who pays is charged by the token, and so are providers: at prices that leave the
 * margin, and within what is held from him. The owner's jobs cost what he allows himself. Nobody else's cost anything.
 */
export function createSpending({ env, spender, cost, hub }: JobAllowanceInit): Spending {
  const { SPEND_JOB_MAX: jobMax, SPEND_OWNER: owner } = env;
  const kept = percent - BigInt(env.SPEND_MARGIN);
  /** Of an amount in micro-credits, units that may go to providers. */
  const share = (credits: bigint) => (credits * kept) / (percent * spender.creditsPerUnit);
  const most: Price = { in: env.SPEND_IN.toString(), out: env.SPEND_OUT.toString() };
  const paid: Price = {
    in: least(env.SPEND_IN, share(env.PRICE_IN ?? 0n)).toString(),
    out: least(env.SPEND_OUT, share(env.PRICE_OUT ?? 0n)).toString(),
  };

  return {
    allow({ ids, caller, payer, most: usage }) {
      if (jobMax === 0n) return undefined;
      const isPaid =
        cost !== undefined && (payer !== undefined || (caller.type === 'key' && caller.key.owner !== undefined));
      const isOwners = owner === 'yes' && isOwner(caller);
      if (!isPaid && !isOwners) return undefined;
      const units = isPaid ? least(jobMax, share(cost(usage))) : jobMax;
      if (units === 0n) return undefined;
      const priceMax = isPaid ? paid : most;
      const allowance = spender.allow(ids, units);
      const terms = () => {
        const own = hub?.();
        return { budget: allowance.left.toString(), priceMax, ...(own ? { ignore: [own] } : {}) };
      };
      return { terms, end: allowance.end };
    },
  };
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
