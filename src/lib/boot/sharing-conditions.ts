import type { Clock } from '#lib/base/clock.ts';
import { isMetered, type WideNavigator } from './device.ts';
import type { Sharing } from './run-sharing.ts';
import type { SettingsKeeper } from './settings.ts';

/** What of the device and of the person's limits holds sharing back, and the screen that stays on for it. */

/** Holds sharing back while the device runs on battery or on a metered connection, as far as the browser tells. */
export async function watchPower(
  navigator: WideNavigator,
  { sharing, settings }: { readonly sharing: Sharing; readonly settings: SettingsKeeper },
): Promise<() => void> {
  const battery = await navigator.getBattery?.().catch(() => undefined);
  const apply = () => {
    const { pauseOnBattery, pauseOnMetered } = settings.view.current;
    sharing.hold('battery', pauseOnBattery && battery !== undefined && !battery.charging ? 'on' : 'off');
    sharing.hold('metered', pauseOnMetered && isMetered(navigator) === true ? 'on' : 'off');
  };
  apply();
  battery?.addEventListener('chargingchange', apply);
  navigator.connection?.addEventListener('change', apply);
  const endListening = settings.view.listen(apply);
  return () => {
    endListening();
    battery?.removeEventListener('chargingchange', apply);
    navigator.connection?.removeEventListener('change', apply);
  };
}

const checkEveryMs = 5_000;
const hourMs = 3_600_000;
/** The share of busy time is looked at once there is enough of it to mean something. */
const settleMs = 60_000;

/** Keeps sharing within the person's limits: rests when the engine was busy too much of the time, stops after the hours. */
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

/** Keeps the screen on while sharing, where the person asked for it. The browser lets go whenever the tab is hidden. */
export function keepScreenOn(
  page: { readonly navigator: Navigator; readonly document: Document },
  { sharing, settings }: { readonly sharing: Sharing; readonly settings: SettingsKeeper },
): () => void {
  const { navigator, document } = page;
  let lock: WakeLockSentinel | undefined;
  let wanted = false;
  const apply = async () => {
    const { phase } = sharing.view.current;
    wanted = settings.view.current.keepScreenOn && phase === 'sharing' && document.visibilityState === 'visible';
    if (wanted && (!lock || lock.released)) {
      const taken = await navigator.wakeLock?.request('screen').catch(() => undefined);
      if (wanted) lock = taken;
      else await taken?.release();
    } else if (!wanted) {
      await lock?.release().catch(() => undefined);
      lock = undefined;
    }
  };
  const listener = () => void apply();
  const endings = [sharing.view.listen(listener), settings.view.listen(listener)];
  document.addEventListener('visibilitychange', listener);
  return () => {
    for (const end of endings) end();
    document.removeEventListener('visibilitychange', listener);
    void lock?.release().catch(() => undefined);
  };
}
