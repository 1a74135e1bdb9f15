import { createEmitter } from '#lib/base/emitter.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Channel, ConnectionStatus } from './spec.ts';

/** A running net as seen by the other nets of its process. */
export interface LocalNet {
  readonly self: PeerId;
  /** The opener's end of a channel from `from`. @throws `protocol-unknown`. */
  accept(from: PeerId, protocol: string): Channel;
  /**
   * Delivers a message just published by `from`, another net of this process. True if this net subscribes to the topic.
   */
  receive(topic: string, message: Uint8Array, from: PeerId): boolean;
}

/**
 * A registry of the nets in one process, each with its own key. They reach each other in memory: without sockets, so
 * without per-connection stream limits or links that a busy event loop could lose. To all other peers, each is a peer
 * like any other.
 */
export interface LocalNets {
  /**
   * Returns the function that removes the net. Registering two nets with one key is a caller error: the later one wins.
   */
  join(net: LocalNet): () => void;
  get(peer: PeerId): LocalNet | undefined;
  /** All nets except this one. */
  others(peer: PeerId): readonly LocalNet[];
  onChange(listener: (change: LocalChange) => void): () => void;
}

export interface LocalChange {
  readonly type: 'joined' | 'left';
  readonly peer: PeerId;
}

export function createLocalNets(): LocalNets {
  const nets = new Map<PeerId, LocalNet>();
  const changes = createEmitter<LocalChange>();

  return {
    join(net) {
      nets.set(net.self, net);
      changes.emit({ type: 'joined', peer: net.self });
      return () => {
        if (nets.get(net.self) !== net) return;
        nets.delete(net.self);
        changes.emit({ type: 'left', peer: net.self });
      };
    },
    get: (peer) => nets.get(peer),
    others: (peer) => [...nets.values()].filter(({ self }) => self !== peer),
    onChange: changes.listen,
  };
}

export const localStatus = ({ self }: LocalNet): ConnectionStatus => ({
  peer: self,
  path: 'loopback',
  transport: 'memory',
  direction: 'outbound',
});
