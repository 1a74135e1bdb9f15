import { shareUnit } from './beacon.ts';

/**
 * Which share of a worker's answers is re-scored, in millionths: many of a newcomer's, and fewer the more of them have passed. What counts
 * are answers that were audited, since receipts are free to whoever asks itself. One in doubt makes its worker a newcomer again: a cheat
 * that few of its answers show is then looked at too often for it to pay.
 */
export const auditShares = { entry: 250_000, floor: 20_000 } as const;
/** At each share so many answers, of which it picks its part. */
export const entryJobs = 200;

export interface AuditedSoFar {
  readonly audited: number;
  readonly convictions: number;
  /** Of those audited, how many since the last whose margins went further than honest ones; left out where none did. */
  readonly sinceDoubt?: number | undefined;
}

/** @param floor in millionths: that of the network. */
export function auditShareOf(worker: AuditedSoFar | undefined, floor: number): number {
  let share = pickableShare(floor);
  if (!worker || worker.convictions > 0) return share;
  const least = Math.max(1, floor);
  const passed = worker.sinceDoubt ?? worker.audited;
  for (let needed = auditsAt(share); share > least && passed >= needed; needed += auditsAt(share))
    share = Math.max(least, share / 2);
  return share;
}

/**
 * What an audit may do to a worker's standing. A canary is nobody's choice and counts for `both`. A job that its asker has released was chosen by it, after
 * its answer: a friend could release what it knows to pass, as often as it likes, and buy a name and a smaller share. So that counts `against` alone.
 */
export type AuditCounts = 'both' | 'against';

/** Whether a score is one by which the share falls, and standing grows. */
export const isInFavour = (counts: AuditCounts): boolean => counts === 'both';

/** The share of a worker's leaves that are looked into: all that may be accused where nothing is to be won by it. */
export const lookShareOf = (counts: AuditCounts, worker: AuditedSoFar | undefined, floor: number): number =>
  isInFavour(counts) ? auditShareOf(worker, floor) : pickableShare(floor);

const auditsAt = (share: number) => (entryJobs * share) / shareUnit;

/** What the beacon has to have picked for an accusation to be heard: no more than anybody's newcomer is audited at. */
export const pickableShare = (floor: number): number => Math.max(auditShares.entry, floor);
