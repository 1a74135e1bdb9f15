import type { AbortOptions } from '#lib/base/abort.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * The transport port. Types only; `net/libp2p` and `net/memory.fixture.ts` implement it, and both pass
 * `tests/compliance/net.ts`.
 * Error codes: `peer-unreachable`, `protocol-unknown`, `busy`, `channel-lost`, `frame-too-large`, `bad-frame`,
 * `net-offline`, `aborted`; a relay's also `port-in-use`.
 */
export interface Net extends Startable {
  readonly self: PeerId;

  /** Broadcasts to the topic's subscribers. Publishing does not require a subscription. */
  publish(topic: string, message: Uint8Array, options?: AbortOptions): Promise<void>;
  /**
   * Subscribes to a topic. The validator runs before a message is forwarded: `accept` forwards and delivers it,
   * `ignore` drops it silently, `reject` drops it and penalises the sender. Returns the unsubscribe function.
   */
  subscribe(topic: string, subscription: Subscription): () => void;

  /** Registers the handler of a protocol, one per protocol. Returns the function that removes it. */
  handle(protocol: string, handler: ChannelHandler): () => void;
  /**
   * Opens a channel, directly if possible and relayed otherwise. Opening to `self` loops back inside the process.
   * @throws `peer-unreachable` if no address responds, `protocol-unknown` if the peer does not serve the protocol,
   * `busy` if the limit of channels of this protocol to this peer is reached.
   */
  open(peer: PeerId, protocol: string, options?: OpenChannelOptions): Promise<Channel>;
  /**
   * Announces that a channel to this peer will probably be opened soon. An implementation may open it ahead of time,
   * and again for a while after each use, so that `open` costs no round trip. A pre-opened channel may die unnoticed;
   * if nothing has been received on it, it is reopened and everything is resent, so use this only for idempotent
   * protocols. Resolves when the channel is ready or has failed to open; never throws.
   */
  prepare(peer: PeerId, protocol: string, options?: OpenChannelOptions): Promise<void>;

  /** Round trip to a connected peer in milliseconds. @throws `peer-unreachable`. */
  ping(peer: PeerId, options?: AbortOptions): Promise<number>;

  /** Addresses others can dial, for use in offers. */
  addresses(): readonly string[];
  status(): NetStatus;
  /** Calls back on changes of {@link NetStatus}. Returns the unsubscribe function. */
  onStatus(listener: (status: NetStatus) => void): () => void;
  /**
   * Calls back when the last connection to a peer has ended. Returns the unsubscribe function. The memory net has no
   * connections apart from channels: it calls back when the last of these has ended because the peer stopped or was killed.
   */
  onPeerGone(listener: (peer: PeerId) => void): () => void;
}

export interface Subscription {
  /** `from` is the verified publisher; `route` is how the message arrived. */
  readonly validate: (message: Uint8Array, from: PeerId, route: MessageRoute) => 'accept' | 'ignore' | 'reject';
  readonly deliver: (message: Uint8Array, from: PeerId) => void;
}

export interface MessageRoute {
  /** The neighbour that forwarded the message; rejections count against it. */
  readonly source: PeerId;
  /** Whether the publisher is currently connected to this net. */
  readonly connected: boolean;
  /** Multiaddr from which it is connected, as its connection proves it; undefined where there is none. */
  readonly address?: string | undefined;
}

export type ChannelHandler = (channel: Channel) => Promise<void>;

export interface OpenChannelOptions extends AbortOptions {
  /** Addresses from the peer's offer, tried in addition to those already known. */
  readonly addrs?: readonly string[];
  /**
   * How long to wait for a direct connection where there is none, if the peer can be reached through a relay meanwhile. By
   * default as long as the net finds a direct path worth waiting for.
   */
  readonly directTimeoutMs?: number | undefined;
}

/**
 * A bidirectional message stream between two peers; messages have at most `limits.frameBytesMax` bytes. Reading ends
 * normally only if the other side closed; otherwise it throws `channel-lost`. A normal end does not prove success, so
 * each protocol has its own closing frame.
 */
export interface Channel extends AsyncIterable<Uint8Array> {
  readonly remote: PeerId;
  readonly path: ChannelPath;
  /** Multiaddr of the other end, as its connection proves it; undefined within this process. */
  readonly address?: string | undefined;
  /** Waits for backpressure. @throws `channel-lost`, `frame-too-large`; `bad-frame` for an empty message. */
  send(message: Uint8Array, options?: AbortOptions): Promise<void>;
  /** Signals the end of this side once everything queued has been sent. Idempotent. */
  close(): Promise<void>;
  /** Drops the channel at once; the other side sees `channel-lost`. Idempotent. */
  abort(error: Error): void;
  /** Aborts when the channel has closed or was lost. */
  readonly closed: AbortSignal;
  /** Undefined unless both ends are in this process and their net hands values over. */
  readonly values?: ValueLane | undefined;
}

/**
 * A channel within one process, for values in place of the bytes that would stand for them. Both kinds of message share its
 * order, its limits and its end. Whoever reads a protocol on which values are sent reads here, not from the channel.
 */
export interface ValueLane extends AsyncIterable<Uint8Array | Handed> {
  /**
   * As `Channel.send`; undefined where it has been handed over at once, and nothing is to be waited for. The value is not copied:
   * from then on neither side changes it.
   */
  send(message: Handed, options?: AbortOptions): Promise<void> | undefined;
}

export interface Handed {
  readonly value: unknown;
  /** What it counts for, in bytes: at least as many as its encoding would have. */
  readonly length: number;
}

/**
 * `direct`: WebRTC, WebSocket or WebTransport without a relay in between; `relayed`: through a circuit; `loopback`:
 * within this process.
 */
export type ChannelPath = 'direct' | 'relayed' | 'loopback';

export interface NetStatus {
  readonly state: 'stopped' | 'connecting' | 'online' | 'offline';
  readonly relays: readonly RelayStatus[];
  readonly connections: readonly ConnectionStatus[];
}

export interface RelayStatus {
  readonly peer: PeerId | undefined;
  readonly addr: string;
  readonly state: 'connecting' | 'connected' | 'reserved' | 'lost';
  /** Why it was lost, as a sentence. */
  readonly reason?: string | undefined;
  readonly attempts: number;
  /** Topics on which it receives what is published here. What was published before it subscribed, it never gets. */
  readonly topics?: readonly string[] | undefined;
}

export interface ConnectionStatus {
  readonly peer: PeerId;
  readonly path: ChannelPath;
  readonly transport: 'webrtc' | 'webrtc-direct' | 'websocket' | 'circuit' | 'memory' | 'other';
  readonly direction: 'inbound' | 'outbound';
  /** Multiaddr of the other end as seen from this side; a circuit's starts with the relay's address. */
  readonly addr?: string | undefined;
}
