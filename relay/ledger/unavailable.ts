import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';

/** Longer than any read that a request waits for takes of a database that is there. */
const patienceMs = 5_000;

/** Without its ledger a relay does no work. */
export function ledgerUnavailable(cause: unknown, details: { readonly commit?: 'unknown' } = {}): TabloomError {
  const message = 'This relay cannot write its ledger now, and does no work without. Try again in a minute.';
  return new TabloomError('ledger-unavailable', message, { cause, details });
}

/** The server went away while it was told to commit, which it may have done. */
export const commitUnknown = (cause: unknown): TabloomError => ledgerUnavailable(cause, { commit: 'unknown' });

export const isCommitUnknown = (error: unknown): boolean =>
  error instanceof TabloomError && error.details['commit'] === 'unknown';

/** What a request reads of the database before anything else. @throws `ledger-unavailable` where it does not respond. */
export const inTime = <T>(work: Promise<T>, clock: Clock): Promise<T> =>
  withTimeout(work, clock, patienceMs, { error: () => ledgerUnavailable(undefined) });
