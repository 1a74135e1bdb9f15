import { auditWindows } from '#lib/trust/audit.ts';
import { trialWindows } from '#lib/trust/trial-state.ts';
import { epochMsDefault, tickMsDefault, type AuditingComponents } from '#lib/peer/audit/auditing.ts';
import { courtPace, type CourtPace } from '#lib/peer/audit/court/docket.ts';
import { limits } from '#lib/protocol/limits.ts';

/** However fast, peers have to hear of each other and a beacon of its round within a window. */
const windowMsMin = 10_000;
const tickMsMin = 500;

type Windows = Required<Pick<AuditingComponents, 'epochMs' | 'graceMs' | 'tickMs' | 'windows' | 'trialWindows'>>;

/** The windows of audits, so many times as short. */
export function windowsAt(pace: number): Windows {
  const at = atPace(pace);
  return {
    epochMs: at(epochMsDefault),
    graceMs: at(limits.epochGraceMs),
    tickMs: at(tickMsDefault, tickMsMin),
    windows: {
      ...auditWindows,
      epochMs: at(auditWindows.epochMs),
      beaconRetryMs: at(auditWindows.beaconRetryMs, 2 * tickMsMin),
      openingRetryMs: at(auditWindows.openingRetryMs),
      scoreMs: at(auditWindows.scoreMs),
      turnMs: at(auditWindows.turnMs),
    },
    trialWindows: {
      drawMs: at(trialWindows.drawMs),
      commitMs: at(trialWindows.commitMs),
      revealMs: at(trialWindows.revealMs),
      unsealMs: at(trialWindows.unsealMs),
      appealMs: at(trialWindows.appealMs),
      jumpMs: at(trialWindows.jumpMs),
    },
  };
}

/** What is waited for before the contract, whose own windows are the chain's; and how often it is looked at. */
export function courtAt(pace: number): { readonly pace: CourtPace; readonly intervalMs: number } {
  const at = atPace(pace);
  const { graceMs, reopenMs, lookMs, concludeMs, keptMs } = courtPace;
  return {
    pace: {
      graceMs: at(graceMs),
      reopenMs: at(reopenMs),
      lookMs: at(lookMs, 2 * tickMsMin),
      concludeMs: at(concludeMs),
      keptMs,
    },
    intervalMs: at(60_000, 2 * tickMsMin),
  };
}

const atPace =
  (pace: number) =>
  (ms: number, least = windowMsMin) =>
    Math.min(ms, Math.max(least, Math.round(ms / pace)));
