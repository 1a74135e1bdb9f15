import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { abortError, raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { errorCode, TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { createDenyList } from '../deny-list.ts';
import { channelLost, netOffline, peerUnreachable, protocolUnknown } from '../errors.ts';
import { serveChannel } from '../handlers.ts';
import { createChannelPair } from '../pair.ts';
import type { Channel, ChannelHandler, Net, NetStatus, RelayStatus } from '../spec.ts';
import { createStreamChannel } from './channel.ts';
import { after } from './deadline.ts';
import { dropConnection } from './drop.ts';
import { createGate } from './gate.ts';
import { createGossip } from './gossip.ts';
import { createNode, type NodeInput, type TabloomNode } from './node.ts';
import { connectionStatus } from './paths.ts';
import { pingConnection } from './ping.ts';
import { createOutgoing } from './outgoing.ts';
import { createReach, type Reach } from './reach.ts';
import { overallState } from './state.ts';
import type { Tuning } from './tuning.ts';

/** What the tab, the native peer and the relay have in common: the {@link Net} port over one js-libp2p node. */
export interface NetOverInput extends Omit<NodeInput, 'gater'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tuning: Tuning;
  readonly insecureDial: 'allow' | 'refuse';
  readonly relays: () => readonly RelayStatus[];
  /** Runs once the node has started. `life` aborts when it stops. */
  readonly onStart: (running: RunningNode) => void | Promise<void>;
  readonly gate?: Partial<NodeInput['gater']>;
}

export interface RunningNode {
  readonly node: TabloomNode;
  readonly life: AbortSignal;
  /** To be called when what `relays` tells has changed. */
  readonly changed: () => void;
}

interface Running {
  readonly node: TabloomNode;
  readonly reach: Reach;
  readonly life: AbortController;
  readonly channels: Set<Channel>;
}

export function createNetOver(input: NetOverInput): Net {
  const { clock, random, logger, tuning } = input;
  const self = createSigner(input.seed).peer;
  const handlers = new Map<string, ChannelHandler>();
  const denied = createDenyList(clock);
  const outgoing = createOutgoing(tuning.streamsOutPerProtocolMax);
  const statusChanged = createEmitter<NetStatus>();
  const gossip = createGossip({ clock, tuning, onReject: (peer) => onReject(peer) });
  let running: Running | undefined;
  let changing: Promise<void> = Promise.resolve();
  let announcing = false;

  const status = (): NetStatus => {
    const relays = input.relays();
    return {
      state: overallState(running ? input.role : 'stopped', relays),
      relays,
      connections: running?.node.getConnections().map(connectionStatus) ?? [],
    };
  };
  const changed = () => {
    if (announcing) return;
    announcing = true;
    queueMicrotask(() => {
      announcing = false;
      statusChanged.emit(status());
    });
  };
  const onReject = (peer: PeerId) => {
    if (input.relays().some((relay) => relay.peer === peer) || !denied.reject(peer)) return;
    logger.warn('peer-denied', { peer });
    running?.node.hangUp(peerIdFromString(peer)).catch(() => undefined);
  };
  const inTurn = (step: () => Promise<void>): Promise<void> => {
    const turn = changing.then(step);
    changing = turn.catch(() => undefined);
    return turn;
  };
  const track = ({ channels }: Running, channel: Channel) => {
    channels.add(channel);
    channel.closed.addEventListener('abort', () => channels.delete(channel), { once: true });
    return channel;
  };
  const register = async (on: Running, protocol: string, handler: ChannelHandler) => {
    await on.node.handle(
      protocol,
      (stream, connection) => serveChannel(handler, track(on, createStreamChannel(stream, connection, clock)), clock),
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
    const node = await createNode({ ...input, gater: { ...createGate(denied, input.insecureDial), ...input.gate } });
    const life = new AbortController();
    const reach = createReach({ node, clock, logger, tuning, life: life.signal });
    const started: Running = { node, reach, life, channels: new Set() };
    for (const [protocol, handler] of handlers) await register(started, protocol, handler);
    for (const event of ['connection:open', 'connection:close', 'self:peer:update'] as const)
      node.addEventListener(event, changed);
    await node.start();
    running = started;
    gossip.attach(node);
    try {
      await input.onStart({ node, life: life.signal, changed });
    } catch (error) {
      await stop();
      throw error;
    }
    changed();
  };
  const stop = async () => {
    if (!running) return;
    const { node, life, channels } = running;
    running = undefined;
    life.abort(netOffline('The network has been stopped.'));
    for (const channel of channels) channel.abort(netOffline('The network has been stopped.'));
    await node.stop();
    statusChanged.emit(status());
  };
  const assertRunning = (): Running => {
    if (!running) throw netOffline();
    return running;
  };

  const openLoop = (protocol: string): Channel => {
    const handler = handlers.get(protocol);
    if (!handler) throw protocolUnknown(self, protocol);
    const { near, far } = createChannelPair({ near: self, far: self, path: 'loopback' });
    const on = assertRunning();
    serveChannel(handler, track(on, far), clock);
    return track(on, near);
  };
  const openStream = async (peer: PeerId, protocol: string, addrs: readonly string[], signal: AbortSignal) => {
    const on = assertRunning();
    const free = outgoing.take(peer, protocol);
    let deadline: ReturnType<typeof after> | undefined;
    let connection: Connection | undefined;
    try {
      connection = await on.reach.connect(peer, addrs, signal);
      deadline = after(clock, tuning.streamTimeoutMs, signal);
      const stream = await connection.newStream(protocol, {
        signal: deadline.signal,
        runOnLimitedConnection: true,
        maxOutboundStreams: tuning.streamsPerProtocolMax,
      });
      const channel = createStreamChannel(stream, connection, clock);
      // By then the other side counts it no more either.
      if (stream.status === 'open') stream.addEventListener('close', free, { once: true });
      else free();
      return track(on, channel);
    } catch (error) {
      free();
      if (!connection || !deadline) throw error;
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') throw protocolUnknown(peer, protocol);
      throwIfAborted(signal);
      // A connection that gives no stream is dead or as good as dead; the next attempt shall not find it again.
      if (connection.status === 'open' && deadline.signal.aborted)
        await dropConnection(connection, channelLost(error), clock);
      throw peerUnreachable(peer, 'its connection gave no stream', error);
    } finally {
      deadline?.clear();
    }
  };
  const openTwice = async (peer: PeerId, protocol: string, addrs: readonly string[], signal: AbortSignal) => {
    try {
      return await openStream(peer, protocol, addrs, signal);
    } catch (error) {
      throwIfAborted(signal);
      const stale = error instanceof TabloomError && error.details['reason'] === 'its connection gave no stream';
      if (!stale) throw error;
      return openStream(peer, protocol, addrs, signal);
    }
  };

  return {
    self,
    start: () => inTurn(start),
    stop: () => inTurn(stop),
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
    async open(peer, protocol, { addrs = [], signal } = {}) {
      throwIfAborted(signal);
      const { life } = assertRunning();
      if (peer === self) return openLoop(protocol);
      if (denied.denies(peer)) throw peerUnreachable(peer, 'its messages were rejected too often');
      const either = signal ? AbortSignal.any([life.signal, signal]) : life.signal;
      try {
        const opening = openTwice(peer, protocol, addrs, either);
        // Given up in the moment it opened: nobody else would end it.
        opening.then(
          (channel) => either.aborted && channel.abort(channelLost()),
          () => undefined,
        );
        return await raceSignal(opening, either);
      } catch (error) {
        if (either.aborted) throw abortError(either);
        throw errorCode(error) === 'internal' ? peerUnreachable(peer, 'the connection failed', error) : error;
      }
    },
    async ping(peer, { signal } = {}) {
      throwIfAborted(signal);
      const { node, life } = assertRunning();
      if (peer === self) return 0;
      const connection = node
        .getConnections(peerIdFromString(peer))
        .toSorted((a, b) => Number(a.limits !== undefined) - Number(b.limits !== undefined))
        .find(({ status }) => status === 'open');
      if (!connection) throw peerUnreachable(peer, 'there is no connection to it');
      const deadline = after(clock, tuning.streamTimeoutMs, life.signal, signal);
      try {
        return await pingConnection(connection, { clock, random }, deadline.signal);
      } catch (error) {
        throwIfAborted(signal);
        throw peerUnreachable(peer, 'it does not answer a ping', error);
      } finally {
        deadline.clear();
      }
    },
    addresses: () => running?.node.getMultiaddrs().map(String) ?? [],
    status,
    onStatus: statusChanged.listen,
  };
}
