import type { Connection } from '@libp2p/interface';
import type { Clock } from '#lib/base/clock.ts';

/** When each connection last brought anything, on whichever of its channels. */
export interface LifeSigns {
  heard(connection: Connection): void;
  heardSince(connection: Connection, elapsedMs: number): boolean;
}

export function createLifeSigns(clock: Clock): LifeSigns {
  const heardMs = new WeakMap<Connection, number>();
  return {
    heard: (connection) => void heardMs.set(connection, clock.elapsed()),
    heardSince: (connection, elapsedMs) => (heardMs.get(connection) ?? Number.NEGATIVE_INFINITY) >= elapsedMs,
  };
}
