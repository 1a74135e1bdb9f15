import type { SettingsKeeper } from './settings.ts';
import type { Sharing } from './run-sharing.ts';

const key = 'tabloom-lending';

/**
 * Goes on lending when the page opens, where the person wants it so. After the browser discarded the tab that is: where
 * this very tab was lending. What was lent is remembered in the tab's own session storage, which outlives a discard and
 * not a closed tab.
 */
export async function startAgain(parts: {
  readonly sharing: Pick<Sharing, 'view' | 'start' | 'noteDiscard'>;
  readonly settings: Pick<SettingsKeeper, 'view'>;
  readonly wasDiscarded: boolean;
  readonly session: () => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}): Promise<void> {
  const { sharing, settings, wasDiscarded } = parts;
  const remembered = attempt(() => parts.session().getItem(key)) ?? undefined;
  sharing.view.listen(({ phase, model }) => {
    attempt(() => {
      if (phase === 'off' || phase === 'failed') parts.session().removeItem(key);
      else if (model) parts.session().setItem(key, model);
    });
  });
  const { consented, shareOnOpen } = settings.view.current;
  const model = remembered ?? (wasDiscarded ? undefined : consented.at(-1));
  // Never without a consent given on this device.
  if (!shareOnOpen || !model || !consented.includes(model)) {
    return sharing.noteDiscard(wasDiscarded && remembered !== undefined);
  }
  await sharing.start(model).then(
    () => sharing.noteDiscard(wasDiscarded),
    () => undefined,
  );
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
