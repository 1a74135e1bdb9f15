import type { SettingsKeeper } from './settings.ts';
import type { Sharing } from './sharing.ts';

const key = 'tabloom-lending';

/**
 * Goes on lending after the browser discarded the tab, or when the page opens and the person wants it so. What was lent
 * is remembered in the tab's own session storage, which outlives a discard and not a closed tab.
 */
export async function startAgain(parts: {
  readonly sharing: Sharing;
  readonly settings: SettingsKeeper;
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
  const model = wasDiscarded ? remembered : shareOnOpen ? (remembered ?? consented.at(-1)) : undefined;
  // Never without a consent given on this device.
  if (!model || !consented.includes(model)) return sharing.view.change({ wasDiscarded: false });
  await sharing.start(model).then(
    () => sharing.view.change({ wasDiscarded }),
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
