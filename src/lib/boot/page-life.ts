import type { Peer } from '#lib/peer/peer.ts';
import type { Sharing } from './run-sharing.ts';

/**
 * A page that is hidden for good or frozen says goodbye at once, so that nobody is sent to it; one that comes back
 * announces itself again. Nothing can be awaited in these events.
 */
export function watchPageLife(
  page: { readonly window: Window; readonly document: Document },
  { peers, sharing }: { readonly peers: () => readonly Peer[]; readonly sharing: Sharing },
): () => void {
  const life = new AbortController();
  const { signal } = life;
  const leave = () => peers().forEach((peer) => peer.announceOffline());
  const comeBack = () => peers().forEach((peer) => peer.announceOnline());
  page.window.addEventListener('pagehide', leave, { signal });
  page.window.addEventListener('pageshow', (event) => event.persisted && comeBack(), { signal });
  page.document.addEventListener(
    'freeze',
    () => {
      sharing.hold('frozen', 'on');
      leave();
    },
    { signal },
  );
  page.document.addEventListener(
    'resume',
    () => {
      sharing.hold('frozen', 'off');
      comeBack();
    },
    { signal },
  );
  return () => life.abort();
}

/** Moments in which a lost connection is worth trying again at once. */
export function wakeups(page: {
  readonly window: Window;
  readonly document: Document;
}): (wake: () => void) => () => void {
  return (wake) => {
    const life = new AbortController();
    const { signal } = life;
    page.window.addEventListener('online', wake, { signal });
    page.document.addEventListener('resume', wake, { signal });
    page.document.addEventListener('visibilitychange', () => page.document.visibilityState === 'visible' && wake(), {
      signal,
    });
    return () => life.abort();
  };
}
