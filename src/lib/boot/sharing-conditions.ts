import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { limits } from '#lib/protocol/limits.ts';
import { isServing, isStarting } from './sharing-phases.ts';
import { isMetered, type WideNavigator } from './device.ts';
import type { Sharing } from './run-sharing.ts';
import { isScheduled } from './schedule.ts';
import type { SettingsKeeper } from './settings.ts';

/** Pauses sharing while the device runs on battery or on a metered connection, where the browser reports either. */
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
/** The duty cycle is meaningful only after this long. */
const dutyFromMs = 60_000;

/**
 * Enforces the user's limits: pauses outside the scheduled hours and while the engine has been busy too much of the time, and
 * stops after the set hours.
 */
export async function watchLimits(
  { sharing, settings, clock }: { readonly sharing: Sharing; readonly settings: SettingsKeeper; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  let unscheduled: 'on' | 'off' = 'off';
  while (!signal.aborted) {
    await clock.delay(checkEveryMs, { signal }).catch(() => undefined);
    const { phase, startedAt, duty } = sharing.view.current;
    if (signal.aborted || startedAt === undefined || (phase !== 'sharing' && phase !== 'paused')) continue;
    const { hoursMax, dutyMax, schedule } = settings.view.current;
    const next = isScheduled(schedule, new Date(clock.now())) ? 'off' : 'on';
    // Only as the hours begin or end: a user who resumes in between means it.
    if (next !== unscheduled) sharing.hold('schedule', (unscheduled = next));
    const elapsedMs = clock.now() - startedAt;
    if (hoursMax > 0 && elapsedMs >= hoursMax * hourMs) await sharing.stop('finish', { why: 'hours' });
    else sharing.hold('duty', elapsedMs > dutyFromMs && duty > dutyMax ? 'on' : 'off');
  }
}

/** Keeps the screen on while sharing, if the user has set it to. The browser releases the lock whenever the tab is hidden. */
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

const sharedModelsKey = 'tabloom-lending';
const sharedModels = z.array(z.string().max(128)).max(limits.offerModelsMax);

/**
 * Resumes sharing when the page opens, if the user has set it to, with the models that were shared last. After the browser has
 * discarded the tab, only if this very tab was sharing: the models it shared are kept in the tab's session storage, which
 * survives a discard but not a close.
 */
export async function resumeSharing(components: {
  readonly sharing: Pick<Sharing, 'view' | 'start' | 'noteDiscard'>;
  readonly settings: Pick<SettingsKeeper, 'view'>;
  readonly wasDiscarded: boolean;
  readonly sessionStorage: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}): Promise<void> {
  const { sharing, settings, wasDiscarded, sessionStorage } = components;
  const kept = attempt(() => sharedModels.parse(JSON.parse(sessionStorage().getItem(sharedModelsKey) ?? '')));
  sharing.view.listen(({ models }) => {
    const names = models.flatMap((one) => (isServing(one) || isStarting(one) ? [one.model] : []));
    attempt(() => {
      if (names.length === 0) sessionStorage().removeItem(sharedModelsKey);
      else sessionStorage().setItem(sharedModelsKey, JSON.stringify(names));
    });
  });
  const { consented, shared, shareOnOpen } = settings.view.current;
  const before = kept ?? (wasDiscarded ? [] : shared.length > 0 ? shared : consented.slice(-1));
  // Never without consent given on this device.
  const models = shareOnOpen ? before.filter((model) => consented.includes(model)) : [];
  let isSharing = false;
  // One after the other: each is measured with nothing else at work.
  for (const model of models) {
    await sharing.start(model).then(
      () => (isSharing = true),
      () => undefined,
    );
  }
  if (isSharing) sharing.noteDiscard(wasDiscarded);
  else if (models.length === 0) sharing.noteDiscard(wasDiscarded && kept !== undefined);
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    return undefined;
  }
}
