import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import type { RelayStatus } from '../spec.ts';
import { attempt, reasonOf } from './attempt.ts';
import type { CircuitCheck } from './circuit-check.ts';
import { channelLost } from '../errors.ts';
import { deadlineAfter } from './deadline.ts';
import { dropConnection } from './drop-connection.ts';
import type { TabloomNode } from './node.ts';
import { relayOf, targetOf } from './paths.ts';
import { probe } from './probe.ts';
import type { Tuning } from './tuning.ts';

/** Where the relays are: asked again before every attempt, since a relay may come back under another key. */
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
  /** Whether this address of ours leads here: one through a relay does once a circuit has come that way. */
  works(address: string): boolean;
  /** The machine has come online or has been woken: ends every pause, and asks each relay for a sign of life. */
  wake(): void;
}

const relaysMax = 4;
const steadyMs = 3_000;

/**
 * Keeps a connection to each relay. js-libp2p gives up after its own few tries and a static listen address never comes
 * back, so this loop dials again for ever, waiting twice as long each time up to a limit.
 */
export function keepRelays(input: RelaysInput): Relays {
  const { node, clock, random, tuning, lifetime } = input;
  const statuses = new Map<string, RelayStatus>();
  const connections = new Map<string, Connection>();
  /** Relays through which this peer has been reached, on the connection there is now. */
  const proven = new Set<string | undefined>();
  const proving = new Set<Connection>();
  /** Aborts what keeps a relay that is not named any more. */
  const kept = new Map<string, AbortController>();
  let waking = new AbortController();

  const set = (addr: string, change: Partial<RelayStatus>) => {
    const before = statuses.get(addr) ?? { peer: targetOf(addr), addr, state: 'connecting', attempts: 0 };
    statuses.set(addr, { ...before, reason: undefined, ...change });
    input.onChange();
  };
  const refreshReservations = () => {
    const reserved = new Set(node.getMultiaddrs().map((address) => relayOf(address.toString())));
    for (const [addr, { state, peer }] of statuses) {
      if (state === 'connected' && reserved.has(peer)) {
        if (proven.has(peer)) set(addr, { state: 'reserved' });
        else void prove(addr);
      }
      if (state === 'reserved' && !reserved.has(peer)) {
        proven.delete(peer);
        set(addr, { state: 'connected', reason: 'The relay has let the reservation go.' });
      }
    }
  };
  /** A reservation through which nobody comes is worse than none: it is withdrawn, and made anew on a new connection. */
  const prove = async (addr: string) => {
    const connection = connections.get(addr);
    if (!connection || proving.has(connection)) return;
    proving.add(connection);
    // Twice: this side may have been too busy to see the first one come.
    const reached =
      (await input.check.reaches(connection, lifetime)) || (await input.check.reaches(connection, lifetime));
    proving.delete(connection);
    if (lifetime.aborted || connections.get(addr) !== connection || connection.status !== 'open') return;
    if (reached) {
      proven.add(targetOf(addr));
      return refreshReservations();
    }
    proven.delete(targetOf(addr));
    set(addr, { state: 'connected', reason: 'Nobody reaches this peer through the relay, so it is dialled again.' });
    input.logger.warn('relay-unreachable-through', { addr });
    await dropConnection(connection, channelLost(), clock);
  };
  const proveAgain = async (addr: string, connection: Connection, ended: AbortSignal) => {
    while (!ended.aborted && connection.status === 'open') {
      await clock.delay(tuning.circuitCheckMs * (0.75 + random.float() / 2), { signal: ended });
      if (statuses.get(addr)?.state === 'reserved' && connection.status === 'open') await prove(addr);
    }
  };
  const pause = async (ms: number, ended: AbortSignal) => {
    waking = waking.signal.aborted ? new AbortController() : waking;
    await clock.delay(ms, { signal: AbortSignal.any([ended, waking.signal]) }).catch(() => undefined);
  };
  const backoffMs = (failures: number) => {
    const fullMs = Math.min(tuning.reconnectMaxMs, tuning.reconnectMinMs * 2 ** Math.min(failures, 16));
    return fullMs * (0.5 + random.float() / 2);
  };

  /** The first reservation comes by itself. Identifying the relay once more makes the transport try again. */
  const askForReservation = async (addr: string, connection: Connection, ended: AbortSignal) => {
    while (!ended.aborted && connection.status === 'open') {
      await clock.delay(tuning.reservationRetryMs, { signal: ended });
      if (statuses.get(addr)?.state !== 'connected' || connection.status !== 'open') continue;
      if (proving.has(connection)) continue;
      set(addr, { state: 'connected', reason: 'The relay gave no reservation, so nobody can reach this peer yet.' });
      await attempt(() => node.services.identify.identify(connection));
    }
  };

  /** One relay, until the source names it no more. */
  const keep = async (addr: string, ended: AbortSignal) => {
    for (let failures = 0; !ended.aborted;) {
      set(addr, { state: 'connecting', attempts: (statuses.get(addr)?.attempts ?? 0) + 1 });
      const dialled = await attempt(() => dialRelay(node, addr, clock, tuning, ended));
      if (ended.aborted) return;
      if (dialled.type === 'failed') {
        failures++;
        set(addr, { state: 'lost', reason: `The relay does not answer (${dialled.reason}).` });
      } else {
        const sinceMs = clock.elapsed();
        connections.set(addr, dialled.value);
        set(addr, { state: 'connected', attempts: 0 });
        refreshReservations();
        input.logger.info('relay-connected', { addr });
        askForReservation(addr, dialled.value, ended).catch(() => undefined);
        proveAgain(addr, dialled.value, ended).catch(() => undefined);
        await untilClosed(dialled.value, ended);
        if (ended.aborted) return;
        connections.delete(addr);
        // A relay that hangs up at once, or through which nobody comes, is no better than one that does not answer.
        const wasOfUse = proven.delete(targetOf(addr)) && clock.elapsed() - sinceMs >= steadyMs;
        failures = wasOfUse ? 0 : failures + 1;
        set(addr, { state: 'lost', reason: 'The connection to the relay was lost.' });
        input.logger.warn('relay-lost', { addr });
      }
      await pause(backoffMs(failures), ended);
      if (!ended.aborted) await renew();
    }
  };
  /** js-libp2p looks for relays by itself among the peers it knows, so that it would be connected again at once. */
  const forget = async (connection: Connection) => {
    await node.peerStore.delete(connection.remotePeer);
    await dropConnection(connection, channelLost(), clock);
  };
  /** The connection ends too, unless the same relay is named under another address. */
  const letGo = (addr: string, named: readonly string[]) => {
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
    if (addrs.length > 0) for (const addr of statuses.keys()) if (!addrs.includes(addr)) letGo(addr, addrs);
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

  // The node's own update comes up to a second late; a reservation shows in the transport's events at once.
  for (const event of ['transport:listening', 'transport:close', 'self:peer:update'] as const)
    node.addEventListener(event, refreshReservations);
  run().catch(() => undefined);
  return {
    status: () => [...statuses.values()],
    works(address) {
      const relay = relayOf(address);
      return relay === undefined || proven.has(relay);
    },
    wake() {
      waking.abort();
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
  const deadline = deadlineAfter(clock, tuning.dialTimeoutMs, lifetime);
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
