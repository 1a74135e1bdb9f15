import { afterEach, expect, test } from 'vitest';
import { offersTopic } from '#lib/protocol/find.ts';
import type { Net } from '#lib/net/spec.ts';
import { gather, type Crowd } from './crowd.ts';
import { addressOf, netAt, relayOn, reserved, until } from './ground.ts';

/** The defaults of js-libp2p that must not come back: each test fails with them, and shows it where that is cheap. */
const size = 20;
let crowd: Crowd | undefined;
afterEach(async () => {
  await crowd?.stop();
  crowd = undefined;
});

const message = (number: number) => Uint8Array.of(number);
const connected = (net: Net) =>
  until(net, ({ relays }) => relays.some(({ state }) => state !== 'connecting' && state !== 'lost'));

test('1: peers behind one address are heard, and with the default weight they are not', async () => {
  const strict = relayOn(1_000, { tuning: { ipColocationWeight: -5 } });
  await strict.start();
  const ours = relayOn(1_001);
  await ours.start();
  const heard = { strict: 0, ours: 0 };
  strict.subscribe(offersTopic, { validate: () => 'accept', deliver: () => void heard.strict++ });
  ours.subscribe(offersTopic, { validate: () => 'accept', deliver: () => void heard.ours++ });
  const addresses = [addressOf(strict), addressOf(ours)];
  const nets = Array.from({ length: size }, (_, i) => netAt(addresses, 1_010 + i));
  await Promise.all(nets.map((net) => net.start()));
  const both = ({ relays }: ReturnType<Net['status']>) =>
    relays.length === 2 && relays.every(({ state }) => state === 'reserved' || state === 'connected');
  await Promise.all(nets.map((net) => until(net, both)));

  const publisher = nets[0]!;
  const before = { ...heard };
  for (let i = 1; i <= 5; i++) {
    await publisher.publish(offersTopic, message(i));
    await expect.poll(() => heard.ours).toBe(before.ours + i);
  }
  expect(heard.strict - before.strict).toBe(0);

  await Promise.all(nets.map((net) => net.stop()));
  await Promise.all([strict.stop(), ours.stop()]);
});

/** How many of the crowd hear a message before the next heartbeats repair what the mesh has missed. */
async function heardAtOnce({ nets }: Crowd, expected: number): Promise<number> {
  const heard = new Set<Net>();
  const [publisher, ...readers] = nets;
  const first = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  for (const net of readers)
    net.subscribe(offersTopic, {
      validate: (received) => (received[0] === 2 ? 'accept' : 'ignore'),
      deliver: () => {
        heard.add(net);
        first.resolve();
        if (heard.size >= expected) all.resolve();
      },
    });
  // Two heartbeats for the mesh to form: nobody is to be left out for having come late.
  await new Promise((resolve) => {
    setTimeout(resolve, 2_500);
  });
  await publisher!.publish(offersTopic, message(2));
  await first.promise;
  const moment = new Promise<void>((resolve) => {
    setTimeout(resolve, 200);
  });
  await (expected < readers.length ? moment : all.promise);
  return heard.size;
}

test('2: a relay forwards to all its subscribers, and with the default degree to some', async () => {
  crowd = await gather(1_100, size + 1);
  await Promise.all(crowd.nets.map(connected));
  expect(await heardAtOnce(crowd, size)).toBe(size);
  await crowd.stop();
  crowd = await gather(1_150, size + 1, { meshDegree: 6 });
  await Promise.all(crowd.nets.map(connected));
  expect(await heardAtOnce(crowd, 1)).toBeLessThan(size);
});

test('3 and 4: many peers come at once, nobody is turned away and everybody gets a reservation', async () => {
  crowd = await gather(1_200, size);
  await Promise.all(crowd.nets.map(reserved));
  expect(crowd.relay.reservationCount()).toBe(size);
  expect(crowd.losses()).toBe(0);
});

test('3: with the default number of reservations the sixteenth peer gets none', async () => {
  crowd = await gather(1_250, size, { reservationsMax: 15 }, { reservationRetryMs: 100 });
  const answered = ({ relays: [relay] }: ReturnType<Net['status']>) =>
    relay?.state === 'reserved' || (relay?.state === 'connected' && relay.reason !== undefined);
  await Promise.all(crowd.nets.map((net) => until(net, answered)));
  await expect.poll(() => crowd!.relay.reservationCount()).toBe(15);
  // A moment later: each finds out first whether its reservation leads to it.
  const holders = () => crowd!.nets.filter((net) => net.status().relays[0]!.state === 'reserved').length;
  await expect.poll(holders).toBe(15);
});

test.each([
  ['the default threshold', 1_300, { inboundPerSecondMax: 5 }],
  ['few half-open connections', 1_330, { inboundPendingMax: 2 }],
] as const)('4: with %s some are turned away', async (_name, first, tuning) => {
  crowd = await gather(first, size, tuning);
  await Promise.all(crowd.nets.map(connected));
  expect(crowd.losses()).toBeGreaterThan(0);
});

test('4: a relay that has all the connections it may have turns the next one away', async () => {
  crowd = await gather(1_360, 2, { connectionsMax: 2 });
  await Promise.all(crowd.nets.map(connected));
  await until(crowd.relay, ({ connections }) => connections.length === 2);
  const third = netAt(crowd.relay, 1_370);
  await third.start();
  await until(third, ({ relays }) => relays[0]?.state === 'lost');
  expect(crowd.losses()).toBe(0);
  await third.stop();
});

test('a reservation ends with its connection', async () => {
  crowd = await gather(1_400, 2);
  await Promise.all(crowd.nets.map(reserved));
  const [leaver] = crowd.nets;
  await leaver!.stop();
  await expect.poll(() => crowd!.relay.reservationCount()).toBe(1);
});
