import { afterEach, expect, test } from 'vitest';
import { createLibp2pNode } from '#lib/net/libp2p/node.ts';
import { relayTuning } from '#lib/net/libp2p/tuning.ts';
import { netAt, relayOn, reserved, seedOf, until } from './ground.ts';
import { wireTo } from './wire.ts';

/** Circuits over connections that are dead, which their relay does not know. */
const running: { stop(): Promise<unknown> | unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).toReversed()) await one.stop();
});
const keep = <T extends { stop(): Promise<unknown> | unknown }>(one: T): T => {
  running.push(one);
  return one;
};

const echo = '/tabloom/test-echo/1';
const never = 600_000;
const relayedOnly = { directTryTimeoutsMs: [], directPauseMs: never };

/** A peer that has reserved, lost its connection without the relay's knowing, and dialled again. */
async function reborn(number: number, relayProbeMs: number) {
  const relay = keep(relayOn(number, { tuning: { probeTimeoutMs: relayProbeMs, silenceTickMs: never } }));
  await relay.start();
  const wire = keep(await wireTo(relay.listening()!.port));
  let wake = () => {};
  const net = keep(
    netAt([`/ip4/127.0.0.1/tcp/${wire.port}/ws/p2p/${relay.self}`], number + 1, {
      tuning: { ...relayedOnly, probeTimeoutMs: 200, silenceTickMs: never, reconnectMinMs: 20 },
      wakeups: (hear) => {
        wake = hear;
        return () => undefined;
      },
    }),
  );
  net.handle(echo, async (channel) => {
    for await (const message of channel) await channel.send(message);
  });
  await net.start();
  await reserved(net);
  wire.goDead();
  wake();
  await until(net, ({ relays }) => relays[0]!.state === 'lost');
  await reserved(net);
  return { relay, net };
}

test('A10: a circuit takes the connection that lives, though the relay still holds the dead one', async () => {
  const { relay, net } = await reborn(8_101, never);
  expect(relay.status().connections.map(({ peer }) => peer)).toEqual([net.self, net.self]);
  const asker = keep(netAt(relay, 8_103, { tuning: relayedOnly }));
  await asker.start();
  await reserved(asker);
  const channel = await asker.open(net.self, echo, { addrs: net.addresses() });
  expect(channel.path).toBe('relayed');
  await channel.send(Uint8Array.of(1));
  expect((await channel[Symbol.asyncIterator]().next()).value).toEqual(Uint8Array.of(1));
});

test('A10: the older connections of a peer that has come again are asked, and dropped when they are dead', async () => {
  const { relay, net } = await reborn(8_111, 200);
  await until(relay, ({ connections }) => connections.length === 1);
  expect(relay.status().connections[0]!.peer).toBe(net.self);
  expect(relay.reservationCount()).toBe(1);
});

test('A10: a peer that nobody can reach through its relay says so, withdraws the address and tries again', async () => {
  let broken = true;
  const relay = keep(
    await createLibp2pNode({
      seed: seedOf(8_121),
      role: 'relay',
      tuning: relayTuning,
      listen: ['/ip4/127.0.0.1/tcp/0/ws'],
      announce: [],
      iceServers: [],
      gater: { denyOutboundRelayedConnection: () => broken },
      topics: [],
    }),
  );
  await relay.start();
  const net = keep(
    netAt([relay.getMultiaddrs()[0]!.toString()], 8_122, { tuning: { circuitCheckMs: 20, reconnectMinMs: 20 } }),
  );
  await net.start();
  await until(net, ({ relays }) => /cannot reach this one/.test(relays[0]?.reason ?? ''));
  expect(net.addresses()).toEqual([]);
  broken = false;
  await reserved(net);
  expect(net.addresses().filter((address) => address.includes('/p2p-circuit'))).not.toEqual([]);
  // And found out later too.
  broken = true;
  await until(net, ({ relays }) => relays[0]!.state !== 'reserved');
  expect(net.addresses()).toEqual([]);
});
