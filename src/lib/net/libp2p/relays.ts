import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { RelayStatus } from '../spec.ts';
import { attempt, reasonOf } from './attempt.ts';
import type { CircuitCheck } from './circuit-check.ts';
import { channelLost } from '../errors.ts';
import { dropConnection } from './drop-connection.ts';
import type { TabloomNode } from './node.ts';
import { relayOf, targetOf } from './paths.ts';
import { probe } from './probe.ts';
import type { Tuning } from './tuning.ts';

/** Returns the relays' addresses. Called before every attempt, since a relay may come back with a different key. */
export type RelaySource = () => Promise<readonly string[]> | readonly string[];

export interface RelaysInput {
  readonly node: TabloomNode;
  readonly source: RelaySource;
  readonly check: CircuitCheck;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tuning: Tuning;
  readonly lifetime: AbortSignal;
  readonly onChange: () => void;
}

export interface Relays {
  status(): readonly RelayStatus[];
  /**
   * Whether an address of ours has been verified to lead here. One through a relay is verified once a circuit has
   * arrived that way.
   */
  isVerified(address: string): boolean;
  /** To be called when the machine comes online or wakes up: ends every back-off and pings each relay. */
  wake(): void;
}

const relaysMax = 4;
const steadyMs = 3_000;

/**
 * Maintains a connection to each relay. js-libp2p gives up after a few attempts and never restores a static listen
 * address, so this loop keeps redialling, with exponential back-off up to a limit.
 */
export function keepRelays(input: RelaysInput): Relays {
  const { node, clock, random, tuning, lifetime } = input;
  const statuses = new Map<string, RelayStatus>();
  const connections = new Map<string, Connection>();
  /** Relays through which this peer has been reached on the current connection. */
  const verified = new Set<string | undefined>();
  const verifying = new Set<Connection>();
  /** Stops maintaining a relay that the source no longer lists. */
  const kept = new Map<string, AbortController>();
  let wakeSignal = new AbortController();

  const set = (addr: string, change: Partial<RelayStatus>) => {
    const before = statuses.get(addr) ?? { peer: targetOf(addr), addr, state: 'connecting', attempts: 0 };
    statuses.set(addr, { ...before, reason: undefined, ...change });
    input.onChange();
  };
  const refreshReservations = () => {
    const reserved = new Set(node.getMultiaddrs().map((address) => relayOf(address.toString())));
    for (const [addr, { state, peer }] of statuses) {
      if (state === 'connected' && reserved.has(peer)) {
        if (verified.has(peer)) set(addr, { state: 'reserved' });
        else void verify(addr);
      }
      if (state === 'reserved' && !reserved.has(peer)) {
        verified.delete(peer);
        set(addr, { state: 'connected', reason: 'The relay has dropped the reservation.' });
      }
    }
  };
  /** A reservation that does not work is worse than none: reconnect and make a new one. */
  const verify = async (addr: string) => {
    const connection = connections.get(addr);
    if (!connection || verifying.has(connection)) return;
    verifying.add(connection);
    // Try twice: this process may have been too busy to see the first one arrive.
    const reached =
      (await input.check.reaches(connection, lifetime)) || (await input.check.reaches(connection, lifetime));
    verifying.delete(connection);
    if (lifetime.aborted || connections.get(addr) !== connection || connection.status !== 'open') return;
    if (reached) {
      verified.add(targetOf(addr));
      return refreshReservations();
    }
    verified.delete(targetOf(addr));
    set(addr, { state: 'connected', reason: 'Other peers cannot reach this one through the relay. Reconnecting.' });
    input.logger.warn('relay-unreachable-through', { addr });
    await dropConnection(connection, channelLost(), clock);
  };
  const verifyPeriodically = async (addr: string, connection: Connection, ended: AbortSignal) => {
    while (!ended.aborted && connection.status === 'open') {
      await clock.delay(tuning.circuitCheckMs * (0.75 + random.float() / 2), { signal: ended });
      if (statuses.get(addr)?.state === 'reserved' && connection.status === 'open') await verify(addr);
    }
  };
  const pause = async (ms: number, ended: AbortSignal) => {
    wakeSignal = wakeSignal.signal.aborted ? new AbortController() : wakeSignal;
    await clock.delay(ms, { signal: AbortSignal.any([ended, wakeSignal.signal]) }).catch(() => undefined);
  };
  const backoffMs = (failures: number) => {
    const fullMs = Math.min(tuning.reconnectMaxMs, tuning.reconnectMinMs * 2 ** Math.min(failures, 16));
    return fullMs * (0.5 + random.float() / 2);
  };

  /** The transport makes the first reservation on its own. Running identify again makes it retry. */
  const askForReservation = async (addr: string, connection: Connection, ended: AbortSignal) => {
    while (!ended.aborted && connection.status === 'open') {
      await clock.delay(tuning.reservationRetryMs, { signal: ended });
      if (statuses.get(addr)?.state !== 'connected' || connection.status !== 'open') continue;
      if (verifying.has(connection)) continue;
      set(addr, {
        state: 'connected',
        reason: 'The relay granted no reservation yet, so other peers cannot reach this one.',
      });
      await attempt(() => node.services.identify.identify(connection));
    }
  };

  /** Maintains one relay until the source no longer lists it. */
  const keep = async (addr: string, ended: AbortSignal) => {
    for (let failures = 0; !ended.aborted;) {
      set(addr, { state: 'connecting', attempts: (statuses.get(addr)?.attempts ?? 0) + 1 });
      const dialled = await attempt(() => dialRelay(node, addr, clock, tuning, ended));
      if (ended.aborted) return;
      if (dialled.type === 'failed') {
        failures++;
        set(addr, { state: 'lost', reason: `The relay does not respond (${dialled.reason}).` });
      } else {
        const sinceMs = clock.elapsed();
        connections.set(addr, dialled.value);
        set(addr, { state: 'connected', attempts: 0 });
        refreshReservations();
        input.logger.info('relay-connected', { addr });
        askForReservation(addr, dialled.value, ended).catch(() => undefined);
        verifyPeriodically(addr, dialled.value, ended).catch(() => undefined);
        await untilClosed(dialled.value, ended);
        if (ended.aborted) return;
        connections.delete(addr);
        // A relay that disconnects at once, or through which this peer is unreachable, counts as one that does not
        // respond.
        const wasUseful = verified.delete(targetOf(addr)) && clock.elapsed() - sinceMs >= steadyMs;
        failures = wasUseful ? 0 : failures + 1;
        set(addr, { state: 'lost', reason: 'The connection to the relay was lost.' });
        input.logger.warn('relay-lost', { addr });
      }
      await pause(backoffMs(failures), ended);
      if (!ended.aborted) await renew();
    }
  };
  /**
   * js-libp2p looks for relays among known peers and would reconnect at once, so remove it from the peer store first.
   */
  const forget = async (connection: Connection) => {
    await node.peerStore.delete(connection.remotePeer);
    await dropConnection(connection, channelLost(), clock);
  };
  /** Closes the connection too, unless the same relay is still listed under another address. */
  const release = (addr: string, named: readonly string[]) => {
    kept.get(addr)?.abort();
    kept.delete(addr);
    statuses.delete(addr);
    const connection = connections.get(addr);
    connections.delete(addr);
    const elsewhere = named.some((other) => targetOf(other) === targetOf(addr));
    if (connection && !elsewhere) forget(connection).catch(() => undefined);
    input.onChange();
  };

  const renew = async () => {
    let addrs: readonly string[];
    try {
      addrs = (await input.source()).slice(0, relaysMax);
    } catch (error) {
      input.logger.warn('relays-unknown', { reason: reasonOf(error) });
      return;
    }
    if (addrs.length > 0) for (const addr of statuses.keys()) if (!addrs.includes(addr)) release(addr, addrs);
    for (const addr of addrs) {
      if (statuses.has(addr) || lifetime.aborted) continue;
      const named = new AbortController();
      kept.set(addr, named);
      keep(addr, AbortSignal.any([lifetime, named.signal])).catch(() => undefined);
    }
  };
  const run = async () => {
    for (let failures = 0; !lifetime.aborted && statuses.size === 0; failures++) {
      await renew();
      if (statuses.size === 0) await pause(backoffMs(failures), lifetime);
    }
  };

  // The node's own update is up to a second late; the transport's events report a reservation at once.
  for (const event of ['transport:listening', 'transport:close', 'self:peer:update'] as const)
    node.addEventListener(event, refreshReservations);
  run().catch(() => undefined);
  return {
    status: () => [...statuses.values()],
    isVerified(address) {
      const relay = relayOf(address);
      return relay === undefined || verified.has(relay);
    },
    wake() {
      wakeSignal.abort();
      // The source may name others by now.
      if (statuses.size > 0) renew().catch(() => undefined);
      for (const connection of connections.values()) probe(connection, input).catch(() => undefined);
    },
  };
}

async function dialRelay(
  node: TabloomNode,
  addr: string,
  clock: Clock,
  tuning: Tuning,
  lifetime: AbortSignal,
): Promise<Connection> {
  const deadline = startDeadline(clock, tuning.dialTimeoutMs, { signal: lifetime });
  try {
    return await node.dial(multiaddr(addr), { signal: deadline.signal });
  } finally {
    deadline.clear();
  }
}

const untilClosed = (connection: Connection, lifetime: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (connection.status !== 'open') return resolve();
    connection.addEventListener('close', () => resolve(), { once: true });
    lifetime.addEventListener('abort', () => resolve(), { once: true });
  });
