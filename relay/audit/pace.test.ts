import { expect, test } from 'vitest';
import { courtPace } from '#lib/peer/audit/court/docket.ts';
import { limits } from '#lib/protocol/limits.ts';
import { auditWindows } from '#lib/trust/audit.ts';
import { trialWindows } from '#lib/trust/trial-state.ts';
import { courtAt, windowsAt } from './pace.ts';

test('at pace 1 all windows are those of the network', () => {
  expect(windowsAt(1)).toEqual({
    epochMs: 3_600_000,
    graceMs: limits.epochGraceMs,
    tickMs: 30_000,
    windows: auditWindows,
    trialWindows,
  });
  expect(courtAt(1)).toEqual({ pace: courtPace, intervalMs: 60_000 });
});

test('at a higher one hours are seconds, and no window is too short to be heard in', () => {
  const { epochMs, graceMs, tickMs, windows, trialWindows: ofTrials } = windowsAt(180);
  expect({ epochMs, graceMs, tickMs }).toEqual({ epochMs: 20_000, graceMs: 10_000, tickMs: 500 });
  expect(ofTrials).toEqual({
    drawMs: 10_000,
    commitMs: 10_000,
    revealMs: 10_000,
    unsealMs: 10_000,
    appealMs: 480_000,
    jumpMs: 10_000,
  });
  // A commitment can be waited for, and an answer scored, for longer than an epoch takes.
  expect(windows.epochMs).toBeGreaterThan(epochMs + graceMs);
  // An opened leaf is looked at several times before it is given up.
  expect(windows.openingRetryMs).toBeGreaterThan(tickMs);
  expect(courtAt(180)).toEqual({
    pace: { graceMs: 120_000, reopenMs: 10_000, lookMs: 1_667, concludeMs: 480_000, keptMs: courtPace.keptMs },
    intervalMs: 1_000,
  });
});
