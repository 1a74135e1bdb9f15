import type { PeerHistory } from './spec.ts';

/** What one finished job showed of its worker. */
export interface Seen {
  readonly decodeTps?: number | undefined;
  readonly ttftMs?: number | undefined;
  readonly rttMs?: number | undefined;
}

/** Weight of the newest job in the running mean: after five jobs the first counts a sixth. */
const newestWeight = 0.3;

export const noHistory: PeerHistory = { finished: 0, failed: 0 };

export function withFinished(history: PeerHistory, seen: Seen): PeerHistory {
  return {
    decodeTps: mean(history.decodeTps, seen.decodeTps),
    ttftMs: mean(history.ttftMs, seen.ttftMs),
    rttMs: mean(history.rttMs, seen.rttMs),
    finished: history.finished + 1,
    failed: history.failed,
  };
}

/** A refusal is no failure and is not recorded. */
export const withFailed = (history: PeerHistory): PeerHistory => ({ ...history, failed: history.failed + 1 });

function mean(before: number | undefined, now: number | undefined): number | undefined {
  if (now === undefined || !Number.isFinite(now) || now < 0) return before;
  return before === undefined ? now : before * (1 - newestWeight) + now * newestWeight;
}
