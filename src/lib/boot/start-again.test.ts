import { expect, test } from 'vitest';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { createLive } from './live.ts';
import type { Settings } from '#lib/state/settings.ts';
import type { SharingView } from '#lib/state/sharing.ts';
import { keepSettings } from './settings.ts';
import { startAgain } from './start-again.ts';

const off = { phase: 'off', model: undefined, wasDiscarded: false } as SharingView;

/** Opens a page of this history and tells what it lends, and what is said of the tab. */
async function open(history: {
  readonly settings: Partial<Settings>;
  /** What this tab was lending when its page ended. */
  readonly lent?: string;
  readonly wasDiscarded: boolean;
}) {
  const settings = await keepSettings(createMemoryStorage());
  await settings.change(history.settings);
  const kept = new Map(history.lent === undefined ? [] : [['tabloom-lending', history.lent]]);
  const session = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const started: string[] = [];
  const view = createLive({ ...off, wasDiscarded: history.wasDiscarded });
  const start = async (model: string) => {
    started.push(model);
    view.change({ phase: 'sharing', model, wasDiscarded: false });
  };
  await startAgain({
    sharing: { view, start, noteDiscard: (wasDiscarded) => view.change({ wasDiscarded }) },
    settings,
    wasDiscarded: history.wasDiscarded,
    session: () => session,
  });
  return { started, wasDiscarded: view.current.wasDiscarded };
}

const consented = ['a', 'b'];
const opted = { consented, shareOnOpen: true };

test('a tab that was discarded while it lent goes on where the person wants that, and says that it was closed', async () => {
  expect(await open({ settings: opted, lent: 'a', wasDiscarded: true })).toEqual({
    started: ['a'],
    wasDiscarded: true,
  });
});

test('without that wish it does not, and says that lending ended with the tab', async () => {
  expect(await open({ settings: { consented }, lent: 'a', wasDiscarded: true })).toEqual({
    started: [],
    wasDiscarded: true,
  });
});

test('a discarded tab that lent nothing lends nothing', async () => {
  expect(await open({ settings: opted, wasDiscarded: true })).toEqual({ started: [], wasDiscarded: false });
});

test('a page that opens begins with what was agreed to last, and never without a consent', async () => {
  expect((await open({ settings: opted, wasDiscarded: false })).started).toEqual(['b']);
  expect((await open({ settings: { shareOnOpen: true }, wasDiscarded: false })).started).toEqual([]);
  expect((await open({ settings: opted, lent: 'c', wasDiscarded: false })).started).toEqual([]);
  expect((await open({ settings: { consented }, lent: 'a', wasDiscarded: false })).started).toEqual([]);
});
