import type { Connection, PeerId } from '@libp2p/interface';
import { pathOf } from './paths.ts';

interface Connected {
  readonly connectionManager: { getConnections(peer?: PeerId): Connection[] };
}

/**
 * Components under which the connections to a peer come best first. `@libp2p/circuit-relay-v2` 4.2 takes `connections[0]`
 * for a circuit, the oldest; after a peer has lost its connection without a word and dialled again, that is the dead one,
 * and every circuit to the peer fails with `MALFORMED_MESSAGE` for as long as nobody notices.
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

/** The same object but for one member. Not a copy: libp2p's components change state in their methods. */
const overriding = <T extends object, K extends keyof T>(object: T, member: K, value: () => T[K]): T =>
  new Proxy(object, {
    get(target, name) {
      if (name === member) return value();
      const own: unknown = Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
