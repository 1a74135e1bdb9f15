import { noCounts } from '#lib/peer/serve/no-work.ts';
import { isServing } from './sharing-phases.ts';
import type { ModelSharing, SharingCounts, SharingPhase, SharingView } from '#lib/state/sharing.ts';

/** The first of these that a model is in is what the device does. */
const order: readonly SharingPhase[] = ['sharing', 'paused', 'finishing', 'measuring', 'loading', 'failed', 'off'];

/**
 * What all models of this device do together. @param decodeTps of the last answer, whichever model gave it.
 */
export function sumUp(all: readonly ModelSharing[], decodeTps: number | undefined): Omit<SharingView, 'wasDiscarded'> {
  // What the user has ended is over, and no news.
  const models = all.filter(({ phase, why }) => phase !== 'off' || why !== undefined);
  const phase = order.find((one) => models.some((model) => model.phase === one)) ?? 'off';
  const leading = models.findLast((model) => model.phase === phase);
  const serving = models.filter(isServing);
  const starts = serving.flatMap(({ startedAt }) => startedAt ?? []);
  return {
    phase,
    why: leading?.why,
    error: leading?.error,
    startedAt: starts.length > 0 ? Math.min(...starts) : undefined,
    ...serving.reduce<SharingCounts>(add, noCounts),
    decodeTps: serving.length > 0 ? decodeTps : undefined,
    models,
  };
}

const add = (sum: SharingCounts, one: SharingCounts): SharingCounts => ({
  running: sum.running + one.running,
  queued: sum.queued + one.queued,
  jobsDone: sum.jobsDone + one.jobsDone,
  jobsFailed: sum.jobsFailed + one.jobsFailed,
  jobsRefused: sum.jobsRefused + one.jobsRefused,
  tokensIn: sum.tokensIn + one.tokensIn,
  tokensOut: sum.tokensOut + one.tokensOut,
  decodeTps: undefined,
  // They take turns on one processor.
  duty: Math.min(1, sum.duty + one.duty),
});
