import { expect, test } from 'vitest';
import { addressOf, netAt, relayOn, reserved, seedOf, until } from './ground.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Net } from '#lib/net/spec.ts';

const echo = '/tabloom/test-echo/1';
const quick = { reconnectMinMs: 40, reconnectMaxMs: 200 };
const addressAt = (port: number, number: number) => [
  `/ip4/127.0.0.1/tcp/${port}/ws/p2p/${createSigner(seedOf(number)).peer}`,
];
const lost = (net: Net, attempts = 0) =>
  until(net, ({ relays }) => relays.some((relay) => relay.state === 'lost' && relay.attempts >= attempts));

test('6: a net starts without its relay, says why, and finds it when it comes', async () => {
  const port = 23_201;
  const net = netAt(addressAt(port, 2_001), 2_002, { tuning: quick });
  await net.start();
  const away = await lost(net, 3);
  expect(away.state).toBe('offline');
  expect(away.relays[0]!.reason).toMatch(/does not respond/);
  await expect(net.open(createSigner(seedOf(9)).peer, echo)).rejects.toMatchObject({ code: 'peer-unreachable' });

  const relay = relayOn(2_001, { listenPort: port });
  await relay.start();
  expect((await reserved(net)).state).toBe('online');
  await net.stop();
  await relay.stop();
});

test('6: after a relay has restarted, its peers are back and reachable', async () => {
  const port = 23_202;
  const tuning = { ...quick, directTryTimeoutsMs: [] };
  const [a, b] = [2_011, 2_012].map((number) => netAt(addressAt(port, 2_010), number, { tuning })) as [Net, Net];
  b.handle(echo, async (channel) => {
    for await (const message of channel) await channel.send(message);
  });
  let relay = relayOn(2_010, { listenPort: port });
  await relay.start();
  await Promise.all([a.start(), b.start()]);
  await Promise.all([reserved(a), reserved(b)]);
  await a.open(b.self, echo);

  for (let round = 0; round < 2; round++) {
    await relay.stop();
    await Promise.all([lost(a, 2), lost(b, 2)]);
    relay = relayOn(2_010, { listenPort: port });
    await relay.start();
    await Promise.all([reserved(a), reserved(b)]);
    const channel = await a.open(b.self, echo, { addrs: b.addresses() });
    await channel.send(Uint8Array.of(1));
    expect((await channel[Symbol.asyncIterator]().next()).value).toEqual(Uint8Array.of(1));
    channel.abort(new Error('done'));
  }
  await Promise.all([a.stop(), b.stop()]);
  await relay.stop();
});

test('a net that has stopped starts again with its handlers', async () => {
  const relay = relayOn(2_020);
  await relay.start();
  const [a, b] = [netAt(relay, 2_021), netAt(relay, 2_022)];
  b.handle(echo, async (channel) => {
    for await (const message of channel) await channel.send(message);
  });
  await Promise.all([a.start(), b.start()]);
  await Promise.all([reserved(a), reserved(b)]);
  await b.stop();
  expect(b.status()).toEqual({ state: 'stopped', relays: [], connections: [] });
  expect(b.addresses()).toEqual([]);
  await b.start();
  await reserved(b);
  const channel = await a.open(b.self, echo);
  await channel.send(Uint8Array.of(1));
  expect((await channel[Symbol.asyncIterator]().next()).value).toEqual(Uint8Array.of(1));
  await Promise.all([a.stop(), b.stop()]);
  await relay.stop();
});

test('a relay that is full gives its reservation later', async () => {
  const relay = relayOn(2_040, { tuning: { reservationsMax: 1 } });
  await relay.start();
  const tuning = { reservationRetryMs: 50 };
  const [a, b] = [netAt(relay, 2_041, { tuning }), netAt(relay, 2_042, { tuning })];
  await a.start();
  await reserved(a);
  await b.start();
  const refused = await until(b, ({ relays }) => relays[0]?.reason !== undefined);
  expect(refused).toMatchObject({
    state: 'online',
    relays: [{ state: 'connected', reason: expect.stringMatching(/no reservation/) }],
  });
  await a.stop();
  expect((await reserved(b)).relays[0]!.reason).toBeUndefined();
  await b.stop();
  await relay.stop();
});

test('a port in use is named and leaves nothing running', async () => {
  const relay = relayOn(2_030, { listenPort: 23_203 });
  await relay.start();
  const second = relayOn(2_031, { listenPort: 23_203 });
  await expect(second.start()).rejects.toMatchObject({ code: 'port-in-use', details: { port: 23_203 } });
  expect(second.status().state).toBe('stopped');
  await relay.stop();
  await second.start();
  expect(second.listening()).toEqual({ host: '127.0.0.1', port: 23_203 });
  await second.stop();
});

test('a relay that is named no more is let go of, and comes back when it is named again', async () => {
  const [leaving, staying] = [relayOn(2_050), relayOn(2_051)];
  await Promise.all([leaving.start(), staying.start()]);
  let named = [addressOf(leaving), addressOf(staying)];
  const net = netAt([], 2_052, { tuning: quick, relays: () => named });
  await net.start();
  const connected = (count: number) =>
    until(
      net,
      ({ relays }) => relays.length === count && relays.every(({ state }) => ['connected', 'reserved'].includes(state)),
    );
  const peersOf = (relay: Net, count: number) => until(relay, ({ connections }) => connections.length === count);
  await Promise.all([connected(2), peersOf(leaving, 1)]);
  // The source is asked again when a relay is lost.
  named = [addressOf(staying)];
  const { port } = staying.listening()!;
  await staying.stop();
  await peersOf(leaving, 0);
  expect(net.status().relays.map(({ addr }) => addr)).toEqual(named);
  const again = relayOn(2_051, { listenPort: port });
  await again.start();
  await connected(1);
  named = [...named, addressOf(leaving)];
  await again.stop();
  await peersOf(leaving, 1);
  await net.stop();
  await leaving.stop();
});

test('a relay that cannot prove the key it was named with is not used', async () => {
  const [relay, other] = [relayOn(2_060), relayOn(2_061)];
  await Promise.all([relay.start(), other.start()]);
  const wrong = addressOf(relay).replace(relay.self, createSigner(seedOf(2_062)).peer);
  const net = netAt([wrong, addressOf(other)], 2_063, { tuning: quick });
  await net.start();
  await reserved(net);
  await lost(net, 3);
  expect(net.status().relays.map(({ addr, state }) => [addr, state])).toContainEqual([addressOf(other), 'reserved']);
  expect(relay.status().connections).toEqual([]);
  await net.stop();
  await Promise.all([relay.stop(), other.stop()]);
});
