import type { Connection } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';

/** When each connection last brought anything, on whichever of its channels. */
export interface LastSeen {
  markSeen(connection: Connection): void;
  seenSince(connection: Connection, elapsedMs: number): boolean;
}

export function createLastSeen(clock: Clock): LastSeen {
  const heardMs = new WeakMap<Connection, number>();
  return {
    markSeen: (connection) => void heardMs.set(connection, clock.elapsed()),
    seenSince: (connection, elapsedMs) => (heardMs.get(connection) ?? Number.NEGATIVE_INFINITY) >= elapsedMs,
  };
}
