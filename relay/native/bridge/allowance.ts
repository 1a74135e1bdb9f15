import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { KeyValue } from '#lib/storage/spec.ts';

/** What may be spent in a day of UTC. */
export interface AllowanceLimits {
  readonly requestsPerDay: number;
  /** Prompts and answers together. */
  readonly tokensPerDay: number;
}

/** What has been spent in one. */
export type Spent = z.output<typeof spentSchema>;

const spentSchema = z.object({
  /** Days since the epoch. */
  day: z.number().int().nonnegative(),
  requests: z.number().int().nonnegative(),
  tokens: z.number().int().nonnegative(),
});

/**
 * A daily limit on what an owner pays for elsewhere, kept across restarts. What a request may use at most is taken from it, and
 * stored, before it is sent; what was not used is given back. What is not known for certain counts as used: a process that is
 * killed pays the most, and a store that cannot be read or written allows nothing.
 */
export interface Allowance {
  /** Of today. */
  readonly spent: Spent;
  /**
   * Takes one request of at most so many tokens. Returns the function to be called with the tokens that it did use.
   * @throws `busy` with `retryAfterMs` where the day's allowance does not suffice; `allowance-unknown`.
   */
  take(tokensMost: number): Promise<(tokensUsed: number) => void>;
}

export interface AllowanceComponents {
  readonly limits: AllowanceLimits;
  /** The entry of its own in the storage. */
  readonly name: string;
  readonly storage: KeyValue;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

const dayMs = 86_400_000;

export function createAllowance({ limits, name, storage, clock, logger }: AllowanceComponents): Allowance {
  const key = `upstream ${name}`;
  let spent: Spent = { day: 0, requests: 0, tokens: 0 };
  let storing: Promise<void> = Promise.resolve();

  const read = async (): Promise<void> => {
    const stored = await storage.get('pay', key);
    if (stored !== undefined) spent = spentSchema.parse(stored);
  };
  const reading = read().catch((error: unknown) => {
    logger.warn('allowance-not-read', { code: errorCode(error) });
    throw unknown(error);
  });
  reading.catch(() => undefined);

  /** A clock that was set back begins no new day. */
  const today = (): Spent => {
    const day = Math.floor(clock.now() / dayMs);
    return day > spent.day ? { day, requests: 0, tokens: 0 } : spent;
  };
  /** One write after the other, each of what holds when its turn comes. */
  const store = (): Promise<void> => {
    const stored = storing.then(() => storage.put('pay', key, spent));
    storing = stored.catch((error: unknown) => logger.warn('allowance-not-stored', { code: errorCode(error) }));
    return stored;
  };

  return {
    get spent() {
      return today();
    },
    async take(tokensMost) {
      await reading;
      const { day, requests, tokens } = today();
      if (requests + 1 > limits.requestsPerDay || tokens + tokensMost > limits.tokensPerDay) {
        throw new TabloomError('busy', 'What may be spent elsewhere today is used up. Wait for a slot here.', {
          details: { retryAfterMs: (day + 1) * dayMs - clock.now() },
        });
      }
      spent = { day, requests: requests + 1, tokens: tokens + tokensMost };
      await store().catch((error: unknown) => {
        throw unknown(error);
      });
      return (tokensUsed) => {
        // What was begun yesterday is paid by yesterday.
        if (spent.day !== day) return;
        spent = { ...spent, tokens: Math.max(0, spent.tokens - tokensMost + tokensUsed) };
        void store().catch(() => undefined);
      };
    },
  };
}

const unknown = (cause: unknown) =>
  new TabloomError(
    'allowance-unknown',
    'What was spent elsewhere is not known. Check the data folder of this provider.',
    {
      cause,
    },
  );
