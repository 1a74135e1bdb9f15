import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub, type GossipSub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemRandom } from '#lib/base/random.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { findProtocol, offersTopic } from '#lib/protocol/find.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import { writeOffer, type OfferedModel } from '#lib/protocol/offer.ts';
import { relayInfoSchema } from '#lib/protocol/relay-info.ts';
import { createNodeEd25519 } from '../../relay/ed25519.ts';
import type { FloodKind, FloodOrder, FloodOutcome } from './floods.ts';

/**
 * Floods against a relay, one after the other, in a process of its own. Argument: the relay's URL. Each message is one flood;
 * its answer says how many got through.
 */
installEd25519(createNodeEd25519());
const relayUrl = process.argv[2]!;
const port = Number(new URL(relayUrl).port);
let [count, from, outcome] = [0, '', { sent: 0, refused: 0 }];
const joined: Libp2p[] = [];

async function join() {
  const seed = systemRandom.bytes(32);
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    transports: [webSockets({ websocket: { localAddress: from } } as Parameters<typeof webSockets>[0])],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      gossip: gossipsub({ allowPublishToZeroTopicPeers: true, fallbackToFloodsub: false }),
    },
  });
  joined.push(node);
  const { peer } = relayInfoSchema.parse(await (await fetch(`${relayUrl}/relay.json`)).json());
  const connection = await node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${peer}`));
  return { node, connection, signer: createSigner(seed), gossip: node.services.gossip as GossipSub };
}

/** Joins, and waits until the relay takes offers: what is published before is lost. */
async function joinTopic() {
  const one = await join();
  for (let tries = 0; one.gossip.getSubscribers(offersTopic).length === 0 && tries < 100; tries++) await sleep(20);
  return one;
}

/** Runs `one` as often as is wished, a few at a time. */
async function repeat(one: (number: number) => Promise<void>, atOnce: number): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) {
      try {
        await one(next++);
        outcome.sent += 1;
      } catch {
        outcome.refused += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** A relay that has had enough hangs up; a flood comes again under another key. */
function connections() {
  let current: Promise<Connection> | undefined;
  return async () => {
    const connection = await (current ??= join().then(({ connection: made }) => made));
    if (connection.status === 'open') return connection;
    current = undefined;
    throw new Error('hung up');
  };
}

const garbage = [
  (random: Uint8Array) => random,
  () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  (random: Uint8Array) => Uint8Array.of(0xd0, 0x0f, ...random),
];

const modelsOf = (number: number): OfferedModel[] =>
  Array.from({ length: 32 }, (_, i) => ({
    artefact: number.toString(16).padStart(64, '0'),
    name: `flood-${number}-${i}`,
    kinds: ['chat'],
    features: [],
    contextTokens: 4_096,
    quantisation: 'none',
    price: { in: '0', out: '0' },
    slots: 1,
    running: 0,
    queued: 0,
  }));

/** Raw sockets that are held until the end. */
async function hold(greeting: string | undefined): Promise<void> {
  const sockets: Socket[] = [];
  await repeat(async () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    if (greeting === undefined) return;
    socket.write(greeting);
    const [answer] = await once(socket, 'data');
    if (!String(answer).startsWith('HTTP/1.1 101')) throw new Error('refused');
  }, 64);
  await sleep(1_000);
  for (const socket of sockets) socket.destroy();
}

const upgrade =
  `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

const floods: Readonly<Record<FloodKind, () => Promise<void>>> = {
  async frames() {
    const connection = connections();
    await repeat(async (number) => {
      const stream = await (await connection()).newStream(number % 2 === 0 ? findProtocol : jobProtocol);
      stream.send(garbage[number % garbage.length]!(systemRandom.bytes(2_000)));
      await stream.close();
    }, 8);
  },
  async offers() {
    const identities = await Promise.all(Array.from({ length: 10 }, joinTopic));
    await repeat(async (number) => {
      const { gossip, signer } = identities[number % identities.length]!;
      const offer = {
        peer: signer.peer,
        seq: number + 1,
        issuedAt: Date.now(),
        ttlMs: 45_000,
        role: 'tab' as const,
        draining: false,
        engine: { name: 'flood', build: '1', deviceClass: 'none' },
        models: modelsOf(number),
        tiers: ['open'],
        policy: [],
        addrs: [],
        build: '1',
      };
      const { recipients } = await gossip.publish(offersTopic, writeOffer(offer, signer));
      if (recipients.length > 0) return;
      // Denied: it comes again under another key.
      identities[number % identities.length] = await joinTopic();
      throw new Error('no longer connected');
    }, identities.length);
  },
  async openings() {
    const connection = connections();
    await repeat(async () => {
      const stream = await (await connection()).newStream(findProtocol);
      stream.abort(new Error('never mind'));
    }, 16);
  },
  sockets: () => hold(undefined),
  connections: () => hold(upgrade),
};

async function play(order: FloodOrder): Promise<FloodOutcome> {
  [count, from, outcome] = [order.count, order.from, { sent: 0, refused: 0 }];
  await floods[order.kind]();
  // Stopping waits for streams that the relay has no reason to end.
  for (const node of joined.splice(0)) for (const one of node.getConnections()) one.abort(new Error('over'));
  return outcome;
}

process.on('message', (order: FloodOrder) => {
  play(order).then(
    (played) => process.send!(played),
    (error) => {
      process.stderr.write(`${error}\n`);
      process.exit(1);
    },
  );
});
