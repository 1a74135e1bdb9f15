import { ewma } from '#lib/base/mean.ts';
import type { PeerHistory } from './spec.ts';

/** What one finished job showed of its worker, by the asker's own clock. */
export interface JobObservation {
  readonly tokens?: number | undefined;
  /** The whole time, from asking to the last token. */
  readonly spanMs?: number | undefined;
  readonly ttftMs?: number | undefined;
  readonly rttMs?: number | undefined;
}

/** Below these a rate says nothing: six tokens in one packet would be thousands a second. */
export const rateSampleMin = { tokens: 32, spanMs: 500 } as const;

export const noHistory: PeerHistory = { finished: 0, failed: 0 };

export function withFinished(history: PeerHistory, seen: JobObservation): PeerHistory {
  return {
    decodeTps: ewma(history.decodeTps, rateOf(seen)),
    ttftMs: ewma(history.ttftMs, seen.ttftMs),
    rttMs: ewma(history.rttMs, seen.rttMs),
    finished: history.finished + 1,
    failed: history.failed,
  };
}

/** A refusal is no failure and is not recorded. */
export const withFailed = (history: PeerHistory): PeerHistory => ({ ...history, failed: history.failed + 1 });

/** It has done more for this asker than it has failed at. */
export const hasStanding = (history: PeerHistory | undefined): boolean =>
  history !== undefined && history.finished > history.failed;

function rateOf({ tokens = 0, spanMs = 0 }: JobObservation): number | undefined {
  return tokens >= rateSampleMin.tokens && spanMs >= rateSampleMin.spanMs ? (tokens * 1_000) / spanMs : undefined;
}
