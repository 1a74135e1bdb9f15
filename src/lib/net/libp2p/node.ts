import {
  circuitRelayServer,
  circuitRelayTransport,
  type CircuitRelayService,
  type CircuitRelayTransportInit,
} from '@libp2p/circuit-relay-v2';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { gossipsub, StrictSign, type GossipSub } from '@libp2p/gossipsub';
import { identify, identifyPush, type Identify } from '@libp2p/identify';
import {
  FaultTolerance,
  type ComponentLogger,
  type ConnectionGater,
  type Libp2p,
  type Logger as LibraryLogger,
  type ServiceMap,
  type TopologyFilter,
} from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { yamux } from '@libp2p/yamux';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type ServiceFactoryMap } from 'libp2p';
import { build } from '#lib/protocol/version.ts';
import { preferLiveConnections } from './live-connections.ts';
import { skipStreamNotes } from './peer-store.ts';
import { webRtcDirect, webRtcWithClose } from './web-rtc.ts';
import { listeningWebSockets, type SocketSource } from './web-sockets.ts';
import { circuitLimits, gossipLimits, streamWindowBytesMax, type Tuning } from './tuning.ts';

/**
 * The js-libp2p node configuration shared by all of Tabloom; the tab, the native peer and the relay differ only in
 * their input.
 */
export type TabloomNode = Libp2p<TabloomServices>;

export interface TabloomServices extends ServiceMap {
  readonly gossip: GossipSub;
  readonly identify: Identify;
  /** On relays only. */
  readonly circuit?: CircuitRelayService;
}

export interface NodeInput {
  /** Seed of the Ed25519 key, 32 bytes. */
  readonly seed: Uint8Array;
  /** `peer` dials relays and uses WebRTC; `relay` is dialled and introduces peers. */
  readonly role: 'peer' | 'relay';
  readonly tuning: Tuning;
  readonly listen: readonly string[];
  /** For a relay: source of its WebSockets, instead of a port. */
  readonly socketSource?: SocketSource | undefined;
  /** Announced instead of the listening addresses, if those are not reachable from outside. */
  readonly announce: readonly string[];
  /** Called with the actual listening addresses, whatever is announced. */
  readonly onListen?: (addresses: readonly string[]) => void;
  readonly iceServers: readonly RTCIceServer[];
  readonly gater: ConnectionGater;
  /** Known gossip topics; others are not tracked. */
  readonly topics: readonly string[];
}

/** Creates the node without starting it. */
export async function createLibp2pNode(input: NodeInput): Promise<TabloomNode> {
  const { tuning } = input;
  const rtcConfiguration = { iceServers: [...input.iceServers] };
  const relay = input.role === 'relay';
  const services: ServiceFactoryMap<TabloomServices> = {
    identify: identify(),
    identifyPush: identifyPush(),
    ping: ping({ maxInboundStreams: 8 }),
    gossip: gossip(input),
    ...(relay ? { circuit: circuitServer(tuning) } : {}),
  };
  const node = await createLibp2p<TabloomServices>({
    start: false,
    logger: noLogger,
    privateKey: await generateKeyPairFromSeed('Ed25519', input.seed),
    nodeInfo: { name: 'tabloom', version: build, userAgent: `tabloom/${build}` },
    addresses: {
      listen: [...input.listen],
      appendAnnounce: [...input.announce],
      announceFilter: (addresses) => announced(addresses, input),
    },
    transports: relay
      ? [listeningWebSockets(input.socketSource), circuitTransport()]
      : [
          listeningWebSockets(),
          circuitTransport({ maxInboundStopStreams: circuitLimits.incomingPerPeerMax, discoveryFilter }),
          webRtcWithClose({ rtcConfiguration }),
          webRtcDirect({ rtcConfiguration }),
        ],
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ enableKeepAlive: false, streamOptions: { maxStreamWindowSize: streamWindowBytesMax } })],
    connectionGater: input.gater,
    connectionManager: {
      maxConnections: tuning.connectionsMax,
      inboundConnectionThreshold: tuning.inboundPerSecondMax,
      maxIncomingPendingConnections: tuning.inboundPendingMax,
      dialTimeout: tuning.dialTimeoutMs,
      addressDialTimeout: tuning.dialTimeoutMs,
      // `keepRelays` redials relays; libp2p's own retries would race with it.
      reconnectRetries: 0,
    },
    // It opens a stream and sets timers to ping each connection, and drops slow ones like dead ones; see silence.ts.
    connectionMonitor: { enabled: false },
    services,
  });
  skipStreamNotes(node.peerStore);
  return node;
}

/** By default libp2p allocates a logger of six closures for every connection, stream and muxer, enabled or not. */
const noLog: LibraryLogger = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => noLog,
});
const noLogger: ComponentLogger = { forComponent: () => noLog };

/** Without this, libp2p requests a reservation only once per connection, even if the relay refused it. */
const discoveryFilter: TopologyFilter = { has: () => false, add: () => undefined, remove: () => undefined };

function announced(addresses: readonly Multiaddr[], { announce, onListen }: NodeInput): Multiaddr[] {
  const own = (address: Multiaddr) => announce.some((prefix) => address.toString().startsWith(prefix));
  onListen?.(addresses.filter((address) => !own(address)).map(String));
  return announce.length > 0 ? addresses.filter(own) : [...addresses];
}

function gossip({ tuning, topics, role }: NodeInput) {
  return gossipsub({
    globalSignaturePolicy: StrictSign,
    allowPublishToZeroTopicPeers: true,
    fallbackToFloodsub: false,
    doPX: false,
    D: tuning.meshDegree,
    Dlo: role === 'relay' ? tuning.meshDegree : 4,
    Dhi: 2 * tuning.meshDegree,
    Dout: 0,
    allowedTopics: new Set(topics),
    maxInboundDataLength: gossipLimits.rpcBytesMax,
    maxOutboundBufferSize: gossipLimits.outboundBufferBytesMax,
    maxTopicBytesPerPeer: gossipLimits.topicBytesPerPeerMax,
    scoreParams: { IPColocationFactorWeight: tuning.ipColocationWeight },
  });
}

function circuitTransport(init?: CircuitRelayTransportInit): ReturnType<typeof circuitRelayTransport> {
  return (components) => circuitRelayTransport(init)(preferLiveConnections(components));
}

function circuitServer(tuning: Tuning): ReturnType<typeof circuitRelayServer> {
  const create = circuitRelayServer({
    maxInboundHopStreams: circuitLimits.outgoingPerPeerMax,
    maxOutboundStopStreams: circuitLimits.incomingPerPeerMax,
    reservations: {
      maxReservations: tuning.reservationsMax,
      reservationTtl: circuitLimits.reservationTtlMs,
      defaultDataLimit: circuitLimits.bytesMax,
      defaultDurationLimit: circuitLimits.durationMs,
    },
  });
  return (components) => create(preferLiveConnections(components));
}
