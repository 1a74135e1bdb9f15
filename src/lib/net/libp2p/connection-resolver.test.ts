import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { TabloomNode } from './node.ts';
import { createConnectionResolver, createRelayResolver, type ConnectOptions } from './connection-resolver.ts';
import { nodeTuning } from './tuning.ts';

const [peer, relay, stranger] = [1, 2, 3].map((number) => createSigner(new Uint8Array(32).fill(number)).peer);

/** A node with one relayed connection to the peer, whose dials never complete. */
function setup() {
  const clock = manualClock();
  const lifetime = new AbortController();
  const relayed = {
    status: 'open',
    remoteAddr: multiaddr(`/ip4/192.0.2.1/tcp/1/ws/p2p/${relay}/p2p-circuit/p2p/${peer}`),
  } as Connection;
  let dials = 0;
  const dialled: string[] = [];
  const node = {
    getConnections: (to?: { toString(): string }) => (to?.toString() === peer ? [relayed] : []),
    isDialable: async () => true,
    dial: (addresses: readonly unknown[], { signal }: { signal: AbortSignal }) => {
      dials += 1;
      dialled.push(...addresses.map(String));
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
  } as unknown as TabloomNode;
  const resolver = createConnectionResolver({
    node,
    clock,
    logger: silentLogger,
    tuning: nodeTuning,
    lifetime: lifetime.signal,
  });
  const connect = (addrs: readonly string[] = [], wish: Partial<ConnectOptions> = {}) => {
    const found = { connection: undefined as Connection | undefined };
    void resolver
      .connect(peer!, { addrs, signal: lifetime.signal, ...wish })
      .then((connection) => (found.connection = connection));
    return found;
  };
  return { clock, relayed, node, connect, dialled, dials: () => dials };
}

test('waits for a direct connection the first time, and no longer once dialling has failed', async () => {
  const { clock, relayed, connect, dials } = setup();
  const first = connect();
  await clock.advance(nodeTuning.directTimeoutMs - 1);
  expect(first.connection).toBeUndefined();
  await clock.advance(1);
  expect(first.connection).toBe(relayed);

  await clock.advance(nodeTuning.directTryTimeoutsMs.reduce((sum, ms) => sum + ms, 0));
  expect(dials()).toBe(3);
  const paused = connect();
  await clock.advance(0);
  expect([paused.connection, dials()]).toEqual([relayed, 3]);

  await clock.advance(nodeTuning.directPauseMs);
  const later = connect();
  await clock.advance(0);
  expect([later.connection, dials()]).toEqual([relayed, 4]);
});

test('who is in a hurry gets the relayed connection, and the direct dial goes on behind it', async () => {
  const { clock, relayed, connect, dials } = setup();
  const hurried = connect([], { directTimeoutMs: 250 });
  await clock.advance(249);
  expect(hurried.connection).toBeUndefined();
  await clock.advance(1);
  expect(hurried.connection).toBe(relayed);
  await clock.advance(nodeTuning.directTryTimeoutsMs[0]!);
  expect(dials()).toBe(2);
});

test('the wait counts from the first dial: a question that was prepared for takes the relayed connection at once', async () => {
  const { clock, relayed, connect } = setup();
  const prepared = connect();
  await clock.advance(1_000);
  const hurried = connect([], { directTimeoutMs: 250 });
  const asked = connect([], { directTimeoutMs: 1_500 });
  await clock.advance(0);
  expect([hurried.connection, asked.connection]).toEqual([relayed, undefined]);
  await clock.advance(500);
  expect([asked.connection, prepared.connection]).toEqual([relayed, undefined]);
});

test('where no relay reaches the peer, one in a hurry waits for the direct connection all the same', async () => {
  const { clock, node } = setup();
  const wss = `/dns4/a.example/tcp/443/wss/p2p/${stranger}`;
  const direct = { status: 'open', remoteAddr: multiaddr(wss) } as Connection;
  Object.assign(node, { dial: () => clock.delay(1_000).then(() => direct) });
  const lifetime = new AbortController().signal;
  const resolver = createConnectionResolver({ node, clock, logger: silentLogger, tuning: nodeTuning, lifetime });
  const connecting = resolver.connect(stranger!, { addrs: [wss], signal: lifetime, directTimeoutMs: 250 });
  await clock.advance(1_000);
  expect(await connecting).toBe(direct);
});

test('a relay reaches the peers that are connected to it, and others through relays that it knows', async () => {
  const { node, relayed, dialled, clock } = setup();
  const known = `/ip4/192.0.2.1/tcp/1/ws/p2p/${relay}`;
  const resolver = createRelayResolver({ node, clock, tuning: nodeTuning, relays: () => [known] });
  const { signal } = new AbortController();
  expect(await resolver.connect(peer!, { addrs: [], signal })).toBe(relayed);
  const far = [
    `/ip4/127.0.0.1/tcp/1/ws/p2p/${stranger}`,
    `/ip4/198.51.100.1/tcp/1/ws/p2p/${peer}/p2p-circuit/p2p/${stranger}`,
  ];
  await expect(resolver.connect(stranger!, { addrs: far, signal })).rejects.toMatchObject({ code: 'peer-unreachable' });
  expect(dialled).toEqual([]);
  const lies = `/ip4/127.0.0.1/tcp/1/ws/p2p/${relay}/p2p-circuit/p2p/${stranger}`;
  const dialling = resolver.connect(stranger!, { addrs: [...far, lies], signal });
  const failed = expect(dialling).rejects.toMatchObject({ code: 'peer-unreachable' });
  await clock.advance(nodeTuning.streamTimeoutMs);
  await failed;
  expect(dialled).toEqual([`${known}/p2p-circuit/p2p/${stranger}`]);
});

test('E: WebSockets are tried first, then WebRTC through the relay, and webrtc-direct last', async () => {
  const { clock, connect, dialled } = setup();
  const [wss, direct] = [`/dns4/a.example/tcp/443/wss/p2p/${peer}`, `/ip4/192.0.2.1/udp/1/webrtc-direct/p2p/${peer}`];
  connect([direct, wss]);
  await clock.advance(60_000);
  const signalled = `/ip4/192.0.2.1/tcp/1/ws/p2p/${relay}/p2p-circuit/webrtc/p2p/${peer}`;
  expect(dialled).toEqual([wss, signalled, signalled, signalled, direct]);
});
