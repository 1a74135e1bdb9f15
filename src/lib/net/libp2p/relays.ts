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
import { backOffMs, chooseRelays, noRelays, type RelayChoiceEffect, type RelayChoiceEvent } from './relay-choice.ts';
import type { Tuning } from './tuning.ts';

/**
 * Returns the relays' addresses, the preferred first. Called before every attempt, since a relay may come back with a
 * different key, and from time to time while it names fewer than are to be held.
 */
export type RelaySource = () => Promise<readonly string[]> | readonly string[];

export interface RelaysInput {
  readonly node: TabloomNode;
  readonly source: RelaySource;
  /** Relays to be connected to at a time. */
  readonly heldMax: number;
  /** Makes a reservation at each and checks that it works. Without one, as at a relay, being connected is enough. */
  readonly check?: CircuitCheck | undefined;
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

const steadyMs = 3_000;
/** Longest interval at which a source is asked again that names fewer relays than are to be held. */
const seekMaxMs = 300_000;

/**
 * Maintains connections to some of the relays that the source names. js-libp2p gives up after a few attempts and never
 * restores a static listen address, so this redials them or others in their place.
 */
export function keepRelays(input: RelaysInput): Relays {
  const { node, check, clock, random, tuning, lifetime } = input;
  const bounds = { minMs: tuning.reconnectMinMs, maxMs: tuning.reconnectMaxMs };
  let choice = noRelays({ heldMax: input.heldMax, restMinMs: bounds.minMs, restMaxMs: bounds.maxMs });
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
    if (!check) return;
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
    if (!check || !connection || verifying.has(connection)) return;
    verifying.add(connection);
    // Try twice: this process may have been too busy to see the first one arrive.
    const reached = (await check.reaches(connection, lifetime)) || (await check.reaches(connection, lifetime));
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

  /** Dials a relay and holds the connection until it ends, or until the source no longer lists the relay. */
  const hold = async (addr: string, ended: AbortSignal) => {
    set(addr, { state: 'connecting', attempts: (statuses.get(addr)?.attempts ?? 0) + 1 });
    const dialled = await attempt(() => dialRelay(node, addr, clock, tuning, ended));
    if (ended.aborted) return;
    if (dialled.type === 'failed') {
      set(addr, { state: 'lost', reason: `The relay does not respond (${dialled.reason}).` });
      return dispatch({ type: 'ended', addr, after: 'failed' });
    }
    const sinceMs = clock.elapsed();
    connections.set(addr, dialled.value);
    set(addr, { state: 'connected', attempts: 0 });
    refreshReservations();
    input.logger.info('relay-connected', { addr });
    if (check) {
      askForReservation(addr, dialled.value, ended).catch(() => undefined);
      verifyPeriodically(addr, dialled.value, ended).catch(() => undefined);
    }
    await untilClosed(dialled.value, ended);
    if (ended.aborted) return;
    connections.delete(addr);
    // A relay that disconnects at once, or through which this peer is unreachable, counts as one that does not respond.
    const wasReachable = verified.delete(targetOf(addr)) || !check;
    set(addr, { state: 'lost', reason: 'The connection to the relay was lost.' });
    input.logger.warn('relay-lost', { addr });
    const isUseful = wasReachable && clock.elapsed() - sinceMs >= steadyMs;
    dispatch({ type: 'ended', addr, after: isUseful ? 'served' : 'failed' });
  };
  const rest = async (addr: string, ms: number, ended: AbortSignal) => {
    await pause(ms, ended);
    if (!ended.aborted) await renew();
    if (ended.aborted) return;
    dispatch({ type: 'rested', addr });
    // Another relay has taken its place.
    if (choice.candidates.some((one) => one.addr === addr && one.phase === 'idle') && statuses.delete(addr))
      input.onChange();
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

  const dispatch = (event: RelayChoiceEvent) => {
    const [after, effects] = chooseRelays(choice, event, random.float());
    choice = after;
    const named = after.candidates.map(({ addr }) => addr);
    for (const effect of effects) perform(effect, named);
  };
  const perform = (effect: RelayChoiceEffect, named: readonly string[]) => {
    const { addr } = effect;
    if (effect.type === 'release') return release(addr, named);
    const stop = kept.get(addr) ?? new AbortController();
    kept.set(addr, stop);
    const ended = AbortSignal.any([lifetime, stop.signal]);
    const step = effect.type === 'dial' ? hold(addr, ended) : rest(addr, effect.ms, ended);
    step.catch(() => undefined);
  };
  const renew = async () => {
    try {
      const addrs = await input.source();
      if (!lifetime.aborted) dispatch({ type: 'listed', addrs });
    } catch (error) {
      input.logger.warn('relays-unknown', { reason: reasonOf(error) });
    }
  };
  /** The relays that are missing may be down, or named later. */
  const seek = async () => {
    for (let failures = 0; !lifetime.aborted; failures++) {
      const known = choice.candidates.length;
      if (known < input.heldMax) await renew();
      if (choice.candidates.length !== known) failures = 0;
      const slow = { minMs: bounds.maxMs, maxMs: seekMaxMs };
      await pause(backOffMs(failures, random.float(), choice.candidates.length > 0 ? slow : bounds), lifetime);
    }
  };

  // The node's own update is up to a second late; the transport's events report a reservation at once.
  for (const event of ['transport:listening', 'transport:close', 'self:peer:update'] as const)
    node.addEventListener(event, refreshReservations);
  seek().catch(() => undefined);
  return {
    status: () => [...statuses.values()],
    isVerified(address) {
      const relay = relayOf(address);
      return relay === undefined || verified.has(relay);
    },
    wake() {
      wakeSignal.abort();
      // The source may name others by now.
      void renew();
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
