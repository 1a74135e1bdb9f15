import type { Connection, PeerId } from '@libp2p/interface';
import { overriding } from './overriding.ts';
import { pathOf } from './paths.ts';

interface Connected {
  readonly connectionManager: { getConnections(peer?: PeerId): Connection[] };
}

/**
 * Wraps components so that the connections to a peer are listed best first. `@libp2p/circuit-relay-v2` 4.2 uses
 * `connections[0]`, the oldest, for circuits. After a peer silently loses its connection and redials, that is the dead
 * one, and every circuit to the peer fails with `MALFORMED_MESSAGE` until the loss is noticed.
 */
export function preferLiveConnections<T extends Connected>(components: T): T {
  const getConnections = (peer?: PeerId) => {
    const newest = components.connectionManager.getConnections(peer).toReversed();
    return newest.toSorted((a, b) => unfitness(a) - unfitness(b));
  };
  return overriding(components, 'connectionManager', () =>
    overriding(components.connectionManager, 'getConnections', () => getConnections),
  );
}

const unfitness = (connection: Connection): number =>
  (connection.status === 'open' ? 0 : 2) + (pathOf(connection) === 'direct' ? 0 : 1);
