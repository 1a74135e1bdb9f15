import { createLive, type Live } from '#lib/base/live.ts';
import type { Install } from '#lib/state/device.ts';

/** Chromium's event (https://wicg.github.io/manifest-incubations/#beforeinstallpromptevent), which TypeScript's library lacks. */
export interface InstallOffer extends Event {
  prompt(): Promise<unknown>;
  readonly userChoice: Promise<{ readonly outcome: 'accepted' | 'dismissed' }>;
}

/** What is needed of a window. `tabloomInstall`: the offer that came before anybody asked for it, kept by `static/before-paint.js`. */
export interface InstallScope extends EventTarget {
  tabloomInstall?: InstallOffer | undefined;
  readonly navigator: {
    readonly userAgent: string;
    readonly platform: string;
    readonly maxTouchPoints: number;
    readonly standalone?: boolean;
  };
  matchMedia(query: string): { readonly matches: boolean };
}

export interface InstallWatcher {
  readonly view: Live<Install>;
  /** Shows the browser's own question; call it from a click. Does nothing where it has not offered to. */
  ask(): Promise<void>;
  stop(): void;
}

/** Whether this page can become an app of the device, and how. */
export function watchInstall(scope: InstallScope): InstallWatcher {
  const lifetime = new AbortController();
  const { signal } = lifetime;
  const otherwise = (): Install => (isInstalled(scope) ? 'installed' : byHand(scope.navigator));
  const view = createLive<Install>('none');
  const look = () => view.set(scope.tabloomInstall && !isInstalled(scope) ? 'offered' : otherwise());
  // After the listener of the first paint, which keeps the newest offer.
  scope.addEventListener('beforeinstallprompt', look, { signal });
  scope.addEventListener(
    'appinstalled',
    () => {
      scope.tabloomInstall = undefined;
      view.set('installed');
    },
    { signal },
  );
  look();
  return {
    view,
    async ask() {
      const offer = scope.tabloomInstall;
      if (!offer) return;
      // Each offer can be taken once; a browser whose user declined makes another when it thinks fit.
      scope.tabloomInstall = undefined;
      const accepted = await offer
        .prompt()
        .then(() => offer.userChoice)
        .then(({ outcome }) => outcome === 'accepted')
        .catch(() => false);
      if (accepted) view.set('installed');
      else look();
    },
    stop: () => lifetime.abort(),
  };
}

const isInstalled = (scope: InstallScope): boolean =>
  scope.navigator.standalone === true || scope.matchMedia('(display-mode: standalone)').matches;

/** Browsers that install what their user tells them to, in a menu of theirs, and never offer it. */
function byHand({ userAgent, platform, maxTouchPoints }: InstallScope['navigator']): Install {
  const isTablet = platform === 'MacIntel' && maxTouchPoints > 1;
  if (/iPhone|iPad|iPod/.test(userAgent) || isTablet) return 'by-share-menu';
  const isSafari = /\bVersion\/(\d+).*\bSafari\//.exec(userAgent);
  const isMac = /Macintosh/.test(userAgent) && !/Chrom|Edg|Firefox|OPR/.test(userAgent);
  // Safari 17 was the first to put pages into the Dock.
  return isMac && Number(isSafari?.[1] ?? 0) >= 17 ? 'by-dock' : 'none';
}
