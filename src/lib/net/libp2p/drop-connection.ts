import type { Connection } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import { transportOf } from './paths.ts';

const goodbyeMs = 300;

/**
 * Drops a useless connection. js-libp2p aborts a WebSocket with a close code that WebSockets refuse to send, so the
 * other side would keep the connection until its next missed ping; a WebSocket is therefore closed first.
 */
export async function dropConnection(connection: Connection, error: Error, clock: Clock): Promise<void> {
  if (transportOf(connection.remoteAddr.toString()) === 'websocket') {
    const deadline = startDeadline(clock, goodbyeMs);
    await connection.close({ signal: deadline.signal }).catch(() => undefined);
    deadline.clear();
  }
  connection.abort(error);
}
