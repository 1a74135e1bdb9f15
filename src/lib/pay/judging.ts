import type { Dispute } from './court.ts';

/**
 * Which of the disputes over one receipt a validator votes on: the one with the largest penalty that still runs, of equals the
 * first. A job is decided once, so a provider that was found out could have itself convicted for the least penalty before others
 * dispute the job for more; a dispute that gets no vote decides nothing and stands in no other's way (docs/ECONOMICS.md).
 */
export function disputeToJudge(overOneReceipt: readonly Dispute[]): Dispute | undefined {
  const running = overOneReceipt.filter(({ phase }) => phase === 'answering' || phase === 'voting');
  return running.toSorted((a, b) => compare(b.penalty, a.penalty) || compare(a.id, b.id))[0];
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
