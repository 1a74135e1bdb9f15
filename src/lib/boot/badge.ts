import type { JobEvent } from '#lib/peer/spec.ts';

/** What is needed of `navigator`; browsers without badges have neither. */
export interface Badges {
  setAppBadge?(count: number): Promise<void>;
  clearAppBadge?(): Promise<void>;
}

export interface Badge {
  note(event: JobEvent): void;
  stop(): void;
}

/** The number of answers that have ended while nobody saw the page, on the icon of the installed app. */
export function watchBadge(document: Document, badges: Badges): Badge {
  const lifetime = new AbortController();
  let count = 0;
  const quietly = (shown: Promise<void> | undefined) => void shown?.catch(() => undefined);
  const see = () => {
    if (document.visibilityState !== 'visible' || count === 0) return;
    count = 0;
    quietly(badges.clearAppBadge?.());
  };
  document.addEventListener('visibilitychange', see, { signal: lifetime.signal });
  return {
    note(event) {
      if (document.visibilityState === 'visible') return;
      if (event.type !== 'job-finished' && event.type !== 'job-failed') return;
      count += 1;
      quietly(badges.setAppBadge?.(count));
    },
    stop: () => lifetime.abort(),
  };
}
