import { raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createDenyList } from '../deny-list.ts';
import { channelLost, messageTooLarge, netOffline, peerUnreachable, protocolUnknown } from '../errors.ts';
import { runHandler } from '../run-handler.ts';
import { createChannelPair, type PairEnd } from '../pair.ts';
import type { ChannelHandler, Net, NetStatus, Subscription } from '../spec.ts';
import { deliverMessage, publishTo } from './gossip.fixture.ts';
import type { MemoryNetworkContext } from '../memory.fixture.ts';
import { createLink } from './link-conditions.fixture.ts';

/** The identity: the seed of an Ed25519 key (32 bytes), or just a peer id if no key is needed. */
export type MemoryNetInput = ({ readonly seed: Uint8Array } | { readonly peer: PeerId }) & {
  /** The multiaddr under which others see its connections; none by default. */
  readonly addr?: string | undefined;
};

/** A net as seen by the other nets of its network. */
export interface MemoryPeer {
  readonly channelCount: number;
  readonly addr: string | undefined;
  handler(protocol: string): ChannelHandler | undefined;
  adopt(end: PairEnd): void;
  receive(topic: string, message: Uint8Array, from: PeerId): void;
  refuses(peer: PeerId): boolean;
  dropChannels(remote: PeerId): void;
  die(): void;
}

export function createMemoryNet(context: MemoryNetworkContext, input: MemoryNetInput): Net {
  const self = 'seed' in input ? createSigner(input.seed).peer : input.peer;
  const { clock, random, partitions } = context;
  const handlers = new Map<string, ChannelHandler>();
  const topics = new Map<string, Set<Subscription>>();
  const channels = new Map<PairEnd, 'inbound' | 'outbound'>();
  const denied = createDenyList(clock);
  const statusChanged = createEmitter<NetStatus>();
  const peerGone = createEmitter<PeerId>();
  let started = false;

  const status = (): NetStatus => ({
    state: started ? 'online' : 'stopped',
    relays: [],
    connections: [...channels].map(([{ remote, path }, direction]) => ({
      peer: remote,
      path,
      transport: 'memory',
      direction,
      addr: context.peers.get(remote)?.addr,
    })),
  });
  const track = (end: PairEnd, direction: 'inbound' | 'outbound') => {
    channels.set(end, direction);
    statusChanged.emit(status());
    end.closed.addEventListener('abort', () => {
      channels.delete(end);
      statusChanged.emit(status());
      const { remote } = end;
      if (!context.peers.has(remote) && ![...channels.keys()].some((other) => other.remote === remote)) {
        peerGone.emit(remote);
      }
    });
  };
  const leave = (end: (channel: PairEnd) => void) => {
    if (context.peers.get(self) === me) context.peers.delete(self);
    for (const channel of channels.keys()) end(channel);
    started = false;
    statusChanged.emit(status());
  };
  const me: MemoryPeer = {
    addr: input.addr,
    get channelCount() {
      return channels.size;
    },
    handler: (protocol) => handlers.get(protocol),
    adopt: (end) => track(end, 'inbound'),
    receive: (topic, message, from) => {
      const route = { source: from, connected: true, address: context.peers.get(from)?.addr };
      deliverMessage(topics.get(topic) ?? [], denied, message, route);
    },
    refuses: (peer) => denied.denies(peer),
    dropChannels: (remote) => {
      for (const channel of channels.keys()) {
        if (channel.remote === remote) channel.abort(channelLost('The connection was dropped.'));
      }
    },
    die: () => leave((channel) => channel.abort(netOffline('This peer was killed.'))),
  };
  const requirePeer = (peer: PeerId): MemoryPeer => {
    const target = peer === self ? me : context.peers.get(peer);
    if (!started) throw netOffline();
    if (!target) throw peerUnreachable(peer, 'no such peer');
    if (partitions.isPartitioned(self, peer)) throw peerUnreachable(peer, 'no answer');
    return target;
  };

  return {
    self,
    async start() {
      if (started) return;
      started = true;
      context.peers.set(self, me);
      statusChanged.emit(status());
    },
    async stop() {
      if (started) leave((channel) => channel.abort(netOffline('This side has stopped.')));
    },
    async publish(topic, message, { signal } = {}) {
      throwIfAborted(signal);
      if (!started) throw netOffline();
      if (message.length > limits.gossipBytesMax) throw messageTooLarge(message.length);
      publishTo(context, self, topic, message);
    },
    subscribe(topic, subscription) {
      const own = topics.get(topic) ?? new Set();
      topics.set(topic, own.add(subscription));
      return () => own.delete(subscription);
    },
    handle(protocol, handler) {
      handlers.set(protocol, handler);
      return () => handlers.delete(protocol);
    },
    async open(peer, protocol, { signal } = {}) {
      throwIfAborted(signal);
      requirePeer(peer);
      const conditions = () => context.conditions(self, peer);
      const handshakeMs = peer === self ? 0 : 2 * conditions().latencyMs;
      if (handshakeMs > 0) await clock.delay(handshakeMs, { signal });
      const target = requirePeer(peer);
      if (conditions().openFailure > 0 && random.float() < conditions().openFailure)
        throw peerUnreachable(peer, 'dropped by the link conditions');
      if (target.refuses(self)) throw peerUnreachable(peer, 'it refuses this peer');
      const handler = target.handler(protocol);
      if (!handler) throw protocolUnknown(peer, protocol);
      const loop = peer === self;
      const { near, far } = createChannelPair({
        near: self,
        far: peer,
        path: loop ? 'loopback' : conditions().path,
        handsValues: loop,
        nearAddress: loop ? undefined : input.addr,
        farAddress: loop ? undefined : target.addr,
        ...(loop
          ? {}
          : {
              toFar: createLink(context, self, peer, conditions),
              toNear: createLink(context, peer, self, conditions),
            }),
      });
      track(near, 'outbound');
      target.adopt(far);
      runHandler(handler, far, clock);
      return near;
    },
    async prepare() {},
    async ping(peer, { signal } = {}) {
      throwIfAborted(signal);
      requirePeer(peer);
      const startMs = clock.elapsed();
      const { latencyMs } = context.conditions(self, peer);
      if (latencyMs > 0 && peer !== self) await raceSignal(clock.delay(2 * latencyMs), signal);
      requirePeer(peer);
      return clock.elapsed() - startMs;
    },
    addresses: () => (started ? [`/memory/${self}`] : []),
    status,
    onStatus: statusChanged.listen,
    onPeerGone: peerGone.listen,
  };
}
