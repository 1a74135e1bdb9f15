import type { Clock } from '#lib/base/clock.ts';
import type { LoadProgress } from './spec.ts';

/** Minimum time and fraction of the total between reports, so that a fast download does not flood the page. */
const gapMs = 50;
const gapShare = 1 / 64;

export interface ProgressMeter {
  (step: Pick<LoadProgress, 'phase' | 'loadedBytes' | 'totalBytes' | 'fromCache'>): void;
}

/**
 * Adds elapsed and remaining time to byte counts. The remaining time is estimated from the rate since the phase began.
 */
export function createProgressMeter(
  clock: Clock,
  report: ((progress: LoadProgress) => void) | undefined,
): ProgressMeter {
  const startedMs = clock.elapsed();
  let phase: LoadProgress['phase'] | undefined;
  let phaseMs = startedMs;
  let phaseBytes = 0;
  let reportedMs = -Infinity;
  let reportedBytes = 0;
  return (step) => {
    const nowMs = clock.elapsed();
    if (step.phase !== phase) {
      phase = step.phase;
      phaseMs = nowMs;
      phaseBytes = step.loadedBytes;
      reportedMs = -Infinity;
    }
    const advanced = step.totalBytes > 0 && step.loadedBytes - reportedBytes >= step.totalBytes * gapShare;
    if (nowMs - reportedMs < gapMs && !advanced && step.loadedBytes < step.totalBytes) return;
    reportedMs = nowMs;
    reportedBytes = step.loadedBytes;
    const rate = (step.loadedBytes - phaseBytes) / (nowMs - phaseMs);
    const remainingMs = rate > 0 && Number.isFinite(rate) ? (step.totalBytes - step.loadedBytes) / rate : undefined;
    report?.({
      ...step,
      elapsedMs: nowMs - startedMs,
      ...(remainingMs !== undefined && step.totalBytes > 0 ? { remainingMs: Math.max(0, remainingMs) } : {}),
    });
  };
}
