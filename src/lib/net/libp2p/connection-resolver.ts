import type { Connection } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { raceSignal } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { startDeadline, withTimeout } from '#lib/base/timeout.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { peerUnreachable } from '../errors.ts';
import { attempt } from './attempt.ts';
import type { OpenChannelOptions } from '../spec.ts';
import type { TabloomNode } from './node.ts';
import { pathOf, relayOf, targetOf, transportOf, webrtcAddress } from './paths.ts';
import type { Tuning } from './tuning.ts';

/**
 * Finds the connection to open a stream on: a direct one if there is one or it can be dialled in time, else a relayed
 * one while direct dialling continues for next time.
 */
export interface ConnectionResolver {
  /** @throws `peer-unreachable`. */
  connect(peer: PeerId, wish: ConnectOptions): Promise<Connection>;
}

export type ConnectOptions = Required<Pick<OpenChannelOptions, 'addrs'>> &
  Pick<OpenChannelOptions, 'directTimeoutMs'> & { readonly signal: AbortSignal };

export interface ConnectionResolverInput {
  readonly node: TabloomNode;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tuning: Tuning;
  /** Aborts when the net stops. */
  readonly lifetime: AbortSignal;
}

/** A direct connection that is being dialled. */
interface Upgrade {
  readonly sinceMs: number;
  /** Undefined where every way has failed; never rejects. */
  readonly connection: Promise<Connection | undefined>;
}

export interface RelayResolverInput extends Pick<ConnectionResolverInput, 'node' | 'clock' | 'tuning'> {
  /** Addresses of the relays this one is connected to. */
  readonly relays: () => readonly string[];
}

/** For a relay, which dials no peers: those not connected here are reached through the relays at which they are. */
export function createRelayResolver({ node, clock, tuning, relays }: RelayResolverInput): ConnectionResolver {
  return {
    async connect(peer, { addrs, signal }) {
      const connection = existingConnection(node, peer);
      if (connection) return connection;
      const known = relays();
      const offered = new Set(addrs.filter((address) => targetOf(address) === peer).map(relayOf));
      const through = known.filter((relay) => offered.has(targetOf(relay)));
      if (through.length === 0) throw peerUnreachable(peer, 'it is not connected here');
      const deadline = startDeadline(clock, tuning.streamTimeoutMs, { signal });
      try {
        const addresses = through.map((relay) => multiaddr(`${relay}/p2p-circuit/p2p/${peer}`));
        return await node.dial(addresses, { signal: deadline.signal });
      } catch (error) {
        throw peerUnreachable(peer, 'no relay reaches it', error);
      } finally {
        deadline.clear();
      }
    },
  };
}

/** The connection that would be used now, without dialling. */
export const existingConnection = (node: TabloomNode, peer: PeerId): Connection | undefined =>
  openConnection(node, peer, 'direct') ?? openConnection(node, peer, 'relayed');

const openConnection = (node: TabloomNode, peer: PeerId, path: 'direct' | 'relayed'): Connection | undefined =>
  node
    .getConnections(peerIdFromString(peer))
    .filter((connection) => connection.status === 'open' && pathOf(connection) === path)
    .at(-1);

const addressesMax = 16;
const sockets: ReadonlySet<string> = new Set(['websocket', 'other']);
/**
 * Tried last: browsers are about to stop supporting how `@libp2p/webrtc` dials it (Chrome's field trial
 * `WebRTC-NoSdpMangleUfrag`).
 */
const webrtcDirect: ReadonlySet<string> = new Set(['webrtc-direct']);
const peersRememberedMax = 1_024;

export function createConnectionResolver({
  node,
  clock,
  logger,
  tuning,
  lifetime,
}: ConnectionResolverInput): ConnectionResolver {
  const upgrades = new Map<PeerId, Upgrade>();
  const circuits = new Map<PeerId, Promise<Connection>>();
  const pausedUntilMs = new Map<PeerId, number>();

  const existing = (peer: PeerId, path: 'direct' | 'relayed') => openConnection(node, peer, path);

  const dial = async (addrs: readonly Multiaddr[], timeoutMs: number, signal: AbortSignal) => {
    const deadline = startDeadline(clock, timeoutMs, { signal });
    try {
      return await node.dial([...addrs], { signal: deadline.signal, force: true });
    } finally {
      deadline.clear();
    }
  };

  /** Relays we are already connected to come first: a circuit through one of them costs one round trip. */
  const circuitAddresses = (peer: PeerId, addrs: readonly string[]): string[] => {
    const relays = new Map<PeerId, string>();
    for (const { remoteAddr, remotePeer, status } of node.getConnections()) {
      const address = remoteAddr.toString();
      if (status !== 'open' || transportOf(address) !== 'websocket') continue;
      const relay = remotePeer.toString();
      relays.set(relay, targetOf(address) === relay ? address : `${address}/p2p/${relay}`);
    }
    const offered = addrs.filter((address) => transportOf(address) === 'circuit' && targetOf(address) === peer);
    const through = (address: string) => relays.has(relayOf(address) ?? '');
    const near = offered.filter(through).map((address) => `${relays.get(relayOf(address)!)}/p2p-circuit/p2p/${peer}`);
    const guessed = [...relays.values()].map((relay) => `${relay}/p2p-circuit/p2p/${peer}`);
    const far = offered.filter((address) => !through(address));
    return [...new Set([...near, ...(offered.length > 0 && near.length > 0 ? [] : guessed), ...far])];
  };

  /** One dial serves all that wait for a circuit: to carry data, or to set up a direct connection. */
  const circuit = async (peer: PeerId, addrs: readonly string[]) => {
    const known = existing(peer, 'relayed');
    if (known) return known;
    const running = circuits.get(peer);
    if (running) return running;
    const addresses = parse(circuitAddresses(peer, addrs));
    if (addresses.length === 0) return undefined;
    const started = dial(addresses, tuning.streamTimeoutMs, lifetime).finally(() => circuits.delete(peer));
    circuits.set(peer, started);
    return started;
  };

  const tryDirect = async (
    peer: PeerId,
    addresses: readonly Multiaddr[],
    tries: readonly number[],
  ): Promise<Connection | undefined> => {
    for (const [i, timeoutMs] of tries.entries()) {
      const known = existing(peer, 'direct');
      if (known || lifetime.aborted) return known;
      const startMs = clock.elapsed();
      const dialled = await attempt(() => dial(addresses, timeoutMs, lifetime));
      const facts = { try: i + 1, ms: Math.round(clock.elapsed() - startMs) };
      if (dialled.type === 'done') {
        logger.info('direct-dial', { outcome: 'connected', ...facts });
        return dialled.value;
      }
      logger.info('direct-dial', { outcome: 'failed', ...facts, reason: dialled.reason });
    }
    return undefined;
  };

  const tryPlain = async (peer: PeerId, addrs: readonly string[], wanted: ReadonlySet<string>) => {
    const named = addrs.filter((address) => wanted.has(transportOf(address)) && targetOf(address) === peer);
    const dialable = await filterAsync(parse(named), (address) => node.isDialable(address));
    return dialable.length > 0 ? tryDirect(peer, dialable, tuning.directTryTimeoutsMs.slice(0, 1)) : undefined;
  };

  const trySignalled = async (peer: PeerId, addrs: readonly string[]) => {
    const relayed = await circuit(peer, addrs).catch(() => undefined);
    if (!relayed) return undefined;
    const signalled = multiaddr(webrtcAddress(relayed.remoteAddr.toString()));
    if (!(await node.isDialable(signalled))) return undefined;
    return tryDirect(peer, [signalled], tuning.directTryTimeoutsMs);
  };

  const upgrade = async (peer: PeerId, addrs: readonly string[]): Promise<Connection | undefined> =>
    (await tryPlain(peer, addrs, sockets)) ??
    (await trySignalled(peer, addrs)) ??
    (await tryPlain(peer, addrs, webrtcDirect));

  const upgradeOnce = (peer: PeerId, addrs: readonly string[]): Upgrade => {
    const running = upgrades.get(peer);
    if (running) return running;
    const sinceMs = clock.elapsed();
    const connection = upgrade(peer, addrs)
      .catch(() => undefined)
      .then((direct) => {
        upgrades.delete(peer);
        if (direct) pausedUntilMs.delete(peer);
        else pausedUntilMs.set(peer, clock.elapsed() + tuning.directPauseMs);
        if (pausedUntilMs.size > peersRememberedMax) pausedUntilMs.delete(pausedUntilMs.keys().next().value!);
        return direct;
      });
    const started: Upgrade = { sinceMs, connection };
    upgrades.set(peer, started);
    return started;
  };

  return {
    async connect(peer, { addrs, signal, directTimeoutMs = tuning.directTimeoutMs }) {
      const direct = existing(peer, 'direct');
      if (direct) return direct;
      const known = addrs.slice(0, addressesMax);
      const due = (pausedUntilMs.get(peer) ?? 0) <= clock.elapsed();
      const relayedBefore = existing(peer, 'relayed');
      // If direct dialling failed before, use the relayed connection at once and retry in the background.
      if (due && relayedBefore && pausedUntilMs.has(peer)) {
        void upgradeOnce(peer, known);
        return relayedBefore;
      }
      const upgrading = due ? upgradeOnce(peer, known) : undefined;
      /** Counted from the first dial: who prepared for a question has waited already. */
      const upgraded = async (afterMs: number) => {
        if (!upgrading) return undefined;
        const leftMs = Math.max(0, upgrading.sinceMs + afterMs - clock.elapsed());
        return withTimeout(upgrading.connection, clock, leftMs, { signal }).catch(() => undefined);
      };
      const first = await upgraded(directTimeoutMs);
      if (first) return first;
      let reason = 'none of its addresses is known';
      let cause: unknown;
      try {
        const relayed = await raceSignal(circuit(peer, known), signal);
        if (relayed) return relayed;
      } catch (error) {
        reason = 'no relay reaches it';
        cause = error;
      }
      const late = await upgraded(tuning.unrelayedTimeoutMs);
      if (late) return late;
      throw peerUnreachable(peer, reason, cause);
    },
  };
}

function parse(addresses: readonly string[]): Multiaddr[] {
  return addresses.flatMap((address) => {
    try {
      return [multiaddr(address)];
    } catch {
      return [];
    }
  });
}

async function filterAsync<T>(values: readonly T[], keep: (value: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(values.map(keep));
  return values.filter((_, i) => kept[i]);
}
