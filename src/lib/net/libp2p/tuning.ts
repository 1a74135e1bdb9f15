import { limits } from '#lib/protocol/limits.ts';

/**
 * Overrides for js-libp2p defaults that do not suit a network of tabs around relays. Each group states what breaks
 * without it; README.md names the test that proves it. Overridden only in those tests.
 */
export interface Tuning {
  /** 1. At any other value, everyone behind one address (a school, a proxy) ends up with a failing score. */
  readonly ipColocationWeight: number;
  /** 2. A relay is a hub: a mesh with fewer peers than subscribers leaves some of them out. */
  readonly meshDegree: number;
  /** 3. Tabs reachable through one relay at the same time (default 15). */
  readonly reservationsMax: number;
  /** 4. New connections per second from one host (default 5), half-open connections, and total connections. */
  readonly inboundPerSecondMax: number;
  readonly inboundPendingMax: number;
  readonly connectionsMax: number;
  /**
   * 5. A WebRTC dial can miss its completion event and hang, so make several short attempts instead of one long one.
   * The first exceeds the one second after which Node's DTLS retransmits; the last allows for a slow, distant network.
   */
  readonly directTryTimeoutsMs: readonly number[];
  /** 6. Back-off before a lost relay is redialled, doubling up to the maximum. */
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** Delay before requesting a reservation again. */
  readonly reservationRetryMs: number;
  /** Approximate interval at which a peer checks that it is still reachable through its relay. */
  readonly circuitCheckMs: number;
  /**
   * 6. A connection that receives nothing for this many ticks, despite a ping halfway through, is dropped: after 16 to
   * 20 s. libp2p drops it after one late ping, and bursts of messages delay pings.
   */
  readonly silenceTickMs: number;
  readonly silentTicksMax: number;

  /**
   * How long after the first dial `open` takes the relayed connection instead; dialling continues in the background.
   */
  readonly directTimeoutMs: number;
  /** The same where no relay reaches the peer, and there is nothing else to wait for. */
  readonly unrelayedTimeoutMs: number;
  /** Pause before a failed direct dial is retried. */
  readonly directPauseMs: number;
  readonly dialTimeoutMs: number;
  readonly streamTimeoutMs: number;
  /** How long a peer that has left its relay gets to answer a ping on its direct connection. */
  readonly probeTimeoutMs: number;
  /** Concurrent streams of one protocol per connection. */
  readonly streamsPerProtocolMax: number;
  /** Concurrent streams of one protocol we open to a peer; below what it accepts, since it resets any excess. */
  readonly streamsOutPerProtocolMax: number;
  /** Minimum interval between status notifications; 0 means immediate. At a relay, many peers come and go. */
  readonly statusGapMs: number;
  /** How long `publish` waits for the first subscriber to become known. */
  readonly subscriberTimeoutMs: number;
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
  silenceTickMs: 4_000,
  silentTicksMax: 4,
  directTimeoutMs: 4_000,
  unrelayedTimeoutMs: 4_000,
  directPauseMs: 60_000,
  dialTimeoutMs: 10_000,
  streamTimeoutMs: 4_000,
  probeTimeoutMs: 1_500,
  streamsPerProtocolMax: 32,
  streamsOutPerProtocolMax: 24,
  statusGapMs: 0,
  subscriberTimeoutMs: 2_000,
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
  statusGapMs: 100,
};

/** Buffered bytes of one stream whose reader is stalled (default 16 MiB); a relay buffers this much per side. */
export const streamWindowBytesMax = 1024 * 1024;

/** Gossip limits: room for a few records with their envelopes and RPC overhead. */
export const gossipLimits = {
  rpcBytesMax: 64 * 1024,
  messageBytesMax: limits.gossipBytesMax,
  outboundBufferBytesMax: 2 * 1024 * 1024,
  /** Gossipsub counts about a kilobyte a topic and drops without a word what is beyond: room for twice the topics there are. */
  topicBytesPerPeerMax: 40 * 1024,
} as const;

/** Limits of one relayed connection. js-libp2p's defaults of 128 KiB and two minutes would cut off an answer. */
export const circuitLimits = {
  bytesMax: 1024n * 1024n * 1024n,
  durationMs: 6 * 60 * 60_000,
  reservationTtlMs: 60 * 60_000,
  /** Relayed connections one peer may have open to others, and others to it. */
  outgoingPerPeerMax: 64,
  incomingPerPeerMax: 512,
} as const;
