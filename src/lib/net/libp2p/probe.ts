import type { Connection, Libp2pEvents } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { channelLost } from '../errors.ts';
import { deadlineAfter } from './deadline.ts';
import { dropConnection } from './drop-connection.ts';
import type { TabloomNode } from './node.ts';
import { pathOf } from './paths.ts';
import { pingConnection } from './ping-connection.ts';
import type { Tuning } from './tuning.ts';

/**
 * A tab that is killed says nothing on WebRTC, and ICE takes half a minute to notice; but its WebSocket dies at once,
 * and with it the circuit through which the WebRTC connection was introduced. So the circuit is kept beside the direct
 * connection, and when it ends the direct one is asked for a sign of life and dropped without one.
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
 * A peer that comes again has often lost the connection it had, without a word: a relay asks the older ones for a sign of
 * life, or they would stay for ever.
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

/** Asks a connection for a sign of life and drops it without one. */
export async function probe(connection: Connection, input: ProbeInput): Promise<void> {
  const deadline = deadlineAfter(input.clock, input.tuning.probeTimeoutMs, input.lifetime);
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
