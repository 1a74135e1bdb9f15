import type { AbortOptions } from '#lib/base/abort.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * How bytes travel. Types only; `net/libp2p` and `net/memory` implement it and both run `tests/compliance/net.ts`.
 * Error codes: `peer-unreachable`, `protocol-unknown`, `busy`, `channel-lost`, `frame-too-large`, `bad-frame`,
 * `net-offline`, `aborted`; a relay's also `port-in-use`.
 */
export interface Net extends Startable {
  readonly self: PeerId;

  /** Broadcasts to the topic's subscribers. Publishing needs no subscription. */
  publish(topic: string, message: Uint8Array, options?: AbortOptions): Promise<void>;
  /**
   * Hears a topic. The validator runs before a message is forwarded to anybody: `accept` passes it on and delivers it,
   * `ignore` drops it quietly, `reject` drops it and holds it against the sender. Returns the end of the subscription.
   */
  subscribe(topic: string, subscription: Subscription): () => void;

  /** Serves a protocol. One handler a protocol; returns the function that ends it. */
  handle(protocol: string, handler: ChannelHandler): () => void;
  /**
   * Opens a channel, directly when that is possible and relayed otherwise. `self` loops back inside the process.
   * @throws `peer-unreachable` when no address answers, `protocol-unknown` when the peer serves no such protocol, `busy`
   * when as many channels of it are open to this peer as it takes.
   */
  open(peer: PeerId, protocol: string, options?: OpenChannelOptions): Promise<Channel>;
  /**
   * Says that a channel to this peer is likely to be opened soon: an implementation may dial and open it ahead, so that
   * `open` costs no round trip, and does so again for a while after each use. A channel opened ahead may die unseen; when
   * nothing has come back on it, it is opened anew and everything is said again. So it is for protocols that do a thing
   * once however often they are told to. Resolves when it is ready or will not be; throws nothing.
   */
  prepare(peer: PeerId, protocol: string, options?: OpenChannelOptions): Promise<void>;

  /** Round trip to a connected peer in milliseconds. @throws `peer-unreachable`. */
  ping(peer: PeerId, options?: AbortOptions): Promise<number>;

  /** Addresses others can dial, to be put into offers. */
  addresses(): readonly string[];
  status(): NetStatus;
  /** Hears changes of {@link NetStatus}. Returns the end of it. */
  onStatus(listener: (status: NetStatus) => void): () => void;
  /**
   * Hears that the last connection to a peer has ended. Returns the end of it. In memory there are no connections beside
   * the channels, and nothing is told.
   */
  onPeerGone(listener: (peer: PeerId) => void): () => void;
}

export interface Subscription {
  /** `from` has published it, which the topic itself has proved; `passage` is how it came here. */
  readonly validate: (message: Uint8Array, from: PeerId, passage: MessageRoute) => 'accept' | 'ignore' | 'reject';
  readonly deliver: (message: Uint8Array, from: PeerId) => void;
}

export interface MessageRoute {
  /** The neighbour that handed the message over, and that a rejection is held against. */
  readonly source: PeerId;
  /** Whether the publisher itself is connected to this net now. */
  readonly connected: boolean;
}

export type ChannelHandler = (channel: Channel) => Promise<void>;

export interface OpenChannelOptions extends AbortOptions {
  /** From the peer's offer; tried beside what is known already. */
  readonly addrs?: readonly string[];
}

/**
 * A stream of whole messages between two peers, each at most `limits.frameBytesMax`. Reading ends normally only when
 * the other side closed; everything else throws `channel-lost`. A normal end is still no proof of success: relays end
 * streams normally at their limits, so protocols close with a frame of their own.
 */
export interface Channel extends AsyncIterable<Uint8Array> {
  readonly remote: PeerId;
  readonly path: ChannelPath;
  /** Waits while the transport is full. @throws `channel-lost`, `frame-too-large`; `bad-frame` for no bytes at all. */
  send(message: Uint8Array, options?: AbortOptions): Promise<void>;
  /** Says that nothing more will be sent, once everything queued has gone. Idempotent. */
  close(): Promise<void>;
  /** Drops the channel at once; the other side sees `channel-lost`. Idempotent. */
  abort(error: Error): void;
  /** Aborts when the channel has gone in either way. */
  readonly closed: AbortSignal;
}

/** `direct`: WebRTC, WebSocket or WebTransport without a relay between; `relayed`: through a circuit; `loopback`: this process. */
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
  /** Why it is lost, in a sentence. */
  readonly reason?: string | undefined;
  readonly attempts: number;
}

export interface ConnectionStatus {
  readonly peer: PeerId;
  readonly path: ChannelPath;
  readonly transport: 'webrtc' | 'webrtc-direct' | 'websocket' | 'circuit' | 'memory' | 'other';
  readonly direction: 'inbound' | 'outbound';
  /** Multiaddr of the other end, as far as this side can tell; a circuit begins with its relay's. */
  readonly addr?: string | undefined;
}
