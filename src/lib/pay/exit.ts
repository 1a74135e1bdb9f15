import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import { close } from './actions/close.ts';
import { announceWithdrawalFor, signWithdrawal } from './actions/announce-withdrawal.ts';
import { refund } from './actions/refund.ts';
import { withdraw } from './actions/withdraw.ts';
import type { ChainTime } from './chain-time.ts';
import { payError } from './errors.ts';
import type { Payer } from './payer.ts';
import { createRounds } from './rounds.ts';
import type { Agreement } from './ports.ts';
import type { Sponsor } from './sponsor.ts';
import {
  closedSentinel,
  type Chain,
  type ChannelId,
  type ChannelRecord,
  type ChannelTerms,
  type Hex,
  type Wallet,
} from './spec.ts';
import { asSent, channelIdOf, isJob } from './terms.ts';

export interface ExitComponents {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly time: ChainTime;
  readonly payer: Payer;
  /** The session key, which signs announcements; expired ones still can. */
  readonly signer: Wallet;
  /** Sends the transactions: a wallet with gas, or a sponsor for a fee out of what is left, which withdraws by itself. */
  readonly sender: Wallet | Pick<Sponsor, 'quote' | 'announce'>;
  readonly logger: Logger;
  /**
   * Asks the provider to close a channel now, where `sender` is a wallet; `signature` is the payer's withdrawal. Whatever goes wrong
   * with it, the withdrawal is announced instead.
   */
  readonly agree?:
    | ((
        request: { readonly chain: number; readonly terms: ChannelTerms; readonly signature: Hex },
        options: AbortOptions,
      ) => Promise<Agreement>)
    | undefined;
}

/** Units that came back to the payer's wallet. */
export interface Returned {
  readonly channelId: ChannelId;
  readonly returned: bigint;
}

/** The payer's way out: unspent money returns to the wallet, without the provider's consent. */
export interface Exit extends Startable {
  /**
   * Closes a channel at once if its provider agrees. Otherwise announces its withdrawal, and once the delay is over, rounds withdraw
   * it. In both cases it pays for nothing more. Idempotent.
   * @returns Unix seconds, by the chain, from which it can be withdrawn; null where the money is back already.
   * @throws `sponsor-too-dear`, `session-only`, `channel-missing`, `channel-closed`, `wrong-channel`, those of sending.
   */
  leave(id: ChannelId, options?: AbortOptions): Promise<number | null>;
  /** One round: withdraws channels whose delay is over, and jobs whose deadline has passed. Failures are retried in the next. */
  round(options?: AbortOptions): Promise<readonly Returned[]>;
}

export function createExit(
  { chain, clock, time, payer, signer, sender, logger, agree }: ExitComponents,
  {
    intervalMs = 10 * 60_000,
    sponsorFeeMax = 0n,
  }: { readonly intervalMs?: number; /** In units, for an announcement. */ readonly sponsorFeeMax?: bigint } = {},
): Exit {
  const round = async (options: AbortOptions = {}) => {
    const now = await time.current(options);
    const done: Returned[] = [];
    for (const { id, terms } of payer.list().filter((record) => isDue(record, now))) {
      try {
        if ('quote' in sender) {
          await payer.refresh(id, options);
          continue;
        }
        const { returned, events } = await (isJob(terms) ? refund : withdraw)(chain, sender, terms, options);
        await payer.applyEvents(events);
        done.push({ channelId: id, returned });
        logger.info('withdrawn', { units: returned.toString() });
      } catch (error) {
        if (options.signal?.aborted) throw error;
        logger.warn('withdraw-failed', { code: errorCode(error), channelId: id });
        // Somebody else may have closed it.
        await payer.refresh(id, options);
      }
    }
    return done;
  };
  /** @returns whether the channel was closed by agreement. */
  const closeNow = async (
    wallet: Wallet,
    terms: ChannelTerms,
    signature: Hex,
    options: AbortOptions,
  ): Promise<boolean> => {
    if (!agree) return false;
    const id = channelIdOf(terms);
    try {
      const agreed = await agree({ chain: chain.entry.id, terms: asSent(terms), signature }, options);
      // It names what it holds, which may be less than what was promised: the last voucher may not have arrived.
      if (agreed.finalAmount > (await payer.state(id)).promised) throw payError('final-amount-out-of-range');
      const { finalAmount, voucher } = agreed;
      const closure = {
        terms,
        finalAmount,
        providerSignature: agreed.signature,
        voucher: voucher ? { channelId: id, cumulativeAmount: finalAmount, signature: voucher } : null,
      };
      await payer.applyEvents((await close(chain, wallet, closure, options)).events);
      return true;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      logger.info('not-closed-by-agreement', { code: errorCode(error), channelId: id });
      return (await payer.refresh(id, options)).phase === 'closed';
    }
  };
  const rounds = createRounds({ clock, logger }, { event: 'exit-round-failed', intervalMs, round });
  return {
    async leave(id, options = {}) {
      const { phase, withdrawableAt } = await payer.refresh(id, options);
      if (phase === 'withdrawing') return withdrawableAt!;
      if (phase !== 'open') {
        throw payError(phase === 'closed' ? 'channel-closed' : 'channel-missing', { details: { channelId: id } });
      }
      const { terms } = payer.list().find((record) => record.id === id)!;
      if ('quote' in sender) {
        const sponsorship = await sender.quote('announce', options);
        if (sponsorship.fee > sponsorFeeMax) {
          throw payError('sponsor-too-dear', { details: { maximum: sponsorFeeMax, given: sponsorship.fee } });
        }
        const promised = await signWithdrawal(chain, signer, terms, { sponsorship, ...options });
        await sender.announce({ terms, sponsorship, signature: promised }, options);
        return (await payer.refresh(id, options)).withdrawableAt ?? 0;
      }
      const signature = await signWithdrawal(chain, signer, terms, options);
      if (await closeNow(sender, terms, signature, options)) return null;
      const announced = await announceWithdrawalFor(chain, sender, { terms, signature }, options);
      await payer.applyEvents(announced.events);
      return announced.withdrawableAt;
    },
    round: (options = {}) => round({ signal: anySignal([options.signal, rounds.signal]) }),
    start: () => rounds.start(),
    stop: () => rounds.stop(),
  };
}

/** A job is refundable from the second after its deadline; a channel that is not there yet has nothing to return. */
function isDue({ terms, seen }: ChannelRecord, now: number): boolean {
  if (seen.withdrawableAt === closedSentinel || seen.balance === 0n) return false;
  if (isJob(terms)) return now > terms.deadline;
  return seen.withdrawableAt !== 0 && now >= seen.withdrawableAt;
}
