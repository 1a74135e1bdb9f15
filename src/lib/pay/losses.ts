import type { Clock } from '#lib/base/clock.ts';
import { payError } from './errors.ts';
import type { Address } from './spec.ts';

/**
 * Bounds what sending for others can lose. Whoever is paid for a transaction by what the transaction moves can be cheated: the money
 * may be gone between estimate and block. One that lost money is the account's last for a day; after `perDayMax` of them nothing is
 * sent for anybody until the next day.
 */
export interface Losses {
  /** @throws `relay-declined` for this account, `relay-stopped` for all. */
  check(account: Address): void;
  /** A transaction for this account cost more than it brought. */
  note(account: Address): void;
  readonly isStopped: boolean;
}

const dayMs = 24 * 3_600_000;

export function createLosses(clock: Clock, { perDayMax }: { readonly perDayMax: number }): Losses {
  let day = -1;
  let count = 0;
  const declined = new Set<Address>();
  const turn = () => {
    const today = Math.floor(clock.now() / dayMs);
    if (today === day) return;
    [day, count] = [today, 0];
    declined.clear();
  };
  return {
    check(account) {
      turn();
      if (count >= perDayMax) throw payError('relay-stopped', { details: { maximum: perDayMax } });
      if (declined.has(account)) throw payError('relay-declined', { details: { account } });
    },
    note(account) {
      turn();
      count++;
      declined.add(account);
    },
    get isStopped() {
      turn();
      return count >= perDayMax;
    },
  };
}

/** Bounds what may never bring its fee, however honestly it was sent. */
export interface DailyLimit {
  /** @throws `sponsor-limit`. */
  check(account: Address): void;
  note(account: Address): void;
}

export function createDailyLimit(
  clock: Clock,
  { perAccountMax, perDayMax }: { readonly perAccountMax: number; readonly perDayMax: number },
): DailyLimit {
  let day = -1;
  let all = 0;
  const counts = new Map<Address, number>();
  const turn = () => {
    const today = Math.floor(clock.now() / dayMs);
    if (today === day) return;
    [day, all] = [today, 0];
    counts.clear();
  };
  return {
    check(account) {
      turn();
      if (all >= perDayMax || (counts.get(account) ?? 0) >= perAccountMax) throw payError('sponsor-limit');
    },
    note(account) {
      turn();
      all++;
      counts.set(account, (counts.get(account) ?? 0) + 1);
    },
  };
}
