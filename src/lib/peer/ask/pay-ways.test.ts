import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { payError } from '#lib/pay/errors.ts';
import type { Purse, PurseChannels } from '#lib/pay/ports.ts';
import type { DirectoryEntry } from '#lib/market/spec.ts';
import { createPaidWork } from './paid-work.ts';
import { createPayWays } from './pay-ways.ts';

const entryOf = (peer: string, more: object = {}) =>
  ({ offer: { peer, models: [more], payout: { chain: 1 } } }) as unknown as DirectoryEntry;
const hub = entryOf('H', { hub: true });
const direct = entryOf('A');

function desk(over: Partial<PurseChannels> = {}) {
  const clock = manualClock();
  let opened = 0;
  const channels: PurseChannels = {
    ready: async () => void opened++,
    to: () => 'room',
    costs: () => undefined,
    ...over,
  };
  const ways = createPayWays({ purse: { channels } as unknown as Purse, work: createPaidWork({ clock }), clock });
  const channelTo = (entry: DirectoryEntry) => ways.paying('5')!.channel({ entry, model: entry.offer.models[0]! });
  return { clock, ways, channelTo, opened: () => opened };
}

test('the purse is opened where a hub could be paid in place of others, and nowhere else', async () => {
  const { ways, opened } = desk();
  await ways.prepare('5', [direct], {});
  await ways.prepare(undefined, [hub, direct], {});
  expect(opened()).toBe(0);
  await ways.prepare('5', [hub, direct], {});
  expect(opened()).toBe(1);
  expect(ways.paying(undefined)).toBeUndefined();
});

test('one that does not open is waited for three seconds at most, or until the job is given up', async () => {
  const { ways, clock } = desk({ ready: () => new Promise(() => undefined) });
  let done = 0;
  const stop = new AbortController();
  void ways.prepare('5', [hub], {}).then(() => (done += 1));
  void ways.prepare('5', [hub], stop).then(() => (done += 10));
  stop.abort();
  await clock.advance(2_999);
  expect(done).toBe(10);
  await clock.advance(1);
  expect(done).toBe(11);
  const throwing = () => {
    throw payError('chain-unavailable');
  };
  for (const ready of [async () => throwing(), throwing]) await desk({ ready }).ways.prepare('5', [hub], {});
});

test('a worker that could not be paid is left to the hub for ten minutes', async () => {
  const { ways, clock, channelTo } = desk();
  expect(channelTo(direct)).toBe('room');
  ways.refused('A');
  expect([channelTo(direct), channelTo(entryOf('B'))]).toEqual(['refused', 'room']);
  await clock.advance(10 * 60_000);
  expect(channelTo(direct)).toBe('room');
});

test('after one that failed no other channel is opened, and those that stand are still used', () => {
  const { ways } = desk({ to: ({ chain }) => (chain === 1 ? 'room' : 'none') });
  const elsewhere = { offer: { ...direct.offer, peer: 'B', payout: { chain: 2 } } } as unknown as DirectoryEntry;
  const channelsBy = (some: typeof ways) =>
    [direct, elsewhere].map((entry) => some.paying('5')!.channel({ entry, model: entry.offer.models[0]! }));
  expect(channelsBy(ways)).toEqual(['room', 'none']);
  expect(channelsBy(ways.withoutOpening())).toEqual(['room', 'refused']);
  ways.refused('A');
  expect(channelsBy(ways.withoutOpening())).toEqual(['refused', 'refused']);
  expect(ways.withoutOpening().paying(undefined)).toBeUndefined();
});
