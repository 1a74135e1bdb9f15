import type { Clock } from '#lib/base/clock.ts';
import type { SettingsKeeper } from './settings.ts';
import type { Sharing } from './sharing.ts';

const checkEveryMs = 5_000;
const hourMs = 3_600_000;
/** The share of busy time is looked at once there is enough of it to mean something. */
const settleMs = 60_000;

/** Keeps lending within the person's limits: rests when the engine was busy too much of the time, stops after the hours. */
export async function watchLimits(
  { sharing, settings, clock }: { readonly sharing: Sharing; readonly settings: SettingsKeeper; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.delay(checkEveryMs, { signal }).catch(() => undefined);
    const { phase, startedAt, duty } = sharing.view.current;
    if (signal.aborted || startedAt === undefined || (phase !== 'sharing' && phase !== 'paused')) continue;
    const { hoursMax, dutyMax } = settings.view.current;
    const elapsedMs = clock.now() - startedAt;
    if (hoursMax > 0 && elapsedMs >= hoursMax * hourMs) await sharing.stop('finish', 'hours');
    else sharing.hold('duty', elapsedMs > settleMs && duty > dutyMax ? 'on' : 'off');
  }
}
