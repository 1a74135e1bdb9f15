import type { AbortOptions } from '#lib/base/abort.ts';
import type { Startable } from '#lib/base/startable.ts';
import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * How bytes travel. Types only; `net/libp2p` and `net/memory` implement it and both run `tests/compliance/net.ts`.
 * Error codes: `peer-unreachable`, `channel-lost`, `frame-too-large`, `net-offline`, `aborted`.
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
   * @throws `peer-unreachable` when no address answers.
   */
  open(peer: PeerId, protocol: string, options?: OpenOptions): Promise<Channel>;

  /** Round trip to a connected peer in milliseconds. @throws `peer-unreachable`. */
  ping(peer: PeerId, options?: AbortOptions): Promise<number>;

  /** Addresses others can dial, to be put into offers. */
  addresses(): readonly string[];
  status(): NetStatus;
  /** Hears changes of {@link NetStatus}. Returns the end of it. */
  onStatus(listener: (status: NetStatus) => void): () => void;
}

export interface Subscription {
  readonly validate: (message: Uint8Array, from: PeerId) => 'accept' | 'ignore' | 'reject';
  readonly deliver: (message: Uint8Array, from: PeerId) => void;
}

export type ChannelHandler = (channel: Channel) => Promise<void>;

export interface OpenOptions extends AbortOptions {
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
  /** Waits while the transport is full. @throws `channel-lost`, `frame-too-large`. */
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
}
