import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { TabloomNode } from './node.ts';
import { createConnectionResolver, resolveExistingConnections } from './connection-resolver.ts';
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
  const connect = (addrs: readonly string[] = []) => {
    const found = { connection: undefined as Connection | undefined };
    void resolver.connect(peer!, addrs, lifetime.signal).then((connection) => (found.connection = connection));
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

test('a net that never dials reaches connected peers only', async () => {
  const { node, relayed, dials } = setup();
  const resolver = resolveExistingConnections(node);
  const { signal } = new AbortController();
  expect(await resolver.connect(peer!, [], signal)).toBe(relayed);
  await expect(resolver.connect(stranger!, ['/ip4/127.0.0.1/tcp/1/ws'], signal)).rejects.toMatchObject({
    code: 'peer-unreachable',
  });
  expect(dials()).toBe(0);
});

test('E: WebSockets are tried first, then WebRTC through the relay, and webrtc-direct last', async () => {
  const { clock, connect, dialled } = setup();
  const [wss, direct] = [`/dns4/a.example/tcp/443/wss/p2p/${peer}`, `/ip4/192.0.2.1/udp/1/webrtc-direct/p2p/${peer}`];
  connect([direct, wss]);
  await clock.advance(60_000);
  const signalled = `/ip4/192.0.2.1/tcp/1/ws/p2p/${relay}/p2p-circuit/webrtc/p2p/${peer}`;
  expect(dialled).toEqual([wss, signalled, signalled, signalled, direct]);
});
