import { afterEach, expect, test } from 'vitest';
import { manualClock, type ManualClock } from '#lib/base/clock.fixture.ts';
import type { Clock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { scriptedModel } from '#lib/engine/catalog.ts';
import { createScriptedEngine } from '#lib/engine/scripted.ts';
import { createMemoryNetwork, type MemoryNetwork } from '#lib/net/memory.fixture.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { clockOffset, createCorrectedClock, keepComparing, medianOffset } from './clock-offset.ts';

const minuteMs = 60_000;
const receivedAt = 1_700_000_000_000;

test.each([
  ['as right as can be told', { roundTripMs: 100, dateAt: receivedAt - 400 }, { offsetMs: 150, corrected: false }],
  [
    'five minutes ahead',
    { roundTripMs: 200, dateAt: receivedAt - 5 * minuteMs },
    { offsetMs: -299_400, corrected: true },
  ],
  [
    'five minutes behind',
    { roundTripMs: 0, dateAt: receivedAt + 5 * minuteMs },
    { offsetMs: 300_500, corrected: true },
  ],
  [
    'off by what a slow answer may hide',
    { roundTripMs: 4_000, dateAt: receivedAt },
    { errorMs: 2_500, corrected: false },
  ],
])('a clock that is %s', (_, sample, offset) => {
  expect(clockOffset({ receivedAt, stepMs: 1_000, ...sample })).toMatchObject(offset);
});

test('an answer without a date, or one that took too long, says nothing', () => {
  const stepMs = 1_000;
  expect(clockOffset({ receivedAt, stepMs, roundTripMs: 10, dateAt: Number.NaN })).toBeUndefined();
  expect(clockOffset({ receivedAt, stepMs, roundTripMs: 6_000, dateAt: receivedAt })).toBeUndefined();
});

test('of several relays the median counts, and of two the one that changes less', () => {
  const of = (...offsets: readonly number[]) =>
    medianOffset(offsets.map((offsetMs) => ({ offsetMs, errorMs: 1, corrected: true })))?.offsetMs;
  expect([of(), of(5), of(5, 900_000), of(-900_000, 5)]).toEqual([undefined, 5, 5, 5]);
  expect([of(900_000, -3, 5), of(900_000, 800_000, 5, -3), of(-900_000, -800_000, 900_000)]).toEqual([5, 5, -800_000]);
});

test('what relays say outranks the page, until this device’s clock is set', async () => {
  const world = manualClock();
  let wrongMs = 3 * minuteMs;
  const own = offBy(world, () => wrongMs);
  const clock = createCorrectedClock({ clock: own, fetch: relayFetch(world), origin: 'http://relay.test' });
  const say = (relay: string, aheadMs: number, roundTripMs = 100) =>
    clock.note({ relay, time: world.now() - roundTripMs / 2 + aheadMs, roundTripMs });
  say('A', 0);
  expect(Math.abs(clock.now() - world.now())).toBeLessThanOrEqual(1);
  say('B', 60 * minuteMs);
  say('C', 1);
  say('D', -60 * minuteMs, 6_000);
  expect(Math.abs(clock.now() - world.now())).toBeLessThanOrEqual(2);
  await clock.compare();
  expect(clock.view.current?.errorMs).toBeLessThan(100);
  wrongMs = -20 * minuteMs;
  await clock.compare('outdated');
  expect(clock.view.current?.errorMs).toBe(500);
  expect(Math.abs(clock.now() - world.now())).toBeLessThanOrEqual(1_000);
});

/** This device's clock, off by so much; durations pass as everywhere. */
const offBy = (clock: Clock, ms: number | (() => number)): Clock => ({
  now: () => clock.now() + (typeof ms === 'number' ? ms : ms()),
  elapsed: () => clock.elapsed(),
  delay: (...given) => clock.delay(...given),
  after: (...given) => clock.after(...given),
});

const relayFetch =
  (clock: Clock): typeof fetch =>
  async () =>
    new Response('{}', { headers: { date: new Date(clock.now()).toUTCString() } });

test('it corrects what is dated and leaves what is measured; without an answer it keeps what it knows', async () => {
  const world = manualClock();
  let reachable = true;
  const fetch: typeof globalThis.fetch = (...given) =>
    reachable ? relayFetch(world)(...given) : Promise.reject(new TypeError('offline'));
  const clock = createCorrectedClock({ clock: offBy(world, 3 * minuteMs), fetch, origin: 'http://relay.test' });
  expect([clock.view.current, clock.now() - world.now()]).toEqual([undefined, 3 * minuteMs]);
  await clock.compare();
  expect(clock.view.current).toMatchObject({ corrected: true });
  expect(Math.abs(clock.now() - world.now())).toBeLessThanOrEqual(1_000);
  expect(clock.elapsed()).toBe(world.elapsed());
  reachable = false;
  await clock.compare();
  expect(Math.abs(clock.now() - world.now())).toBeLessThanOrEqual(1_000);
});

test('a clock that is set while the page is open is compared again', async () => {
  const world = manualClock();
  let wrongMs = 0;
  const own = offBy(world, () => wrongMs);
  const clock = createCorrectedClock({ clock: own, fetch: relayFetch(world), origin: 'http://relay.test' });
  const over = new AbortController();
  await clock.compare();
  const keeping = keepComparing(clock, { clock: own, wakeups: () => () => undefined }, over.signal);
  wrongMs = -20 * minuteMs;
  await world.advance(31_000);
  expect(clock.view.current).toMatchObject({ corrected: true });
  expect(Math.abs(clock.now() - world.now())).toBeLessThanOrEqual(1_000);
  over.abort();
  await keeping;
});

const opened: Peer[] = [];
afterEach(async () => {
  for (const peer of opened.splice(0)) await peer.stop();
});

async function open(
  { clock, network }: { readonly clock: Clock; readonly network: MemoryNetwork },
  seed: number,
  discovery: 'client' | 'server',
  relay?: Peer,
): Promise<Peer> {
  const key = new Uint8Array(32).fill(seed);
  const peer = await createPeer({
    net: network.createNet({ seed: key }),
    signer: createSigner(key),
    storage: createMemoryStorage(),
    clock,
    random: seededRandom(seed),
    logger: silentLogger,
    role: 'tab',
    discovery,
    relays: () => (relay ? [relay.self] : []),
  });
  await peer.start();
  opened.push(peer);
  return peer;
}

async function meet(world: ManualClock, correct: (clock: Clock) => Promise<Clock>) {
  const network = createMemoryNetwork({ clock: world, random: seededRandom(1) });
  const relay = await open({ clock: world, network }, 1, 'server');
  const worker = await open({ clock: await correct(offBy(world, 5 * minuteMs)), network }, 2, 'client', relay);
  const asker = await open({ clock: await correct(offBy(world, -5 * minuteMs)), network }, 3, 'client', relay);
  const model = await createScriptedEngine({ clock: world, tokensPerSecond: 0 }).load(scriptedModel(100), {});
  worker.provider.offerModel(model);
  await world.advance(5_000);
  return { relay, worker, asker };
}

test('D10: a worker five minutes ahead is listed and answers, and an asker five minutes behind sees it', async () => {
  const world = manualClock();
  const { relay, worker, asker } = await meet(world, async (clock) => {
    const corrected = createCorrectedClock({ clock, fetch: relayFetch(world), origin: 'http://relay.test' });
    await corrected.compare();
    return corrected;
  });
  expect(relay.directory.get(worker.self)).toBeDefined();
  expect(worker.listing?.relays).toEqual([relay.self]);
  expect(asker.directory.get(worker.self)).toBeDefined();
  const events: string[] = [];
  const asking = (async () => {
    for await (const { type } of asker.consumer.ask({
      model: 'any',
      kind: 'chat',
      input: { messages: [{ role: 'user', content: 'Hi' }] },
      params: { maxTokens: 8 },
      tier: 'open',
    }))
      events.push(type);
  })();
  await world.advance(10_000);
  await asking;
  expect(events.at(-1)).toBe('job-finished');
});

test('D10: without the correction no relay lists it, and what it published itself is no claim', async () => {
  const world = manualClock();
  const { relay, worker, asker } = await meet(world, async (clock) => clock);
  expect([relay.directory.get(worker.self), asker.directory.get(worker.self)]).toEqual([undefined, undefined]);
  expect(worker.listing?.relays).toEqual([]);
});

test('what is withdrawn is listed no more', async () => {
  const world = manualClock();
  const { worker } = await meet(world, async (clock) => {
    const corrected = createCorrectedClock({ clock, fetch: relayFetch(world), origin: 'http://relay.test' });
    await corrected.compare();
    return corrected;
  });
  worker.provider.withdrawModel(scriptedModel(100).artefact);
  await world.advance(2_000);
  expect(worker.listing?.relays).toEqual([]);
});
