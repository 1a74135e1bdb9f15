import type { Clock } from '#lib/base/clock.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { LedgerDatabase } from './database.ts';

/** What was found holds so long, however often it is asked for. */
const knownMs = 1_000;
const timeoutMs = 1_000;

/**
 * Whether the database takes writes now, without which a gateway does no work: a write that changes nothing, since a standby
 * of Postgres answers reads. One at a time.
 */
export function watchWritable(db: Pick<LedgerDatabase, 'deleteFrom'>, clock: Clock): () => Promise<boolean> {
  let trying: Promise<boolean> | undefined;
  let known: { readonly isWritable: boolean; readonly sinceMs: number } | undefined;

  const attempt = async (): Promise<boolean> => {
    const isWritable = await db
      .deleteFrom('open_holds')
      .where('job', '=', '')
      .execute()
      .then(
        () => true,
        () => false,
      );
    known = { isWritable, sinceMs: clock.elapsed() };
    trying = undefined;
    return isWritable;
  };

  return async () => {
    if (known && clock.elapsed() - known.sinceMs < knownMs) return known.isWritable;
    trying ??= attempt();
    return withTimeout(trying, clock, timeoutMs).catch(() => false);
  };
}
