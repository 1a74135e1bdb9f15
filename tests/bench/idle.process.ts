import { circuitRelayServer } from '@libp2p/circuit-relay-v2';
import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { offersTopic } from '#lib/protocol/find.ts';
import { systemClock } from '#lib/base/clock.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createDirectory } from '#lib/market/directory.ts';
import { createDiscoveryClient } from '#lib/peer/presence/discovery-client.ts';
import { netAt, reserved } from '../integration/net/ground.ts';

/**
 * One side of the idle benchmark, as its own process: `bare-relay`, or `bare-peers` or `peers` with a count and the
 * relay's address. Bare means js-libp2p with its defaults, except the limits that would reject many peers from one host.
 */
const [what, count = '0', address = ''] = process.argv.slice(2);
const many = 5_000;
const patienceMs = 60_000;
const components = { clock: systemClock, random: systemRandom, logger: silentLogger };

const bare = (listen: readonly string[]) =>
  createLibp2p({
    addresses: { listen: [...listen] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: {
      maxConnections: many,
      inboundConnectionThreshold: many,
      maxIncomingPendingConnections: many,
      dialTimeout: patienceMs,
      inboundUpgradeTimeout: patienceMs,
      addressDialTimeout: patienceMs,
    },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({ D: many, Dlo: many, Dhi: 2 * many, Dout: 0, scoreParams: { IPColocationFactorWeight: 0 } }),
      ...(listen.length > 0 ? { circuit: circuitRelayServer({ reservations: { maxReservations: many } }) } : {}),
    },
  });

const say = (message: object) => void process.send?.(message);
const numbers = Array.from({ length: Number(count) }, (_, number) => number);

switch (what) {
  case 'bare-relay': {
    const node = await bare(['/ip4/127.0.0.1/tcp/0/ws']);
    node.services.gossip.subscribe(offersTopic);
    say({ address: node.getMultiaddrs()[0]!.toString() });
    break;
  }
  case 'bare-peers':
    for (const _ of numbers) await (await bare([])).dial(multiaddr(address));
    say({});
    break;
  case 'peers':
    for (const number of numbers) {
      const net = netAt([address], number);
      await createDiscoveryClient({ ...components, net, directory: createDirectory(components) }).start();
      await net.start();
      await reserved(net);
    }
    say({});
    break;
}
