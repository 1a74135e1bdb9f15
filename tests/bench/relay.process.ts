import net from 'node:net';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub, type GossipSub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { marketOffer } from '#lib/market/offer.fixture.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createSigner, type Signer } from '#lib/protocol/envelope.ts';
import { offersTopic } from '#lib/protocol/find.ts';
import { writeOffer } from '#lib/protocol/offer.ts';
import { createNodeEd25519 } from '../../relay/ed25519.ts';

/**
 * A crowd of plain js-libp2p peers around one relay, each from an address of its own, and a witness that subscribes to their
 * announcements. Argument: the relay's address. Messages: `{ join }`, the number there should be, answered with the number
 * there are; `{ announce }`, a number that grows, answered with what the witness saw.
 */
const relay = multiaddr(process.argv[2]!);
const joinMs = 30_000;
const announceMs = 8_000;
const joiningMax = 8;

interface Client {
  readonly node: Libp2p<{ readonly gossip: GossipSub }>;
  readonly signer: Signer;
}

installEd25519(createNodeEd25519());
/** Node's WebSocket takes no local address, so the next socket is given one. */
let dialFrom = '127.0.0.1';
const { connect } = net;
net.connect = ((options: net.TcpNetConnectOpts, ...more: never[]) =>
  connect({ ...options, localAddress: dialFrom }, ...more)) as typeof net.connect;

async function enter(number: number): Promise<Client> {
  const seed = new Uint8Array(32).fill(9);
  new DataView(seed.buffer).setUint32(0, number);
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed),
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({ allowPublishToZeroTopicPeers: true, fallbackToFloodsub: false }),
    },
  });
  dialFrom = `127.${1 + (number >> 8)}.${number & 255}.1`;
  await node.dial(relay);
  return { node, signer: createSigner(seed) };
}

const witness = await enter(0);
const seen = new Set<string>();
witness.node.services.gossip.subscribe(offersTopic);
witness.node.services.gossip.addEventListener('gossipsub:message', ({ detail: { msg } }) => {
  if (msg.type === 'signed') seen.add(msg.from.toString());
});
const clients: Client[] = [];

async function join(count: number): Promise<void> {
  const endMs = performance.now() + joinMs;
  let next = clients.length;
  const more = async () => {
    while (next < count && performance.now() < endMs) {
      const number = ++next;
      await enter(number).then(
        (client) => clients.push(client),
        () => undefined,
      );
    }
  };
  await Promise.all(Array.from({ length: joiningMax }, more));
  await until(() => clients.every(({ node }) => node.services.gossip.getSubscribers(offersTopic).length > 0), 5_000);
}

async function announce(seq: number): Promise<{ readonly seen: number; readonly ms: number }> {
  const issuedAt = Date.now();
  const offers = clients.map(({ signer }) =>
    writeOffer({ ...marketOffer('', { seq, issuedAt }), peer: signer.peer }, signer),
  );
  seen.clear();
  const startedMs = performance.now();
  clients.forEach(({ node }, i) => void node.services.gossip.publish(offersTopic, offers[i]!).catch(() => undefined));
  await until(() => seen.size >= clients.length, announceMs);
  return { seen: seen.size, ms: performance.now() - startedMs };
}

async function until(done: () => boolean, msMax: number): Promise<void> {
  const endMs = performance.now() + msMax;
  while (!done() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5));
}

process.on('message', async (asked: { readonly join?: number; readonly announce?: number }) => {
  if (asked.join !== undefined) {
    await join(asked.join);
    process.send?.({ clients: clients.length });
  } else if (asked.announce !== undefined) process.send?.(await announce(asked.announce));
});
process.send?.({});
