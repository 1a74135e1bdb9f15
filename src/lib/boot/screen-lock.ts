import type { SettingsKeeper } from './settings.ts';
import type { Sharing } from './sharing.ts';

/** Keeps the screen on while lending, where the person asked for it. The browser lets go whenever the tab is hidden. */
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
