import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { isPayErrorCode } from '#lib/pay/errors.ts';
import type { Payment, Purse } from '#lib/pay/ports.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { channelAccount, spendId, type SpendBook } from './ledger/spends.ts';

/**
 * A purse that pays for jobs which have been allowed to cost something, and for no others. Each payment is in the books before
 * anything is promised, and with what it came to when it is over.
 */
export interface Allowances {
  readonly purse: Purse;
  /** Lets jobs of these ids cost so many units of the token, all of them together. The first is the job in the books. */
  allow(ids: readonly string[], units: bigint, purpose?: 'canary'): JobAllowance;
  /** Writes what is left; what cannot be written is booked at the next start. */
  stop(): Promise<void>;
}

export interface JobAllowance {
  /** Units that may still be promised. */
  readonly left: bigint;
  /** Nothing more is paid for. Idempotent. */
  end(): void;
}

export interface AllowancesInit {
  readonly purse: Purse;
  readonly book: SpendBook;
  /** Micro-credits that a unit of the token is. */
  readonly creditsPerUnit: bigint;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface JobAccount {
  readonly job: string;
  readonly isCanary: boolean;
  /** Units that no payment has taken. */
  left: bigint;
  payments: number;
}

const retryMs = 1_000;

export function createAllowances({ purse, book, creditsPerUnit, clock, logger }: AllowancesInit): Allowances {
  const allowed = new Map<string, JobAccount>();
  const stopping = new AbortController();
  const writing = new Set<Promise<void>>();

  const endUntilWritten = async (id: string, units: bigint) => {
    for (;;) {
      try {
        return await book.end(id, units * creditsPerUnit);
      } catch (error) {
        logger.warn('ledger-not-written', { error });
        if (stopping.signal.aborted) return;
        await clock.delay(retryMs, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };

  /** A purse's own words are for whoever fills it; a caller hears that this relay cannot pay. */
  const unavailable = (error: unknown): unknown => {
    const code = errorCode(error);
    if (!isPayErrorCode(code) || code === 'chain-unavailable') return error;
    logger.warn('spending-failed', { code });
    return spendingUnavailable(error);
  };

  const booked = (payment: Payment, id: string, account: JobAccount, budget: bigint): Payment => {
    let asked = 0n;
    let isOver = false;
    const promises = new Set<Promise<unknown>>();
    const settle = async () => {
      await Promise.allSettled(promises);
      await endUntilWritten(id, payment.promised());
    };
    return {
      chain: payment.chain,
      terms: payment.terms,
      channelId: payment.channelId,
      promised: () => payment.promised(),
      async promise(total) {
        if (total > asked) asked = total;
        const made = payment.promise(total);
        promises.add(made);
        try {
          return await made;
        } catch (error) {
          throw unavailable(error);
        } finally {
          promises.delete(made);
        }
      },
      end(channel) {
        if (isOver) return;
        isOver = true;
        payment.end(channel);
        // A promise that failed may have been stored all the same: it is not there to be spent again.
        account.left += budget - (asked < budget ? asked : budget);
        const written = settle();
        writing.add(written);
        void written.finally(() => writing.delete(written));
      },
    };
  };

  return {
    purse: {
      async open(payout, job, options) {
        const account = allowed.get(job.id);
        if (!account) throw wireError('payment-required');
        const { budget } = job;
        if (budget > account.left) throw wireError('budget');
        account.left -= budget;
        let payment: Payment | undefined;
        try {
          payment = await purse.open(payout, job, options);
          const id = spendId(account.job, account.payments++);
          const channel = channelAccount(payment.chain, payment.channelId);
          await book.begin({
            id,
            job: account.job,
            account: channel,
            most: budget * creditsPerUnit,
            isCanary: account.isCanary,
          });
          return booked(payment, id, account, budget);
        } catch (error) {
          payment?.end();
          account.left += budget;
          throw unavailable(error);
        }
      },
    },
    allow(ids, units, purpose) {
      const account: JobAccount = { job: ids[0]!, isCanary: purpose === 'canary', left: units, payments: 0 };
      for (const id of ids) allowed.set(id, account);
      return {
        get left() {
          return account.left;
        },
        end() {
          for (const id of ids) if (allowed.get(id) === account) allowed.delete(id);
        },
      };
    },
    async stop() {
      stopping.abort();
      await Promise.all(writing);
    },
  };
}

const spendingUnavailable = (cause: unknown): TabloomError =>
  new TabloomError(
    'spending-unavailable',
    'This relay cannot pay providers now. Try again later, or ask for a model that somebody serves for free.',
    { cause, details: { reason: errorCode(cause) } },
  );
