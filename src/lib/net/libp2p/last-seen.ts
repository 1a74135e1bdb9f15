import type { Connection } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';

/** When each connection last received data, on any of its channels. */
export interface LastSeen {
  markSeen(connection: Connection): void;
  seenSince(connection: Connection, elapsedMs: number): boolean;
}

export function createLastSeen(clock: Clock): LastSeen {
  const seenMs = new WeakMap<Connection, number>();
  return {
    markSeen: (connection) => void seenMs.set(connection, clock.elapsed()),
    seenSince: (connection, elapsedMs) => (seenMs.get(connection) ?? Number.NEGATIVE_INFINITY) >= elapsedMs,
  };
}
