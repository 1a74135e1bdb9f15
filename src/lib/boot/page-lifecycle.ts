import type { Peer } from '#lib/peer/peer.ts';
import type { Sharing } from './run-sharing.ts';
import type { Earner } from './wallet.ts';

/**
 * A page that is unloaded or frozen announces at once that it is offline, so that no job is sent to it; one that comes back
 * announces itself again. One that is closed lets go of its jobs too. Nothing can be awaited in these events; what was earned is
 * left with the relay as soon as the page is hidden, since it may be closed without another word.
 */
export function watchPageLifecycle(
  page: { readonly window: Window; readonly document: Document },
  {
    peers,
    sharing,
    earner,
  }: {
    readonly peers: () => readonly Peer[];
    readonly sharing: Sharing;
    readonly earner: Pick<Earner, 'entrust'>;
  },
): () => void {
  const lifetime = new AbortController();
  const { signal } = lifetime;
  const goOffline = () => peers().forEach((peer) => peer.announceOffline());
  const goOnline = () => peers().forEach((peer) => peer.announceOnline());
  const onHide = ({ persisted }: PageTransitionEvent) => {
    goOffline();
    earner.entrust();
    if (!persisted) for (const { provider } of peers()) provider.abandon();
  };
  page.window.addEventListener('pagehide', onHide, { signal });
  page.window.addEventListener('pageshow', (event) => event.persisted && goOnline(), { signal });
  page.document.addEventListener(
    'freeze',
    () => {
      sharing.hold('frozen', 'on');
      goOffline();
      earner.entrust();
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
  page.document.addEventListener(
    'visibilitychange',
    () => page.document.visibilityState === 'hidden' && earner.entrust(),
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
