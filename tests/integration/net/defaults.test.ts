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

test('4: with the default threshold some are turned away', async () => {
  crowd = await gather(1_300, size, { inboundPerSecondMax: 5 });
  await Promise.all(crowd.nets.map(connected));
  expect(crowd.losses()).toBeGreaterThan(0);
});

test('a reservation ends with its connection', async () => {
  crowd = await gather(1_400, 2);
  await Promise.all(crowd.nets.map(reserved));
  const [leaver] = crowd.nets;
  await leaver!.stop();
  await expect.poll(() => crowd!.relay.reservationCount()).toBe(1);
});
