import type { Stream, StreamHandler } from '@libp2p/interface';
import { afterEach, expect, test } from 'vitest';
import type { Logger } from '#lib/base/logger.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { denyLimits } from '#lib/net/deny-list.ts';
import type { TabloomNode } from '#lib/net/libp2p/node.ts';
import type { Net } from '#lib/net/spec.ts';
import type { RelayNode } from '../../../relay/node/relay.ts';
import { bareNode, registrarOf, type BareNode } from './bare.ts';
import { netAt, relayOn, reserved, seedOf, until } from './ground.ts';

const echo = '/tabloom/test-echo/1';
const signalling = '/webrtc-signaling/0.0.1';
const running: { stop(): Promise<void> | void }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function relayed(number: number): Promise<RelayNode> {
  const relay = relayOn(number);
  await relay.start();
  running.push(relay);
  return relay;
}

async function started(net: Net): Promise<Net> {
  running.push(net);
  net.handle(echo, async (channel) => {
    for await (const message of channel) await channel.send(message);
  });
  await net.start();
  await reserved(net);
  return net;
}

async function bare(relay: RelayNode, number: number): Promise<BareNode> {
  const one = await bareNode(relay, number);
  running.push(one.node);
  return one;
}

/** Lets the first `silent` signalling streams hang, as the lost race does, and hands the others on. */
async function hangSignalling(node: TabloomNode, silent: number): Promise<() => number> {
  const registrar = registrarOf(node);
  const { handler } = registrar.getHandler(signalling);
  let streams = 0;
  const hang = (stream: Stream) => stream.addEventListener('message', () => undefined);
  const hangFirst: StreamHandler = (stream, connection) =>
    ++streams <= silent ? hang(stream) : handler(stream, connection);
  await registrar.handle(signalling, hangFirst, { force: true, runOnLimitedConnection: true });
  return () => streams;
}

const recorder = () => {
  const dials: unknown[] = [];
  const note = (event: string, fields?: Readonly<Record<string, unknown>>) => {
    if (event === 'direct-dial') dials.push(fields?.['outcome']);
  };
  const logger: Logger = { info: note, warn: note };
  return { dials, logger };
};

test('5: a WebRTC dial that hangs is tried again, well before the default gives up', async () => {
  const relay = await relayed(3_000);
  const { node, address } = await bare(relay, 3_001);
  await node.handle(echo, () => undefined, { runOnLimitedConnection: true });
  const streams = await hangSignalling(node, 1);
  const { dials, logger } = recorder();
  // More than one to spare: a dial hangs by itself too, now and then.
  const tuning = { directTryTimeoutsMs: [400, 2_000, 2_000, 2_000, 2_000], directTimeoutMs: 60_000 };
  const a = await started(netAt(relay, 3_002, { logger, tuning }));
  const channel = await a.open(node.peerId.toString(), echo, { addrs: [address] });
  expect(channel.path).toBe('direct');
  expect([dials.at(0), dials.at(-1)]).toEqual(['failed', 'connected']);
  expect(streams()).toBeGreaterThan(1);
});

test('5: with one long try, as by default, the same dial is not direct', async () => {
  const relay = await relayed(3_010);
  const { node, address } = await bare(relay, 3_011);
  await node.handle(echo, () => undefined, { runOnLimitedConnection: true });
  await hangSignalling(node, 1);
  const { dials, logger } = recorder();
  const tuning = { directTryTimeoutsMs: [6_000], directTimeoutMs: 500 };
  const a = await started(netAt(relay, 3_012, { logger, tuning }));
  const channel = await a.open(node.peerId.toString(), echo, { addrs: [address] });
  expect(channel.path).toBe('relayed');
  expect(dials).toEqual([]);
});

test('where WebRTC never answers the channel is relayed, and the tries are spared for a while', async () => {
  const relay = await relayed(3_020);
  const { node, address } = await bare(relay, 3_021);
  await node.handle(echo, () => undefined, { runOnLimitedConnection: true });
  await hangSignalling(node, Infinity);
  const { dials, logger } = recorder();
  const a = await started(netAt(relay, 3_022, { logger, tuning: { directTryTimeoutsMs: [100, 100, 100] } }));
  const open = () => a.open(node.peerId.toString(), echo, { addrs: [address] });
  expect((await open()).path).toBe('relayed');
  expect((await open()).path).toBe('relayed');
  expect(dials).toEqual(['failed', 'failed', 'failed']);
});

test('where WebRTC takes long, who is in a hurry is relayed at once, and the dial goes on for the next', async () => {
  const relay = await relayed(3_070);
  const { node, address } = await bare(relay, 3_071);
  await node.handle(echo, () => undefined, { runOnLimitedConnection: true });
  await hangSignalling(node, 1);
  const tuning = { directTryTimeoutsMs: [1_500, 2_000, 2_000, 2_000, 2_000], directTimeoutMs: 60_000 };
  const a = await started(netAt(relay, 3_072, { tuning }));
  const target = node.peerId.toString();
  expect((await a.open(target, echo, { addrs: [address], directTimeoutMs: 100 })).path).toBe('relayed');
  expect((await a.open(target, echo, { addrs: [address] })).path).toBe('direct');
});

test('a relayed channel is followed by a direct one', async () => {
  const relay = await relayed(3_030);
  const b = await started(netAt(relay, 3_031));
  const a = await started(netAt(relay, 3_032, { tuning: { directTimeoutMs: 0 } }));
  expect((await a.open(b.self, echo, { addrs: b.addresses() })).path).toBe('relayed');
  // Each is given back: only so many may be open to one peer.
  const pathNow = async () => {
    const channel = await a.open(b.self, echo);
    channel.abort(new Error('seen'));
    return channel.path;
  };
  await expect.poll(pathNow).toBe('direct');
  expect(a.status().connections.map(({ transport }) => transport)).toEqual(
    expect.arrayContaining(['websocket', 'circuit', 'webrtc']),
  );
});

test('no address is needed where both sides share a relay, and wrong ones do no harm', async () => {
  const relay = await relayed(3_040);
  const [a, b] = [await started(netAt(relay, 3_041)), await started(netAt(relay, 3_042))];
  const nobody = createSigner(seedOf(9)).peer;
  const addrs = ['nonsense', '/ip4/127.0.0.1/tcp/1/ws', `/ip4/127.0.0.1/tcp/1/ws/p2p/${nobody}`];
  expect((await a.open(b.self, echo, { addrs })).remote).toBe(b.self);
  expect((await b.open(a.self, echo)).remote).toBe(a.self);
});

test('a peer whose messages are rejected again and again is hung up on and let in no more', async () => {
  const relay = await relayed(3_050);
  relay.subscribe(offersTopic, { validate: () => 'reject', deliver: () => undefined });
  const a = await started(netAt(relay, 3_051, { tuning: { reconnectMinMs: 20 } }));
  for (let i = 0; i < denyLimits.rejectionsMax; i++) await a.publish(offersTopic, Uint8Array.of(i));
  // Hung up on, and again each time it comes back.
  for (let hangUps = 0; hangUps < 3; hangUps++) {
    await until(a, ({ relays }) => relays[0]?.state === 'lost');
    await until(a, ({ relays }) => relays[0]?.state !== 'lost');
  }
  await expect.poll(() => relay.status().connections).toEqual([]);
  await expect(relay.open(a.self, echo)).rejects.toMatchObject({ code: 'peer-unreachable' });
});

test('6: a silent peer is dropped, and one that is merely idle is kept', async () => {
  const relay = relayOn(3_060, { tuning: { silenceTickMs: 100 } });
  await relay.start();
  running.push(relay);
  const [idle, silent] = [await bare(relay, 3_061), await bare(relay, 3_062)];
  const gone: string[] = [];
  const silentGone = new Promise<void>((resolve) =>
    relay.onPeerGone((peer) => {
      gone.push(peer);
      if (peer === silent.peer) resolve();
    }),
  );
  const [connection] = silent.node.getConnections();
  Object.assign((connection as unknown as { muxer: object }).muxer, { sendPing: () => undefined });
  await silentGone;
  expect(gone).not.toContain(idle.peer);
});
