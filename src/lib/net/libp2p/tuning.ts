import { limits } from '#lib/protocol/limits.ts';

/**
 * Where js-libp2p's defaults do not fit a network of tabs around relays, and by how much we move them. Each group names
 * what breaks without it; README.md names the test that shows it. Changed only by those tests.
 */
export interface Tuning {
  /** 1. Everybody behind one address (a school, a proxy) scores to death at any other value. */
  readonly ipColocationWeight: number;
  /** 2. A relay is a hub: a mesh smaller than its subscribers leaves some of them out. */
  readonly meshDegree: number;
  /** 3. Tabs that may be reached through one relay at the same time (15 without). */
  readonly reservationsMax: number;
  /** 4. New connections a second from one host (5 without), half-open ones, and all. */
  readonly inboundPerSecondMax: number;
  readonly inboundPendingMax: number;
  readonly connectionsMax: number;
  /**
   * 5. A WebRTC dial can miss its own end and wait for ever: short tries instead of one long one. The first outlasts
   * the one second after which Node's DTLS sends a lost packet again, the last a slow and far network.
   */
  readonly directTryTimeoutsMs: readonly number[];
  /** 6. A lost relay is dialled again after this, doubling up to the maximum. */
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** A relay that gave no reservation is asked again after this. */
  readonly reservationRetryMs: number;
  /** About how often a peer finds out whether its relay still leads to it, after the first time. */
  readonly circuitCheckMs: number;
  /** 6. What a relay does with a connection that misses a ping: a storm of messages delays pings, and is no reason. */
  readonly missedPing: 'keep' | 'abort';
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;

  /** How long `open` waits for a direct connection before it takes the relayed one; dialling goes on behind it. */
  readonly directPatienceMs: number;
  /** A peer that could not be dialled directly is not dialled so again before this. */
  readonly directPauseMs: number;
  readonly dialTimeoutMs: number;
  readonly streamTimeoutMs: number;
  /** A peer that left its relay is asked directly whether it lives, and given this long. */
  readonly probeTimeoutMs: number;
  /** Streams of one protocol that one connection may have open at a time. */
  readonly streamsPerProtocolMax: number;
  /** Streams of one protocol that we open to one peer; below what it takes, or it would cut off what is over. */
  readonly streamsOutPerProtocolMax: number;
  /** Changes of the status are told at most this often; 0: at once. Many peers come and go at a relay. */
  readonly statusGapMs: number;
  /** How long `publish` waits to learn of the first subscriber. */
  readonly subscriberPatienceMs: number;
}

const everywhere: Tuning = {
  ipColocationWeight: 0,
  meshDegree: 6,
  reservationsMax: 0,
  inboundPerSecondMax: 100,
  inboundPendingMax: 100,
  connectionsMax: 300,
  directTryTimeoutsMs: [1_200, 2_000, 4_000],
  reconnectMinMs: 250,
  reconnectMaxMs: 15_000,
  reservationRetryMs: 5_000,
  circuitCheckMs: 180_000,
  missedPing: 'abort',
  pingIntervalMs: 10_000,
  pingTimeoutMs: 15_000,
  directPatienceMs: 4_000,
  directPauseMs: 60_000,
  dialTimeoutMs: 10_000,
  streamTimeoutMs: 4_000,
  probeTimeoutMs: 1_500,
  streamsPerProtocolMax: 32,
  streamsOutPerProtocolMax: 24,
  statusGapMs: 0,
  subscriberPatienceMs: 2_000,
};

export const tabTuning: Tuning = { ...everywhere, connectionsMax: 100 };
export const nodeTuning: Tuning = everywhere;
export const relayTuning: Tuning = {
  ...everywhere,
  meshDegree: 5_000,
  reservationsMax: 10_000,
  inboundPerSecondMax: 200,
  inboundPendingMax: 2_000,
  connectionsMax: 10_000,
  missedPing: 'keep',
  statusGapMs: 100,
};

/** What a reader that does not read lets pile up in one stream (16 MiB without); a relay holds as much for each side. */
export const streamWindowBytesMax = 1024 * 1024;

/** Gossip limits: a record, its envelope and the RPC around it, a few at a time. */
export const gossipLimits = {
  rpcBytesMax: 64 * 1024,
  messageBytesMax: limits.gossipBytesMax,
  outboundBufferBytesMax: 2 * 1024 * 1024,
  topicBytesPerPeerMax: 16 * 1024,
} as const;

/** What one relayed connection may carry at our relays. js-libp2p's own 128 KiB and two minutes would cut an answer. */
export const circuitLimits = {
  bytesMax: 1024n * 1024n * 1024n,
  durationMs: 6 * 60 * 60_000,
  reservationTtlMs: 60 * 60_000,
  /** Relayed connections one peer may hold open to others, and others to it. */
  outgoingPerPeerMax: 64,
  incomingPerPeerMax: 512,
} as const;
