import type { Live } from '#lib/base/live.ts';
import { createLive } from '#lib/base/live.ts';
import type { BackgroundView } from '#lib/state/sharing.ts';
import type { Sharing } from './run-sharing.ts';
import type { SettingsKeeper } from './settings.ts';

/** Below what people hear and most speakers play; the browser counts the tab as one that plays sound and does not slow it down. */
const frequencyHz = 30;
const gain = 0.001;

export interface BackgroundTone {
  readonly view: Live<BackgroundView>;
  stop(): void;
}

/** Plays the tone while a hidden tab shares, if the user has set it to, and notes how fast answers were written seen and hidden. */
export function watchBackground(
  page: { readonly document: Document; readonly createAudio: () => AudioContext },
  { sharing, settings }: { readonly sharing: Pick<Sharing, 'view'>; readonly settings: Pick<SettingsKeeper, 'view'> },
): BackgroundTone {
  const { document, createAudio } = page;
  const view = createLive<BackgroundView>({ playing: false, shownTps: undefined, hiddenTps: undefined });
  let audio: AudioContext | undefined;
  let doneBefore = 0;
  const isHidden = () => document.visibilityState === 'hidden';

  const apply = () => {
    const { phase } = sharing.view.current;
    if (settings.view.current.backgroundTone && phase === 'sharing' && isHidden()) return play();
    void audio?.close().catch(() => undefined);
    audio = undefined;
    view.change({ playing: false });
  };

  function play(): void {
    if (audio) return;
    try {
      const context = (audio = createAudio());
      const [tone, volume] = [context.createOscillator(), context.createGain()];
      tone.frequency.value = frequencyHz;
      volume.gain.value = gain;
      tone.connect(volume).connect(context.destination);
      tone.start();
      // Refused where nobody has clicked in this page: then it is not said to play.
      context.onstatechange = () => audio === context && view.change({ playing: context.state === 'running' });
      view.change({ playing: context.state === 'running' });
    } catch {
      audio = undefined;
    }
  }

  const measure = () => {
    const { decodeTps, jobsDone } = sharing.view.current;
    if (decodeTps === undefined || jobsDone === doneBefore) return;
    doneBefore = jobsDone;
    view.change(isHidden() ? { hiddenTps: decodeTps } : { shownTps: decodeTps });
  };

  const endings = [sharing.view.listen(apply), sharing.view.listen(measure), settings.view.listen(apply)];
  document.addEventListener('visibilitychange', apply);
  return {
    view,
    stop() {
      for (const end of endings) end();
      document.removeEventListener('visibilitychange', apply);
      void audio?.close().catch(() => undefined);
    },
  };
}
