import { createMutexes } from '#lib/base/mutex.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { afterEnd } from '#lib/pay/after-end.ts';
import type { Till } from '#lib/pay/ports.ts';

export interface HubIncome {
  /** The till, which has each job's channel booked when the job ends. */
  readonly till: Till;
  /** Tries once more what could not be written, and resolves when nothing is being written any more. */
  stop(): Promise<void>;
}

export interface HubIncomeInit {
  readonly till: Till;
  /** What a channel has promised in all, in units of the token. */
  readonly promisedIn: (channel: string) => Promise<bigint>;
  /** Books a channel at this total, in units of the token. Idempotent. */
  readonly note: (chain: number, channel: string, promised: bigint) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const retryMs = 5_000;

/**
 * Books what a hub is promised. A job never waits for it: the voucher is stored, and a total that was not booked is booked with the
 * next one or at the next start.
 */
export function createHubIncome({ till, promisedIn, note, clock, logger }: HubIncomeInit): HubIncome {
  const stopping = new AbortController();
  const { signal } = stopping;
  const channels = createMutexes<string>();
  /** Channels whose total is to be read and booked, with their chains. */
  const unbooked = new Map<string, number>();
  const writing = new Set<Promise<void>>();

  const bookNow = (chain: number, channel: string) =>
    channels.run(channel, async () => {
      // Before the total is read: a job that ends meanwhile is booked after this.
      if (!unbooked.delete(channel)) return;
      try {
        await note(chain, channel, await promisedIn(channel));
      } catch (error) {
        unbooked.set(channel, chain);
        throw error;
      }
    });
  const book = async (chain: number, channel: string) => {
    for (let isWritten = false; !isWritten && !signal.aborted;) {
      try {
        await bookNow(chain, channel);
        isWritten = true;
      } catch (error) {
        logger.warn('income-not-booked', { code: errorCode(error) });
        await clock.delay(retryMs, { signal }).catch(() => undefined);
      }
    }
  };

  return {
    till: {
      payouts: till.payouts,
      ...(till.agree ? { agree: till.agree } : {}),
      async open(payment, job, options) {
        const receivable = await till.open(payment, job, options);
        return afterEnd(receivable, () => {
          const { chain, channelId } = receivable;
          const isWaiting = unbooked.has(channelId);
          unbooked.set(channelId, chain);
          if (isWaiting) return;
          const written = book(chain, channelId);
          writing.add(written);
          void written.finally(() => writing.delete(written));
        });
      },
    },
    async stop() {
      stopping.abort();
      await Promise.all(writing);
      await Promise.allSettled([...unbooked].map(([channel, chain]) => bookNow(chain, channel)));
    },
  };
}
