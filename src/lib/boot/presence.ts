import type { Live } from '#lib/base/live.ts';
import type { Presence } from '#lib/state/device.ts';
import { createLive } from '#lib/base/live.ts';
import type { Sharing } from './run-sharing.ts';
import type { SettingsKeeper } from './settings.ts';

/** The browser's Idle Detection API (https://wicg.github.io/idle-detection/), which TypeScript's library lacks. */
export interface IdleDetection {
  new (): EventTarget & {
    readonly userState: 'active' | 'idle' | null;
    readonly screenState: 'locked' | 'unlocked' | null;
    start(options: { readonly threshold: number; readonly signal: AbortSignal }): Promise<void>;
  };
  requestPermission(): Promise<'granted' | 'denied'>;
}

export interface PresenceWatcher {
  readonly view: Live<Presence>;
  /** Asks the user for permission; call it from a click. Does nothing where the browser has no idle detection. */
  ask(): Promise<void>;
  stop(): void;
}

/** Without a key or the mouse touched for this long, nobody uses the device. */
const awayAfterMs = 180_000;

/**
 * Pauses sharing while somebody uses the device, if the user has set it to. Fails closed: where the browser cannot or may not
 * tell, somebody may be there.
 */
export function watchPresence(
  detection: IdleDetection | undefined,
  { sharing, settings }: { readonly sharing: Pick<Sharing, 'hold'>; readonly settings: Pick<SettingsKeeper, 'view'> },
): PresenceWatcher {
  const view = createLive<Presence>(detection ? 'unknown' : 'unsupported');
  let detecting: AbortController | undefined;

  const apply = () => {
    const { onlyWhileAway } = settings.view.current;
    sharing.hold('present', onlyWhileAway && view.current !== 'away' ? 'on' : 'off');
    if (onlyWhileAway) void detect();
    else {
      detecting?.abort();
      detecting = undefined;
      if (detection) view.set('unknown');
    }
  };

  async function detect(): Promise<void> {
    if (!detection || detecting) return;
    const { signal } = (detecting = new AbortController());
    try {
      const detector = new detection();
      detector.addEventListener(
        'change',
        () => view.set(detector.userState === 'idle' || detector.screenState === 'locked' ? 'away' : 'present'),
        { signal },
      );
      await detector.start({ threshold: awayAfterMs, signal });
    } catch {
      // Not permitted, or no longer. It is tried again when the settings change or permission is given.
      if (signal.aborted) return;
      detecting = undefined;
      view.set('unknown');
    }
  }

  const endings = [view.listen(apply), settings.view.listen(apply)];
  apply();
  return {
    view,
    async ask() {
      if ((await detection?.requestPermission().catch(() => 'denied')) === 'granted') await detect();
    },
    stop() {
      for (const end of endings) end();
      detecting?.abort();
    },
  };
}
