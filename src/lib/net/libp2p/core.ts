import { peerIdFromString } from '@libp2p/peer-id';
import { abortError, anySignal, raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { createMutex } from '#lib/base/mutex.ts';
import type { Random } from '#lib/base/random.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { createDenyList } from '../deny-list.ts';
import { channelLost, netOffline, peerUnreachable, protocolUnknown } from '../errors.ts';
import { runHandler } from '../run-handler.ts';
import { createLocalNets, localStatus, type LocalNet, type LocalNets } from '../local.ts';
import { createChannelPair } from '../pair.ts';
import type { Channel, ChannelHandler, Net, NetStatus, RelayStatus } from '../spec.ts';
import { createStreamChannel } from './channel.ts';
import { followConnections, type Connections } from './connections.ts';
import { createConnectionGater, combineGaters, type DialPolicy } from './connection-gater.ts';
import { createGossip } from './gossip.ts';
import { createLastSeen } from './last-seen.ts';
import { createLibp2pNode, type NodeInput, type TabloomNode } from './node.ts';
import { comparePaths } from './paths.ts';
import { pingConnection } from './ping-connection.ts';
import { dropSilent } from './silence.ts';
import { createStreamPermits } from './stream-permits.ts';
import {
  createConnectionResolver,
  createRelayResolver,
  existingConnection,
  type ConnectOptions,
} from './connection-resolver.ts';
import { createStreamPool, type StreamPool } from './stream-pool.ts';
import { overallState } from './state.ts';
import { createStreams } from './streams.ts';
import type { Tuning } from './tuning.ts';

/** Shared by the tab, the native peer and the relay: the {@link Net} port over one js-libp2p node. */
export interface NetFromInput extends Omit<NodeInput, 'gater'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tuning: Tuning;
  readonly dialling: DialPolicy;
  readonly relays: () => readonly RelayStatus[];
  /**
   * Whether one of this node's own addresses has been verified. Unverified ones are not announced. By default all are.
   */
  readonly isVerified?: (address: string) => boolean;
  /** The other nets of this process, which are reached in memory; none by default. */
  readonly local?: LocalNets | undefined;
  /** Called once the node has started; its `lifetime` aborts when the node stops. */
  readonly onStart: (running: RunningNode) => void | Promise<void>;
  /** Additional denials. */
  readonly gate?: NodeInput['gater'];
}

export interface RunningNode {
  readonly node: TabloomNode;
  readonly lifetime: AbortSignal;
  /** To be called when the result of `relays` has changed. */
  readonly changed: () => void;
}

interface Running {
  readonly node: TabloomNode;
  readonly connections: Connections;
  readonly reserve: StreamPool;
  readonly lifetime: AbortController;
  readonly channels: Set<Channel>;
}

export function createNetFrom(input: NetFromInput): Net {
  const { clock, random, logger, tuning, local = createLocalNets(), isVerified = () => true } = input;
  const self = createSigner(input.seed).peer;
  const handlers = new Map<string, ChannelHandler>();
  const denied = createDenyList(clock);
  const permits = createStreamPermits(tuning.streamsOutPerProtocolMax);
  const lastSeen = createLastSeen(clock);
  const statusChanged = createEmitter<NetStatus>();
  const peerGone = createEmitter<PeerId>();
  const isRelay = input.role === 'relay';
  const gossip = createGossip({
    self,
    topics: input.topics,
    local,
    clock,
    tuning,
    onReject: (peer) => onReject(peer),
    // A relay announces nothing, and has thousands of neighbours.
    onSubscriber: isRelay ? undefined : () => changed(),
  });
  let running: Running | undefined;
  const lifecycle = createMutex();
  let announcing = false;

  const status = (): NetStatus => {
    const relays = input.relays().map((relay): RelayStatus => {
      return isRelay || relay.peer === undefined ? relay : { ...relay, topics: gossip.topicsOf(relay.peer) };
    });
    return {
      state: overallState(running ? input.role : 'stopped', relays),
      relays,
      connections: running ? [...running.connections.statuses(), ...local.others(self).map(localStatus)] : [],
    };
  };
  const connectedRelays = () => input.relays().flatMap(({ addr, state }) => (state === 'connected' ? [addr] : []));
  /** A closed socket does not mean that a net of this process is gone. */
  const onGone = (peer: PeerId) => {
    if (!local.get(peer)) peerGone.emit(peer);
  };
  const changed = () => {
    if (announcing) return;
    announcing = true;
    const turn = tuning.statusGapMs > 0 ? clock.delay(tuning.statusGapMs) : Promise.resolve();
    void turn.then(() => {
      announcing = false;
      statusChanged.emit(status());
    });
  };
  const onReject = (peer: PeerId) => {
    if (input.relays().some((relay) => relay.peer === peer) || !denied.reject(peer)) return;
    logger.warn('peer-denied', { peer });
    running?.node.hangUp(peerIdFromString(peer)).catch(() => undefined);
  };
  const track = ({ channels }: Pick<Running, 'channels'>, channel: Channel) => {
    channels.add(channel);
    channel.closed.addEventListener('abort', () => channels.delete(channel), { once: true });
    return channel;
  };
  const register = async (on: Running, protocol: string, handler: ChannelHandler) => {
    await on.node.handle(
      protocol,
      (stream, connection) => {
        const channel = createStreamChannel(stream, connection, clock, () => lastSeen.markSeen(connection));
        runHandler(handler, track(on, channel), clock);
      },
      {
        runOnLimitedConnection: true,
        maxInboundStreams: tuning.streamsPerProtocolMax,
        maxOutboundStreams: tuning.streamsPerProtocolMax,
        force: true,
      },
    );
  };

  const start = async () => {
    if (running) return;
    const node = await createLibp2pNode({
      ...input,
      gater: combineGaters(createConnectionGater(denied, input.dialling), input.gate),
    });
    const lifetime = new AbortController();
    const channels = new Set<Channel>();
    const connections = followConnections(node, { onChange: changed, onGone });
    dropSilent({ node, lastSeen, clock, random, logger, tuning, lifetime: lifetime.signal });
    const resolver = isRelay
      ? createRelayResolver({ node, clock, tuning, relays: connectedRelays })
      : createConnectionResolver({ node, clock, logger, tuning, lifetime: lifetime.signal });
    const streams = createStreams({ resolver, permits, lastSeen, clock, tuning });
    const reserve = createStreamPool({
      streams: {
        async open(...wished) {
          const opened = await streams.open(...wished);
          track({ channels }, opened.channel);
          return opened;
        },
      },
      clock,
      isBest: ({ channel, connection }) => existingConnection(node, channel.remote) === connection,
      lifetime: lifetime.signal,
    });
    const endListening = local.onChange(({ type, peer }) => {
      if (type === 'left' && node.getConnections(peerIdFromString(peer)).length === 0) peerGone.emit(peer);
      changed();
    });
    lifetime.signal.addEventListener('abort', endListening, { once: true });
    const started: Running = { node, connections, reserve, lifetime, channels };
    for (const [protocol, handler] of handlers) await register(started, protocol, handler);
    node.addEventListener('self:peer:update', changed);
    await node.start();
    running = started;
    gossip.attach(node);
    lifetime.signal.addEventListener('abort', local.join(me), { once: true });
    try {
      await input.onStart({ node, lifetime: lifetime.signal, changed });
    } catch (error) {
      await stop();
      throw error;
    }
    changed();
  };
  const stop = async () => {
    if (!running) return;
    const { node, lifetime, channels } = running;
    running = undefined;
    lifetime.abort(netOffline('The network has been stopped.'));
    for (const channel of channels) channel.abort(netOffline('The network has been stopped.'));
    await node.stop();
    statusChanged.emit(status());
  };
  const assertRunning = (): Running => {
    if (!running) throw netOffline();
    return running;
  };

  const me: LocalNet = {
    self,
    accept(from, protocol) {
      const handler = handlers.get(protocol);
      if (!handler) throw protocolUnknown(self, protocol);
      const { near, far } = createChannelPair({ near: from, far: self, path: 'loopback', handsValues: true });
      runHandler(handler, track(assertRunning(), far), clock);
      return near;
    },
    receive: gossip.receiveLocal,
  };
  const inProcess = (peer: PeerId) => (peer === self ? me : local.get(peer));
  const openLocal = async (target: LocalNet, protocol: string, signal: AbortSignal | undefined) => {
    // Even an immediate opening can be cancelled.
    await Promise.resolve();
    throwIfAborted(signal);
    return track(assertRunning(), target.accept(self, protocol));
  };
  /**
   * Bounded by the signal and the lifetime of this net. A channel that opens just as the caller gives up is dropped.
   */
  const open = async (peer: PeerId, protocol: string, options: ConnectOptions) => {
    const { signal } = options;
    const opening = assertRunning().reserve.open(peer, protocol, options);
    opening.then(
      (channel) => signal.aborted && channel.abort(channelLost()),
      () => undefined,
    );
    try {
      return await raceSignal(opening, signal);
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      throw errorCode(error) === 'internal' ? peerUnreachable(peer, 'the connection failed', error) : error;
    }
  };

  return {
    self,
    start: () => lifecycle.run(start),
    stop: () => lifecycle.run(stop),
    async publish(topic, message, options = {}) {
      throwIfAborted(options.signal);
      await gossip.publish(assertRunning().node, topic, message, options);
    },
    subscribe: gossip.subscribe,
    handle(protocol, handler) {
      handlers.set(protocol, handler);
      if (running) register(running, protocol, handler).catch(() => undefined);
      return () => {
        if (handlers.get(protocol) !== handler) return;
        handlers.delete(protocol);
        running?.node.unhandle(protocol).catch(() => undefined);
      };
    },
    async open(peer, protocol, { addrs = [], signal, directTimeoutMs } = {}) {
      throwIfAborted(signal);
      const { lifetime } = assertRunning();
      const target = inProcess(peer);
      if (target) return openLocal(target, protocol, signal);
      if (denied.denies(peer)) throw peerUnreachable(peer, 'its messages were rejected too often');
      return open(peer, protocol, { addrs, directTimeoutMs, signal: anySignal([lifetime.signal, signal]) });
    },
    async prepare(peer, protocol, { addrs = [], signal, directTimeoutMs } = {}) {
      if (!running || inProcess(peer) || denied.denies(peer)) return;
      const within = anySignal([running.lifetime.signal, signal]);
      await running.reserve.prepare(peer, protocol, { addrs, directTimeoutMs, signal: within });
    },
    async ping(peer, { signal } = {}) {
      throwIfAborted(signal);
      const { node, lifetime } = assertRunning();
      if (inProcess(peer)) return 0;
      const connection = node
        .getConnections(peerIdFromString(peer))
        .toSorted((a, b) => Number(a.limits !== undefined) - Number(b.limits !== undefined))
        .find(({ status }) => status === 'open');
      if (!connection) throw peerUnreachable(peer, 'there is no connection to it');
      const deadline = startDeadline(clock, tuning.streamTimeoutMs, { signal: anySignal([lifetime.signal, signal]) });
      try {
        return await pingConnection(connection, { clock, random }, deadline.signal);
      } catch (error) {
        throwIfAborted(signal);
        throw peerUnreachable(peer, 'it did not answer a ping', error);
      } finally {
        deadline.clear();
      }
    },
    addresses: () => running?.node.getMultiaddrs().map(String).filter(isVerified).toSorted(comparePaths) ?? [],
    status,
    onStatus: statusChanged.listen,
    onPeerGone: peerGone.listen,
  };
}
