import type { Clock } from '#lib/base/clock.ts';
import { createNotifier, type Notifier } from '#lib/base/notifier.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { payError } from '#lib/pay/errors.ts';
import type { Payment, Purse, Receivable, Till } from '#lib/pay/ports.ts';
import { wireError } from '#lib/protocol/errors.ts';

/**
 * The two legs of a hub's jobs: askers pay into the till, providers are paid from the purse. A provider is promised only what the
 * asker has promised for the same job and what has been stored here, so that the hub fronts nothing, whatever is killed; what it
 * has of an asker's and has not passed on is a chunk at most, and its margin.
 */
export interface Legs {
  readonly till: Till;
  readonly purse: Purse;
  /** A job that an asker pays for now; undefined for others. */
  leg(job: string): Leg | undefined;
}

export interface Leg {
  /**
   * From now on the job of this id, at a provider, is paid out of what the asker pays. Ends with the returned function. Idempotent.
   */
  pay(id: string): () => void;
}

interface Account {
  readonly changed: Notifier;
  /** What the asker has paid for the job here, since this session of it began. */
  received: bigint;
  /** What providers have been asked to be promised; a promise that failed may have been stored. */
  asked: bigint;
  isOver: boolean;
}

/** Less than a provider waits for its money before it ends an answer. */
const coverMs = 4_000;

export function createLegs({
  till,
  purse,
  clock,
}: {
  readonly till: Till;
  readonly purse: Purse;
  readonly clock: Clock;
}): Legs {
  /** By the id of the asker's job; by that of the hub's. */
  const paying = new Map<string, Account>();
  const paid = new Map<string, Account>();

  const received = (receivable: Receivable, job: string): Receivable => {
    const base = receivable.received();
    const account: Account = { changed: createNotifier(), received: 0n, asked: 0n, isOver: false };
    // An asker that came again for the job has another session here, and the one before it is ending.
    paying.set(job, account);
    return {
      chain: receivable.chain,
      channelId: receivable.channelId,
      received: () => receivable.received(),
      async receive(payment) {
        const total = await receivable.receive(payment);
        account.received = total - base;
        account.changed.notify();
        return total;
      },
      checkMayServe: () => receivable.checkMayServe(),
      end() {
        account.isOver = true;
        account.changed.notify();
        if (paying.get(job) === account) paying.delete(job);
        receivable.end();
      },
    };
  };

  /**
   * Takes, of what the asker has paid for the job and no provider was promised, as much as is wanted: what there is, once there is
   * any. A provider that waits for all of it might stop before its asker is asked for the rest. @throws `payment-ended`.
   */
  const take = async (account: Account, wanted: bigint): Promise<bigint> => {
    const { signal, clear } = startDeadline(clock, coverMs, { error: () => payError('payment-ended') });
    try {
      while (account.received <= account.asked) {
        if (account.isOver) throw payError('payment-ended');
        await account.changed.wait({ signal });
      }
    } finally {
      clear();
    }
    const there = account.received - account.asked;
    const taken = wanted < there ? wanted : there;
    account.asked += taken;
    return taken;
  };

  const covering = (payment: Payment, account: Account): Payment => {
    let own = 0n;
    return {
      chain: payment.chain,
      terms: payment.terms,
      channelId: payment.channelId,
      promised: () => payment.promised(),
      async promise(total) {
        if (total <= own) return payment.promise(total);
        own += await take(account, total - own);
        return payment.promise(own);
      },
      end: (channel) => payment.end(channel),
    };
  };

  return {
    till: {
      payouts: till.payouts,
      ...(till.agree ? { agree: till.agree } : {}),
      open: async (payment, job, options) => received(await till.open(payment, job, options), job.id),
    },
    purse: {
      async open(payout, job, options) {
        const account = paid.get(job.id);
        if (!account) throw wireError('payment-required');
        return covering(await purse.open(payout, job, options), account);
      },
    },
    leg(job) {
      const account = paying.get(job);
      if (!account) return undefined;
      return {
        pay(id) {
          paid.set(id, account);
          return () => void paid.delete(id);
        },
      };
    },
  };
}
