import type { Connection, Libp2pEvents } from '@libp2p/interface';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { ConnectionStatus } from '../spec.ts';
import type { TabloomNode } from './node.ts';
import { connectionStatus } from './paths.ts';

/**
 * The status of a node's connections, maintained incrementally. Querying the node for all of them takes quadratic time,
 * and a relay with thousands of connections is queried on every change.
 */
export interface Connections {
  statuses(): readonly ConnectionStatus[];
}

export function followConnections(
  node: TabloomNode,
  listeners: {
    readonly onChange: () => void;
    /** Called when the last connection to this peer has ended. */
    readonly onGone: (peer: PeerId) => void;
  },
): Connections {
  const open = new Map<Connection, ConnectionStatus>();

  const onOpen = ({ detail: connection }: Libp2pEvents['connection:open']) => {
    open.set(connection, connectionStatus(connection));
    listeners.onChange();
  };
  const onClose = ({ detail: connection }: Libp2pEvents['connection:close']) => {
    open.delete(connection);
    listeners.onChange();
  };
  node.addEventListener('connection:open', onOpen);
  node.addEventListener('connection:close', onClose);
  node.addEventListener('peer:disconnect', ({ detail: peer }) => listeners.onGone(peer.toString()));
  return { statuses: () => [...open.values()] };
}
