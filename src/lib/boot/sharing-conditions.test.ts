import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { resumeSharing, watchLimits } from './sharing-conditions.ts';
import { createLive } from '#lib/base/live.ts';
import { keepSettings } from './settings.ts';
import type { Settings } from '#lib/state/settings.ts';
import { notSharing, type SharingView } from '#lib/state/sharing.ts';
import type { Sharing } from './run-sharing.ts';

test('after the set hours sharing finishes, with that as the reason', async () => {
  const clock = manualClock();
  const settings = await keepSettings(createMemoryStorage());
  await settings.change({ hoursMax: 1 });
  const view = createLive({ phase: 'sharing', startedAt: clock.now(), duty: 0 } as SharingView);
  const stops: unknown[] = [];
  const stop: Sharing['stop'] = async (...how) => {
    stops.push(how);
    view.change({ phase: 'off', startedAt: undefined });
  };
  const sharing = { view, stop, hold: () => undefined } as unknown as Sharing;
  const over = new AbortController();
  const watching = watchLimits({ sharing, settings, clock }, over.signal);
  await clock.advance(3_590_000);
  expect(stops).toEqual([]);
  await clock.advance(20_000);
  expect(stops).toEqual([['finish', { why: 'hours' }]]);
  over.abort();
  await watching;
});

test('sharing pauses as the scheduled hours end, once, so that a user who resumes is not overruled', async () => {
  const clock = manualClock(new Date(2026, 10, 30, 8, 59, 50).getTime());
  const settings = await keepSettings(createMemoryStorage());
  await settings.change({ schedule: { fromMinute: 540, untilMinute: 541, days: [1] } });
  const view = createLive({ phase: 'sharing', startedAt: clock.now(), duty: 0 } as SharingView);
  const holds: string[] = [];
  const hold = (reason: string, to: string) => void (reason === 'schedule' && holds.push(to));
  const over = new AbortController();
  const watching = watchLimits({ sharing: { view, hold } as unknown as Sharing, settings, clock }, over.signal);
  await clock.advance(6_000);
  expect(holds).toEqual(['on']);
  await clock.advance(10_000);
  expect(holds).toEqual(['on', 'off']);
  await clock.advance(120_000);
  expect(holds).toEqual(['on', 'off', 'on']);
  over.abort();
  await watching;
});

/** Opens a page with this history; returns what it shares, and whether it reports a discard. */
async function open(history: {
  readonly settings: Partial<Settings>;
  /** The models this tab was sharing when its page ended. */
  readonly shared?: readonly string[];
  readonly wasDiscarded: boolean;
}) {
  const settings = await keepSettings(createMemoryStorage());
  await settings.change(history.settings);
  const kept = new Map(history.shared === undefined ? [] : [['tabloom-lending', JSON.stringify(history.shared)]]);
  const session = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const started: string[] = [];
  const view = createLive({ ...notSharing, wasDiscarded: history.wasDiscarded });
  const start = async (model: string) => {
    started.push(model);
    const models = started.map((name) => ({ ...notSharing, model: name, phase: 'sharing' as const }));
    view.change({ models, wasDiscarded: false });
  };
  await resumeSharing({
    sharing: { view, start, noteDiscard: (wasDiscarded) => view.change({ wasDiscarded }) },
    settings,
    wasDiscarded: history.wasDiscarded,
    sessionStorage: () => session,
  });
  return { started, wasDiscarded: view.current.wasDiscarded, kept: kept.get('tabloom-lending') };
}

const consented = ['a', 'b'];
const opted = { consented, shareOnOpen: true };

test('a tab that was discarded while sharing resumes if the user has set it to, and reports the discard', async () => {
  expect(await open({ settings: opted, shared: ['b', 'a'], wasDiscarded: true })).toEqual({
    started: ['b', 'a'],
    wasDiscarded: true,
    kept: '["b","a"]',
  });
});

test('without that setting it does not, and reports that sharing ended with the tab', async () => {
  expect(await open({ settings: { consented }, shared: ['a'], wasDiscarded: true })).toMatchObject({
    started: [],
    wasDiscarded: true,
  });
});

test('a discarded tab that was not sharing does not share', async () => {
  expect(await open({ settings: opted, wasDiscarded: true })).toMatchObject({ started: [], wasDiscarded: false });
});

test('a page that opens shares what was shared last, or the model last consented to, and never one without consent', async () => {
  const both = { ...opted, shared: ['b', 'a', 'c'] };
  expect((await open({ settings: both, wasDiscarded: false })).started).toEqual(['b', 'a']);
  expect((await open({ settings: opted, wasDiscarded: false })).started).toEqual(['b']);
  expect((await open({ settings: { shareOnOpen: true }, wasDiscarded: false })).started).toEqual([]);
  expect((await open({ settings: opted, shared: ['c'], wasDiscarded: false })).started).toEqual([]);
  expect((await open({ settings: { consented }, shared: ['a'], wasDiscarded: false })).started).toEqual([]);
});
