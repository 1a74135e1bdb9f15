import type { Connection, Libp2pEvents } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { channelLost } from '../errors.ts';
import { dropConnection } from './drop-connection.ts';
import type { TabloomNode } from './node.ts';
import { pathOf } from './paths.ts';
import { pingConnection } from './ping-connection.ts';
import type { Tuning } from './tuning.ts';

/**
 * A killed tab sends nothing over WebRTC, and ICE takes half a minute to notice; but its WebSocket closes at once, and
 * with it the circuit used to set up the WebRTC connection. So the circuit is kept alongside the direct connection, and
 * when it ends, the direct one is pinged and dropped if there is no reply.
 */
export function probeWhenCircuitEnds(input: ProbeInput & { readonly node: TabloomNode }): void {
  const onClose = ({ detail: closed }: Libp2pEvents['connection:close']) => {
    if (pathOf(closed) !== 'relayed') return;
    for (const connection of input.node.getConnections(closed.remotePeer)) {
      if (connection.status === 'open' && pathOf(connection) === 'direct')
        probe(connection, input).catch(() => undefined);
    }
  };
  input.node.addEventListener('connection:close', onClose);
}

/**
 * A peer that reconnects has often lost its previous connection silently, so a relay pings the older ones; otherwise
 * they would stay open indefinitely.
 */
export function probeOlder(input: ProbeInput & { readonly node: TabloomNode }): void {
  const asked = new WeakSet<Connection>();
  input.node.addEventListener('connection:open', ({ detail: opened }: Libp2pEvents['connection:open']) => {
    for (const older of input.node.getConnections(opened.remotePeer)) {
      if (older === opened || older.status !== 'open' || asked.has(older)) continue;
      asked.add(older);
      probe(older, input)
        .catch(() => undefined)
        .finally(() => asked.delete(older));
    }
  });
}

export interface ProbeInput {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly tuning: Tuning;
  readonly lifetime: AbortSignal;
}

/** Pings a connection and drops it if there is no reply. */
export async function probe(connection: Connection, input: ProbeInput): Promise<void> {
  const deadline = startDeadline(input.clock, input.tuning.probeTimeoutMs, { signal: input.lifetime });
  try {
    await pingConnection(connection, input, deadline.signal);
  } catch (error) {
    if (input.lifetime.aborted || connection.status !== 'open') return;
    input.logger.info('connection-dead', { peer: connection.remotePeer.toString() });
    await dropConnection(connection, channelLost(error), input.clock);
  } finally {
    deadline.clear();
  }
}
