import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub, type GossipSub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { attacks, type AttackName } from './attacks.ts';
import { encode, engine, envelope, lineOf } from './wire.ts';

/**
 * Hostile peers in a process of their own, as anybody could write them from the wire document: libp2p, DAG-CBOR and Ed25519,
 * and none of our code. Arguments: the relay's address, the artefact, and the attacks with their zones as JSON.
 */
interface Wanted {
  readonly attack: AttackName;
  /** The address that it dials from. */
  readonly from: string;
}

const [relay, artefact, model, list] = process.argv.slice(2) as [string, string, string, string];
const offersTopic = 'tabloom/offers/2';
const jobProtocol = '/tabloom/job/2';
const heartbeatMs = 15_000;

/** The address that the next connection is made from. Node's WebSocket has no such option, so its sockets are given one. */
let dialFrom = '127.0.0.1';
const { connect } = net;
net.connect = ((options: net.TcpNetConnectOpts, ...more: never[]) =>
  connect({ ...options, localAddress: dialFrom }, ...more)) as typeof net.connect;

async function settle({ attack, from }: Wanted): Promise<string> {
  const seed = randomBytes(32);
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed);
  const signer = { seed, key: Buffer.from(privateKey.publicKey.raw) };
  const node = await createLibp2p({
    privateKey,
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({ allowPublishToZeroTopicPeers: true, fallbackToFloodsub: false }),
    },
  });
  const worker = node.peerId.toString();
  await node.handle(
    jobProtocol,
    async (stream, connection) => {
      const line = lineOf(stream);
      const opened = await line.next();
      const job = opened?.['job'];
      if (job === null || typeof job !== 'object' || Array.isArray(job) || Buffer.isBuffer(job)) return;
      await attacks[attack]({ job, asker: connection.remotePeer.toString(), worker, signer, line });
    },
    { maxInboundStreams: 64, runOnLimitedConnection: true },
  );
  dialFrom = from;
  await node.dial(multiaddr(relay));
  let seq = 0;
  const announce = () => {
    const offered = {
      artefact,
      name: model,
      kinds: ['chat'],
      features: [],
      contextTokens: 1_000_000,
      quantisation: 'none',
      price: { in: '0', out: '0' },
      slots: 1_024,
      running: 0,
      queued: 0,
      measured: { prefillTps: 1e9, decodeTps: 1e9, ttftMs: 0 },
    };
    const offer = {
      peer: worker,
      seq: ++seq,
      issuedAt: Date.now(),
      ttlMs: 45_000,
      role: 'tab',
      draining: false,
      engine,
      models: [offered],
      tiers: ['open'],
      policy: [],
      addrs: [],
      build: '1',
    };
    const bytes = encode(envelope('offer', offer, signer));
    (node.services.gossip as GossipSub).publish(offersTopic, bytes).catch(() => undefined);
  };
  // Until the relay's subscription has arrived, what is published goes nowhere.
  for (let tries = 0; node.services.gossip.getSubscribers(offersTopic).length === 0 && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  announce();
  setInterval(announce, heartbeatMs);
  return worker;
}

const wanted = JSON.parse(list) as readonly Wanted[];
let settling = Promise.resolve();
const peers: string[] = [];
for (const one of wanted) peers.push(await settle(one));
process.on('disconnect', () => process.exit(0));
process.on('message', (message: { readonly replace?: Wanted }) => {
  const { replace } = message;
  if (!replace) return;
  // One after the other, since they share `dialFrom`.
  settling = settling.then(async () => void process.send?.({ peers: [await settle(replace)] }));
});
process.send?.({ peers });
