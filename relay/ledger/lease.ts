import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { LedgerDatabase } from './database.ts';

/**
 * Among gateways that share a database: says that this one is alive, and ends what one that is not has left. One that was
 * only held up finds its jobs released, which changes nothing twice.
 */
export interface Lease {
  /** Resolves when this gateway is known to the others. */
  start(): Promise<void>;
  stop(): void;
}

export interface LeaseInit {
  readonly db: LedgerDatabase;
  readonly gateway: string;
  /** Releases a job's hold. */
  readonly release: (job: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const renewMs = 10_000;
/** Many times what clocks differ and databases pause. */
const lostAfterMs = 60_000;
const releasedMax = 1_000;

export function createLease({ db, gateway, release, clock, logger }: LeaseInit): Lease {
  const stopping = new AbortController();
  const { signal } = stopping;

  const renew = async () => {
    const seenAt = BigInt(clock.now());
    await db
      .insertInto('gateways')
      .values({ id: gateway, seen_at: seenAt })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: seenAt }))
      .execute();
  };
  const endLost = async () => {
    const alive = db
      .selectFrom('gateways')
      .select('id')
      .where('seen_at', '>', BigInt(clock.now() - lostAfterMs));
    const lost = await db
      .selectFrom('open_holds')
      .select('job')
      .where('gateway', 'not in', alive)
      .limit(releasedMax)
      .execute();
    for (const { job } of lost) release(job);
    if (lost.length > 0) logger.warn('gateway-lost', { holds: lost.length });
    await db.deleteFrom('answers').where('events', 'is', null).where('gateway', 'not in', alive).execute();
  };
  const run = async () => {
    while (!signal.aborted) {
      await clock.delay(renewMs, { signal });
      try {
        await renew();
        await endLost();
      } catch (error) {
        logger.warn('ledger-not-written', { error });
      }
    }
  };

  return {
    async start() {
      try {
        await renew();
      } catch (cause) {
        throw new TabloomError('database-unavailable', 'The database of DATABASE_URL cannot be written.', { cause });
      }
      void run().catch(() => undefined);
    },
    stop: () => stopping.abort(),
  };
}
