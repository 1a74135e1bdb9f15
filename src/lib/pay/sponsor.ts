import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import { announceWithdrawalFor, type SignedWithdrawal } from './actions/announce-withdrawal.ts';
import { open, type Opening } from './actions/open.ts';
import { settleFor, type SignedSettleOrder } from './actions/settle-for.ts';
import { topUp } from './actions/top-up.ts';
import { chainLimits } from './chain/limits.ts';
import { checkAuthorization } from './deposit.ts';
import { costOfGas, readGasTerms, type Rate } from './cost.ts';
import { payError } from './errors.ts';
import { createDailyLimit, createLosses } from './losses.ts';
import type { Address, Chain, Mined, Wallet } from './spec.ts';
import type { Sponsorship } from './sponsorship.ts';
import { parseTerms } from './terms.ts';

/** What is sent for accounts without gas. */
export type SponsoredAction = 'open' | 'top-up' | 'announce' | 'settle';

/** Sends for accounts that have tokens and no gas, for a fee that they sign. */
export interface Sponsor {
  /** What it sends for now; the fee is in units, and part of what is signed. @throws `relay-stopped`, `chain-unavailable`. */
  quote(action: SponsoredAction, options?: AbortOptions): Promise<Sponsorship>;
  /**
   * Sends an opening or a top-up by authorization.
   * @throws `wrong-relay` unless it pays this sponsor, `fee-too-small`, `contract-signer`, `relay-declined`, `relay-stopped`,
   * `relay-busy`, and those of the action.
   */
  send(kind: 'open' | 'top-up', opening: Opening, options?: AbortOptions): Promise<Mined>;
  /** Announces a withdrawal. Its fee is paid when the money leaves. @throws as `send` does, and `sponsor-limit`. */
  announce(signed: SignedWithdrawal, options?: AbortOptions): Promise<Mined & { readonly withdrawableAt: number }>;
  /** Pays a payee out. @throws as `send` does. */
  settle(signed: SignedSettleOrder, options?: AbortOptions): Promise<Mined & { readonly amount: bigint }>;
}

export interface SponsorComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly wallet: Wallet;
  readonly logger: Logger;
  /** Called before an announcement is sent, which it waits for. */
  readonly onAnnounce?: (signed: SignedWithdrawal) => Promise<void>;
}

export interface SponsorInit {
  /** Exchange rate between the token and the chain's coin. */
  readonly rate: Rate;
  /** The least that it sends for, in units. */
  readonly feeMin?: bigint;
  /** Failed transactions a day; then it stops, and says so. */
  readonly lossesPerDayMax?: number;
  /** Withdrawals announced a day: vouchers may leave nothing of their fee. */
  readonly announcementsPerDayMax?: number;
}

/** Gas of a withdrawal, which whoever announced it for a fee sends too. Rounded up from contracts/gas.json. */
export const withdrawGas = 65_000n;
/** The same of what is sponsored; a payee's first payout writes to slots that were empty. */
const actionGas: Readonly<Record<SponsoredAction, bigint>> = {
  open: 140_000n,
  'top-up': 120_000n,
  announce: 75_000n + withdrawGas,
  settle: 120_000n,
};
/** Their size in bytes, as channels of a batch. */
const sizeChannels = 1;
/** Transactions that may wait for their turn. */
const waitingMax = 16;
const announcementsPerPayerMax = 4;

/** What is offered for sending, and whose money pays for it. */
interface Offered {
  readonly account: Address;
  /** Keys whose signatures the contract checks. */
  readonly signers: readonly Address[];
  readonly sponsorship: Sponsorship | undefined;
  /** Gas besides that of the transaction itself. */
  readonly laterGas?: bigint;
  /** Done once it is certain to be sent. */
  readonly before?: () => Promise<void> | undefined;
}

/** @see {@link createLosses} for what it can lose: the payer may move its tokens away between the estimate and the block. */
export function createSponsor(
  { chain, clock, wallet, logger, onAnnounce }: SponsorComponents,
  { rate, feeMin = 0n, lossesPerDayMax = 20, announcementsPerDayMax = 100 }: SponsorInit,
): Sponsor {
  const losses = createLosses(clock, { perDayMax: lossesPerDayMax });
  const announcements = createDailyLimit(clock, {
    perAccountMax: announcementsPerPayerMax,
    perDayMax: announcementsPerDayMax,
  });
  /** One at a time: of several deposits of one payer each could look good by itself, and all but one fail. */
  const turns = createMutex();
  const costOf = async (gas: bigint, options: AbortOptions) => {
    const terms = await readGasTerms(chain, rate, options);
    const cost = costOfGas((gas * chainLimits.gasPercent) / 100n, sizeChannels, terms);
    return cost > feeMin ? cost : feeMin;
  };

  /** The chain, sending only what its fee pays for by the node's estimate, which also bounds the gas it is given. */
  const paying = ({ fee }: Sponsorship, { laterGas = 0n, before }: Offered): Chain => ({
    ...chain,
    async transact(sender, call, options = {}) {
      const gas = (await chain.estimateGas(sender.address, call, options)) + laterGas;
      const required = await costOf(gas, options);
      if (fee < required) throw payError('fee-too-small', { details: { required, offered: fee } });
      await before?.();
      return chain.transact(sender, call, options);
    },
  });
  /** Sends in its turn, within what may be lost. */
  const sendFor = async <T>(offered: Offered, options: AbortOptions, act: (on: Chain) => Promise<T>): Promise<T> => {
    const { account, signers, sponsorship } = offered;
    if (turns.pending >= waitingMax) throw payError('relay-busy');
    return turns.run(async () => {
      losses.check(account);
      // What the code of an account accepts as its signature may change, and may cost any amount of gas to check.
      for (const signer of signers) {
        if (await chain.hasCode(signer, options)) throw payError('contract-signer', { details: { signer } });
      }
      if (sponsorship?.sponsor !== wallet.address) {
        throw payError('wrong-relay', { details: { expected: wallet.address, given: sponsorship?.sponsor } });
      }
      try {
        return await act(paying(sponsorship, offered));
      } catch (error) {
        if (error instanceof TabloomError && 'hash' in error.details && error.code !== 'transaction-stuck') {
          losses.note(account);
          logger.warn('sponsored-deposit-lost', { payer: account, code: error.code });
          if (losses.isStopped) logger.warn('sponsor-stopped', { losses: lossesPerDayMax });
        }
        throw error;
      }
    });
  };

  return {
    async quote(action, options = {}) {
      if (losses.isStopped) throw payError('relay-stopped', { details: { maximum: lossesPerDayMax } });
      // Gas may rise until it has been signed and arrives.
      return { sponsor: wallet.address, fee: ((await costOf(actionGas[action], options)) * 12n) / 10n };
    },
    async send(kind, opening, options = {}) {
      const { payer } = parseTerms(opening.terms);
      const { deposit } = opening;
      const { sponsorship } = deposit;
      // Before it takes a place in the queue, which only a payer's own signature does.
      await checkAuthorization(chain.entry, opening);
      return sendFor({ account: payer, signers: [payer], sponsorship }, options, (on) =>
        (kind === 'open' ? open : topUp)(on, wallet, opening, options),
      );
    },
    async announce(signed, options = {}) {
      const { payer, payerSigner } = parseTerms(signed.terms);
      const offered: Offered = {
        account: payer,
        signers: [payer, payerSigner],
        sponsorship: signed.sponsorship,
        laterGas: withdrawGas,
        before: () => onAnnounce?.(signed),
      };
      return sendFor(offered, options, async (on) => {
        announcements.check(payer);
        const announced = await announceWithdrawalFor(on, wallet, signed, options);
        announcements.note(payer);
        return announced;
      });
    },
    settle(signed, options = {}) {
      const { payee, sponsor, fee } = signed.order;
      return sendFor({ account: payee, signers: [payee], sponsorship: { sponsor, fee } }, options, (on) =>
        settleFor(on, wallet, signed, options),
      );
    },
  };
}
