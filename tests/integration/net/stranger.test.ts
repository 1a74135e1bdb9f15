import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createSigner } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import type { MessageRoute } from '#lib/net/spec.ts';
import { addressOf, netAt, relayOn, reserved, seedOf } from './ground.ts';

/** What a relay makes of peers that are not connected to it. */
const running: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.stop();
});
const keep = <T extends { stop(): Promise<unknown> }>(one: T): T => {
  running.push(one);
  return one;
};

/** Something that listens in the network of whoever dials, and the addresses by which a stranger would have it dialled. */
async function service() {
  const told = { connections: 0 };
  const server = createServer(() => told.connections++);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  keep({ stop: () => new Promise((resolve) => server.close(resolve)) });
  const { port } = server.address() as AddressInfo;
  const stranger = createSigner(seedOf(7_001)).peer;
  const addrs = [`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${stranger}`, `/dns4/localhost/tcp/${port}/ws/p2p/${stranger}`];
  return { told, stranger, addrs };
}

test('D11: a page reaches its relay on a local address, and no other address there on a stranger’s word', async () => {
  const relay = keep(relayOn(7_020));
  await relay.start();
  const tab = keep(netAt(relay, 7_021, { transports: 'tab', tuning: { directPauseMs: 0 } }));
  await tab.start();
  await reserved(tab);
  const { told, stranger, addrs } = await service();
  await expect(tab.open(stranger, '/tabloom/test-echo/1', { addrs })).rejects.toMatchObject({
    code: 'peer-unreachable',
  });
  expect(told.connections).toBe(0);
});

test('a relay dials no address that it was told of, whatever it says', async () => {
  const relay = keep(relayOn(7_000));
  await relay.start();
  const { told, stranger, addrs } = await service();
  await expect(relay.open(stranger, '/tabloom/test-echo/1', { addrs })).rejects.toMatchObject({
    code: 'peer-unreachable',
    details: { reason: 'it is not connected here' },
  });
  await relay.prepare(stranger, '/tabloom/test-echo/1', { addrs });
  expect(told.connections).toBe(0);
});

test('a message tells who handed it over, and whether its publisher is connected itself', async () => {
  const [near, far] = [keep(relayOn(7_010)), keep(relayOn(7_011))];
  await Promise.all([near.start(), far.start()]);
  const [bridge, publisher, neighbour] = [
    keep(netAt([addressOf(near), addressOf(far)], 7_012)),
    keep(netAt(far, 7_013)),
    keep(netAt(near, 7_014)),
  ];
  const seen = new Map<string, MessageRoute>();
  near.subscribe(offersTopic, {
    validate: (_message, from, passage) => {
      seen.set(from, passage);
      return 'accept';
    },
    deliver: () => undefined,
  });
  for (const net of [far, bridge]) net.subscribe(offersTopic, { validate: () => 'accept', deliver: () => undefined });
  await Promise.all([bridge, publisher, neighbour].map((net) => net.start()));
  await Promise.all([bridge, publisher, neighbour].map(reserved));
  let count = 0;
  await expect
    .poll(
      async () => {
        // Until the topic's mesh stands; each message is another one.
        for (const net of [publisher, neighbour]) await net.publish(offersTopic, Uint8Array.of(++count));
        return seen.size;
      },
      { timeout: 90_000, interval: 200 },
    )
    .toBe(2);
  expect(seen.get(publisher.self)).toEqual({ source: bridge.self, connected: false });
  expect(seen.get(neighbour.self)).toEqual({
    source: neighbour.self,
    connected: true,
    address: expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\//),
  });
});
