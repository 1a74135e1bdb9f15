import { relayTuning } from '#lib/net/libp2p/tuning.ts';
import { streamsMax } from '#lib/peer/presence/discovery-server.ts';
import { smallConnectionsMax, smallNetworkMax } from '#lib/peer/presence/network-size.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { UnitCosts } from './measure.ts';

/** What the model takes for granted of the people and the wires. */
export const assumptions = {
  /** Share of peers that lend. */
  lenders: 0.2,
  /** Relays a peer keeps, where there are as many. */
  relaysPerPeer: 2,
  /** Relays that share their offers, as `--relays` names them; more are further networks. */
  relaysPerNetwork: 16,
  /** Of each lender; a job is announced when it begins and when it ends. */
  jobsPerMinute: 1,
  roundTripMs: 60,
} as const;

/** One size of network. Bytes and messages are per second. */
export interface Scale {
  readonly peers: number;
  readonly relays: number;
  /** Of one relay: peers connected, and offers it lists, which are those of its network. */
  readonly peersAtRelay: number;
  readonly offersAtRelay: number;
  /** To one peer, and what a lender sends. */
  readonly gossipBytes: number;
  readonly findBytes: number;
  readonly announcedBytes: number;
  /** From dialling a find stream on an open connection to a checked sample. */
  readonly findMs: number;
  /** Of one relay, connections themselves not counted. */
  readonly relayHeapBytes: number;
  readonly relayBytesOut: number;
  /** Processor cores for signatures and the codec, encryption and the kernel not counted. */
  readonly relayCores: number;
  /** The limits of one relay that this size is beyond; what lies beyond is refused, not served. */
  readonly beyond: readonly string[];
}

/**
 * Relays of one network pass offers to each other, and each lists them all, while askers follow as many as they asked for. So
 * a relay bears the offers of its network and the peers that are connected to it, and a peer bears neither.
 */
export function scaleOf(peers: number, relays: number, costs: UnitCosts): Scale {
  const kept = Math.min(assumptions.relaysPerPeer, relays);
  const networks = Math.ceil(relays / assumptions.relaysPerNetwork);
  const otherRelays = relays / networks - 1;
  const peersAtRelay = Math.round((peers * kept) / relays);
  const offersAtRelay = Math.round((peers / networks) * assumptions.lenders);
  const perSecond = 1_000 / limits.offerHeartbeatMs + (2 * assumptions.jobsPerMinute) / 60;
  const isSmall = offersAtRelay <= smallNetworkMax && peersAtRelay <= smallConnectionsMax;
  const reported = Math.min(offersAtRelay, limits.findLimitMax);
  const gossipBytes = isSmall ? offersAtRelay * perSecond * costs.offerBytes : 0;
  const findBytes = reported * perSecond * costs.offerFrameBytes;
  const passedOnBytes = offersAtRelay * perSecond * costs.offerBytes * otherRelays;
  return {
    peers,
    relays,
    peersAtRelay,
    offersAtRelay,
    gossipBytes: kept * gossipBytes,
    findBytes: kept * findBytes,
    announcedBytes: kept * perSecond * costs.offerBytes,
    findMs: 2 * assumptions.roundTripMs + costs.sampleMs(offersAtRelay) + reported * costs.checkMs.tab,
    relayHeapBytes: offersAtRelay * costs.offerHeapBytes + peersAtRelay * costs.streamHeapBytes,
    relayBytesOut: peersAtRelay * (gossipBytes + findBytes) + passedOnBytes,
    relayCores:
      (offersAtRelay * perSecond * costs.checkMs.relay + peersAtRelay * reported * perSecond * costs.frameMs) / 1_000,
    beyond: [
      ...(peersAtRelay > relayTuning.connectionsMax ? ['connections'] : []),
      ...(peersAtRelay > streamsMax ? ['find streams'] : []),
      ...(offersAtRelay > limits.directoryOffersMax ? ['offers'] : []),
    ],
  };
}

export const sizes = [100, 1_000, 10_000, 100_000].flatMap((peers) =>
  [1, 10, 100].filter((relays) => relays < peers).map((relays) => [peers, relays] as const),
);

const kilobytes = (bytes: number) => (bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0);

/** The table of `docs/SCALE.md`. */
export function describeScales(scales: readonly Scale[]): string {
  const head = [
    'peers',
    'relays',
    'peers a relay',
    'offers',
    'gossip kB/s',
    'find kB/s',
    'find ms',
    'relay MB',
    'out Mbit/s',
    'cores',
    'beyond',
  ];
  const rows = scales.map((one) => [
    one.peers,
    one.relays,
    one.peersAtRelay,
    one.offersAtRelay,
    kilobytes(one.gossipBytes),
    kilobytes(one.findBytes),
    one.findMs.toFixed(0),
    (one.relayHeapBytes / 1e6).toFixed(0),
    ((one.relayBytesOut * 8) / 1e6).toFixed(1),
    one.relayCores.toFixed(2),
    one.beyond.join(', ') || '–',
  ]);
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
