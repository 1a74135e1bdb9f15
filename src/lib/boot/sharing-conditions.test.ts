import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { watchLimits } from './sharing-conditions.ts';
import { createLive } from './live.ts';
import { keepSettings } from './settings.ts';
import type { SharingView } from '#lib/state/sharing.ts';
import type { Sharing } from './run-sharing.ts';

test('after the hours lending finishes, with that as the reason', async () => {
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
  expect(stops).toEqual([['finish', 'hours']]);
  over.abort();
  await watching;
});
