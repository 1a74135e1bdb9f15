import type { Peer } from '#lib/peer/peer.ts';
import type { Sharing } from './run-sharing.ts';

/**
 * A page that is unloaded or frozen announces at once that it is offline, so that no job is sent to it; one that comes back
 * announces itself again. One that is closed lets go of its jobs too. Nothing can be awaited in these events.
 */
export function watchPageLifecycle(
  page: { readonly window: Window; readonly document: Document },
  { peers, sharing }: { readonly peers: () => readonly Peer[]; readonly sharing: Sharing },
): () => void {
  const lifetime = new AbortController();
  const { signal } = lifetime;
  const goOffline = () => peers().forEach((peer) => peer.announceOffline());
  const goOnline = () => peers().forEach((peer) => peer.announceOnline());
  const onHide = ({ persisted }: PageTransitionEvent) => {
    goOffline();
    if (!persisted) for (const { provider } of peers()) provider.abandon();
  };
  page.window.addEventListener('pagehide', onHide, { signal });
  page.window.addEventListener('pageshow', (event) => event.persisted && goOnline(), { signal });
  page.document.addEventListener(
    'freeze',
    () => {
      sharing.hold('frozen', 'on');
      goOffline();
    },
    { signal },
  );
  page.document.addEventListener(
    'resume',
    () => {
      sharing.hold('frozen', 'off');
      goOnline();
    },
    { signal },
  );
  return () => lifetime.abort();
}

/** Calls `wake` when a lost connection is worth retrying at once. */
export function wakeups(page: {
  readonly window: Window;
  readonly document: Document;
}): (wake: () => void) => () => void {
  return (wake) => {
    const lifetime = new AbortController();
    const { signal } = lifetime;
    page.window.addEventListener('online', wake, { signal });
    page.document.addEventListener('resume', wake, { signal });
    page.document.addEventListener('visibilitychange', () => page.document.visibilityState === 'visible' && wake(), {
      signal,
    });
    return () => lifetime.abort();
  };
}
