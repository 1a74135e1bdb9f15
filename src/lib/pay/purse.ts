import { createMutexes } from '#lib/base/mutex.ts';
import type { Random } from '#lib/base/random.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import { checkAmount } from './amount.ts';
import { payError } from './errors.ts';
import { createFunding, type DepositLimits, type PurseChain } from './funding.ts';
import { parseAddress } from './input.ts';
import type { Payment, Purse } from './ports.ts';
import { createPurseChannels } from './purse-channels.ts';
import type { ChannelId, ChannelTerms } from './spec.ts';
import { asSent } from './terms.ts';

/** What an owner lets jobs cost, in units. */
export interface PurseLimits extends DepositLimits {
  readonly perJobMax: bigint;
}

/** A job's share of a channel. */
interface Share {
  readonly budget: bigint;
  promised: bigint;
}

/**
 * A channel and the jobs it pays for. What it has promised is `base` plus what each job has: a promise that was stored although
 * its write seemed to fail, and that no job counts, is used up by the next one.
 */
interface Account {
  base: bigint;
  readonly jobs: Set<Share>;
}

/**
 * Pays for jobs out of channels. Several jobs may share a channel: each has its budget reserved in it, and their promises are made
 * one at a time.
 */
export function createPurse(
  { chains, random }: { readonly chains: readonly PurseChain[]; readonly random: Random },
  limits: PurseLimits,
): Purse {
  const accounts = new Map<ChannelId, Account>();
  const channels = createMutexes<ChannelId>();
  /** Choosing a channel and paying into it must not be done twice for one provider at the same time. */
  const providers = createMutexes<string>();
  const accountOf = async ({ payer }: PurseChain, id: ChannelId) => {
    const { promised } = await payer.state(id);
    const account = accounts.get(id) ?? { base: promised, jobs: new Set<Share>() };
    accounts.set(id, account);
    return account;
  };
  /** Units that jobs under way may still cost. */
  const reserved = () => {
    let sum = 0n;
    for (const { jobs } of accounts.values()) for (const { budget, promised } of jobs) sum += budget - promised;
    return sum;
  };
  const funding = createFunding({ chains, random }, limits);

  const checkKey = async ({ payer, time }: PurseChain, budget: bigint, options: object) => {
    const { expiresAt, limit } = payer.key;
    if ((await time.current(options)) >= expiresAt) throw payError('session-expired');
    const spent = await payer.spent();
    const taken = spent + reserved();
    if (taken + budget > limit) throw payError('session-limit', { details: { limit, spent, more: budget } });
  };

  const paymentOf = (
    { chain, payer }: PurseChain,
    { id, terms }: { readonly id: ChannelId; readonly terms: ChannelTerms },
    account: Account,
    share: Share,
  ): Payment => {
    let isOver = false;
    const { budget } = share;
    return {
      chain: chain.entry.id,
      terms: asSent(terms),
      channelId: id,
      promised: () => share.promised,
      promise: (wanted) =>
        channels.run(id, async () => {
          if (isOver) throw payError('payment-ended');
          checkAmount(wanted);
          if (wanted > budget) throw payError('over-budget', { details: { budget, given: wanted } });
          const total = wanted > share.promised ? wanted : share.promised;
          const target = totalOf(account) - share.promised + total;
          const newest = await payer.newest(id);
          const isCovered = newest !== null && newest.cumulativeAmount >= target;
          const voucher = isCovered ? newest : await payer.promise(id, target);
          share.promised = total;
          return voucher;
        }),
      end(channel) {
        if (isOver) return;
        isOver = true;
        // The chain may have gone back, or its owner may have left it elsewhere.
        if (channel) payer.doubt(id);
        if (channel === 'refused') for (const other of payer.list()) payer.doubt(other.id);
        // After a promise under way, which counts.
        void channels.run(id, () => {
          account.base += share.promised;
          account.jobs.delete(share);
        });
      },
    };
  };

  return {
    channels: createPurseChannels(chains, ({ id, voucher }) => {
      const account = accounts.get(id);
      return account ? takenOf(account) : (voucher?.cumulativeAmount ?? 0n);
    }),
    async open(payout, { budget, peer, tier }, options = {}) {
      checkAmount(budget);
      if (budget > limits.perJobMax)
        throw payError('over-budget', { details: { budget: limits.perJobMax, given: budget } });
      const on = chains.find(({ chain }) => chain.entry.id === payout.chain);
      if (!on) throw payError('chain-unknown', { details: { chainId: payout.chain } });
      const parties = partiesOf(payout);
      const key = [payout.chain, payout.delay, ...Object.values(parties)].join();
      return providers.run(key, async () => {
        await checkKey(on, budget, options);
        const roomOf = async (id: ChannelId, balance: bigint) => {
          const account = await accountOf(on, id);
          return balance - takenOf(account);
        };
        const wanted = { ...parties, peer, tier, delay: payout.delay, depositMin: BigInt(payout.depositMin), budget };
        const channel = await funding.channelFor(on, wanted, roomOf, options);
        const account = await accountOf(on, channel.id);
        const share: Share = { budget, promised: 0n };
        account.jobs.add(share);
        return paymentOf(on, channel, account, share);
      });
    },
  };
}

/** What its jobs have promised or may promise yet, earlier ones included. */
const takenOf = ({ base, jobs }: Account): bigint => {
  let taken = base;
  for (const { budget } of jobs) taken += budget;
  return taken;
};

const totalOf = ({ base, jobs }: Account): bigint => {
  let sum = base;
  for (const { promised } of jobs) sum += promised;
  return sum;
};

const partiesOf = ({ provider, providerSigner }: Payout) => ({
  provider: parseAddress('provider', provider),
  providerSigner: parseAddress('providerSigner', providerSigner),
});
