import { errorCode } from '#lib/base/errors.ts';
import type { Payout } from '#lib/protocol/payment.ts';
import { payError } from './errors.ts';
import type { Payee } from './payee.ts';
import type { Exposure } from './policy.ts';
import type { Receivable, Till } from './ports.ts';
import { checkTypedSignature } from './signature.ts';
import type { Chain, ChannelId, Wallet } from './spec.ts';
import { channelIdOf, isJob, parseTerms } from './terms.ts';
import { withdrawalData } from './typed-data.ts';
import { parseVoucher } from './voucher.ts';

/** One chain that a provider is paid on. */
export interface TillChain extends Exposure {
  readonly payout: Payout;
  readonly payee: Payee;
  /** Called when a payer owes half of what it may or more: to be claimed soon, before it is served no further. */
  readonly onOwing?: (() => void) | undefined;
  /** The provider's signer and its chain, where it may agree to close channels. */
  readonly closing?: { readonly chain: Chain; readonly signer: Wallet } | undefined;
  /** Channels that end with a deadline: for whoever claims by itself, and is there until then. `refused` by default. */
  readonly jobChannels?: 'taken' | 'refused' | undefined;
}

/** What was credited to a job. */
interface Share {
  received: bigint;
}

/**
 * A channel and the jobs that it pays for now. `base` is what its vouchers had promised before the first of them, including after
 * a restart: what an earlier job did not use pays for no later one.
 */
interface Account {
  base: bigint;
  readonly jobs: Set<Share>;
}

/**
 * Credits jobs with what vouchers promise. Vouchers of several jobs on one channel may arrive in any order: the newest covers them
 * all, so a job is credited as long as the jobs' totals together stay within it. A channel with a deadline pays for one job: it is
 * claimed when that has ended.
 */
export function createTill(chains: readonly TillChain[]): Till {
  const accounts = new Map<ChannelId, Account>();
  const at = (chainId: number): TillChain => {
    const on = chains.find(({ payout }) => payout.chain === chainId);
    if (!on) throw payError('chain-unknown', { details: { chainId } });
    return on;
  };
  const agree: Till['agree'] = async ({ chain: chainId, terms: given, signature }, options) => {
    const { payee, closing } = at(chainId);
    if (!closing) throw payError('not-allowed');
    const terms = parseTerms(given);
    if (isJob(terms)) throw payError('session-only');
    const id = channelIdOf(terms);
    // Known here, before anything that costs more is looked at.
    await payee.state(id);
    await checkTypedSignature(terms.payerSigner, withdrawalData(closing.chain.entry, id), signature);
    const { finalAmount, providerSignature, voucher } = await payee.agree(id, closing.signer, options);
    return { finalAmount, signature: providerSignature, ...(voucher ? { voucher: voucher.signature } : {}) };
  };
  return {
    ...(chains.some(({ closing }) => closing) ? { agree } : {}),
    payouts: chains.map(({ payout }) => payout),
    async open(payment, _job, options = {}) {
      const on = at(payment.chain);
      const { payee, payout } = on;
      const terms = parseTerms(payment.terms);
      if (isJob(terms) && on.jobChannels !== 'taken') throw payError('session-only');
      if (!isJob(terms) && terms.delay < payout.delay) {
        throw payError('bad-terms', { details: { field: 'delay', minimum: payout.delay, given: terms.delay } });
      }
      const id = await payee.admit(terms, options);
      noteOwed(on, id);
      payee.checkMayServe(id, on);
      const { promised } = await payee.state(id);
      const account = accounts.get(id) ?? { base: promised, jobs: new Set<Share>() };
      accounts.set(id, account);
      const share: Share = { received: 0n };
      account.jobs.add(share);
      return receivableOf(on, id, account, share, () => {
        if (account.jobs.size > 0) return;
        accounts.delete(id);
        if (isJob(terms)) void claimDelivered(on, id);
      });
    },
  };
}

/**
 * A channel that is used once has paid for its job: it takes no more, and its one claim may be sent. Where nothing was paid, its
 * payer may still use it. What cannot be written here is claimed shortly before the deadline.
 */
async function claimDelivered({ payee, onOwing }: TillChain, id: ChannelId): Promise<void> {
  try {
    if ((await payee.state(id)).promised === 0n) return;
    await payee.finish(id);
    onOwing?.();
  } catch {
    // It was closed meanwhile, or the storage failed.
  }
}

function noteOwed({ payee, perPayerMax, onOwing }: TillChain, id: ChannelId): void {
  if (onOwing && payee.owed(id) * 2n >= perPayerMax) onOwing();
}

function receivableOf(on: TillChain, id: ChannelId, account: Account, share: Share, release: () => void): Receivable {
  const { payee } = on;
  return {
    chain: on.payout.chain,
    channelId: id,
    received: () => share.received,
    async receive({ voucher, total }) {
      const parsed = parseVoucher(voucher);
      if (parsed.channelId !== id) throw payError('wrong-channel', { details: { channelId: parsed.channelId } });
      if (total <= share.received) return share.received;
      const { claimed } = await payee.state(id);
      // Anybody can read on the chain what has been claimed: it proves nothing about who sends it.
      if (parsed.cumulativeAmount <= claimed)
        throw payError('voucher-regress', { details: { channelId: id, claimed } });
      await payee.receive(voucher).catch((error: unknown) => {
        // That of another job overtook it, and covers it.
        if (errorCode(error) !== 'voucher-regress') throw error;
      });
      noteOwed(on, id);
      const { promised } = await payee.state(id);
      if (!account.jobs.has(share)) return share.received;
      let free = promised - account.base;
      for (const job of account.jobs) if (job !== share) free -= job.received;
      const credit = total < free ? total : free;
      if (credit > share.received) share.received = credit;
      return share.received;
    },
    checkMayServe: () => payee.checkMayServe(id, on),
    end() {
      if (!account.jobs.delete(share)) return;
      account.base += share.received;
      release();
    },
  };
}
