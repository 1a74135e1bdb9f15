import { createEmitter } from '#lib/base/emitter.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Channel, ConnectionStatus } from './spec.ts';

/** A running net as the other nets of its process see it. */
export interface LocalNet {
  readonly self: PeerId;
  /** The opener's end of a channel from `from`. @throws `protocol-unknown`. */
  accept(from: PeerId, protocol: string): Channel;
  /** A message that `from`, a net of this process, has just published. True when somebody here hears the topic. */
  hear(topic: string, message: Uint8Array, from: PeerId): boolean;
}

/**
 * The nets of one process, each under its own key. Those that share a registry ask one another in memory: no socket, so
 * no limit of streams for each connection, and no link that a busy event loop could lose. To everybody else each of them
 * is a peer like any other.
 */
export interface LocalNets {
  /** Returns the end of it. Two nets with one key are a mistake of the caller's: the later one is found. */
  join(net: LocalNet): () => void;
  get(peer: PeerId): LocalNet | undefined;
  /** All but that one. */
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
