import { expect, test } from 'vitest';
import type { Peer } from './peer.ts';
import { chat, follow, pass, until } from './peer.fixture.ts';
import { createTown } from './town.fixture.ts';

const serving = (peer: Peer) => peer.directory.entries().map(({ offer }) => offer.peer);

test('who is ready stands in every directory within two seconds, and answers', async () => {
  const town = createTown();
  const relay = await town.relay(1);
  const worker = await town.join(2);
  const asker = await town.join(3);
  await pass(town.clock, 500);
  expect(serving(asker)).toEqual([]);
  worker.provider.offerModel(await town.model());
  await pass(town.clock, 2_000);
  expect(serving(relay)).toEqual([worker.self]);
  expect(serving(asker)).toEqual([worker.self]);
  for (const peer of [asker, relay]) {
    const job = follow(peer.consumer, chat('hello'));
    await until(town.clock, () => job.over);
    expect(job.state).toMatchObject({ phase: 'finished', worker: { peer: worker.self } });
  }
});

test('who comes later learns of it by asking', async () => {
  const town = createTown();
  await town.relay(1);
  const worker = await town.join(2);
  worker.provider.offerModel(await town.model());
  await pass(town.clock, 1_000);
  const late = await town.join(3);
  await pass(town.clock, 500);
  expect(serving(late)).toEqual([worker.self]);
});

test('the own device serves itself, and nobody else hears of it', async () => {
  const town = createTown();
  const relay = await town.relay(1);
  const peer = await town.join(2);
  const other = await town.join(3);
  peer.provider.offerModel(await town.model(), { audience: 'self' });
  await pass(town.clock, 2_000);
  expect([serving(peer), serving(relay), serving(other)]).toEqual([[peer.self], [], []]);
  const job = follow(peer.consumer, chat('hello'));
  await until(town.clock, () => job.over);
  expect(job.state).toMatchObject({ phase: 'finished', path: 'loopback', worker: { self: true } });
  // Sharing it later announces it; taking that back says goodbye.
  peer.provider.offerModel(await town.model(), { audience: 'network' });
  await pass(town.clock, 2_000);
  expect(serving(other)).toEqual([peer.self]);
});

test('goodbye takes a peer out at once; back brings it back', async () => {
  const town = createTown();
  const relay = await town.relay(1);
  const worker = await town.join(2);
  const asker = await town.join(3);
  worker.provider.offerModel(await town.model());
  await pass(town.clock, 2_000);
  worker.announceOffline();
  await pass(town.clock, 50);
  expect([serving(relay), serving(asker), serving(worker)]).toEqual([[], [], []]);
  worker.provider.pause();
  worker.provider.resume();
  await pass(town.clock, 40_000);
  expect(serving(relay)).toEqual([]);
  worker.announceOnline();
  await pass(town.clock, 1_000);
  expect([serving(relay), serving(asker)]).toEqual([[worker.self], [worker.self]]);
  await Promise.all([worker.stop(), pass(town.clock, 100)]);
  expect([serving(relay), serving(asker)]).toEqual([[], []]);
});

test('a peer that dies without a word is gone within its time to live, one that lives stays', async () => {
  const town = createTown();
  const relay = await town.relay(1);
  const [dying, living] = [await town.join(2), await town.join(3)];
  for (const peer of [dying, living]) peer.provider.offerModel(await town.model());
  await pass(town.clock, 2_000);
  expect(serving(relay)).toHaveLength(2);
  town.network.kill(dying.self);
  await pass(town.clock, 50_000);
  expect(serving(relay)).toEqual([living.self]);
});

test('a paused peer says so and is offered nothing', async () => {
  const town = createTown();
  await town.relay(1);
  const worker = await town.join(2);
  const asker = await town.join(3);
  worker.provider.offerModel(await town.model());
  await pass(town.clock, 2_000);
  worker.provider.pause();
  await pass(town.clock, 50);
  expect(asker.directory.get(worker.self)?.offer.draining).toBe(true);
  const job = follow(asker.consumer, chat('hello'));
  await until(town.clock, () => job.over);
  expect(job.state).toMatchObject({
    phase: 'failed',
    error: { code: 'no-peer-available' },
    rejections: [{ peer: worker.self, reason: 'draining' }],
  });
});

test('two relays: a peer hidden by one is seen through the other', async () => {
  const town = createTown();
  const honest = await town.relay(1);
  const hiding = await town.relay(4);
  const worker = await town.join(2);
  worker.provider.offerModel(await town.model());
  const asker = await town.join(3);
  await pass(town.clock, 2_000);
  expect(serving(asker)).toEqual([worker.self]);
  hiding.directory.remove(worker.self);
  await pass(town.clock, 1_000);
  expect(serving(asker)).toEqual([worker.self]);
  honest.directory.remove(worker.self);
  await pass(town.clock, 1_000);
  expect(serving(asker)).toEqual([]);
});
