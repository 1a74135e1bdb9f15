import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Link } from '../pair.ts';

/** How the memory network behaves between two peers: the script of a simulation. */
export interface LinkConditions {
  /** One way, in milliseconds. */
  readonly latencyMs: number;
  /** Added on top, uniform from zero to this. */
  readonly jitterMs: number;
  /** Of one direction of one channel; undefined: unlimited. */
  readonly bytesPerSecond: number | undefined;
  /** The share of published messages that a subscriber never hears. Channels are reliable. */
  readonly publishLoss: number;
  /** The share of attempts to open a channel that fail. */
  readonly openFailure: number;
  readonly path: 'direct' | 'relayed';
}

export const idealLink: LinkConditions = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: undefined,
  publishLoss: 0,
  openFailure: 0,
  path: 'direct',
};

/** Who can hear whom. What is sent into a gap arrives, in order, after it closes: a partition is silent, not an end. */
export interface Partitions {
  isOpen(from: PeerId, to: PeerId): boolean;
  /** Resolves when the gap between the two has closed. */
  untilClosed(from: PeerId, to: PeerId): Promise<void>;
  partition(a: PeerId, b: PeerId): void;
  heal(a: PeerId, b: PeerId): void;
  /** Between one peer and all others: a tab that the system has put to sleep. */
  freeze(peer: PeerId): void;
  thaw(peer: PeerId): void;
}

export function createPartitions(): Partitions {
  const pairs = new Set<string>();
  const frozen = new Set<PeerId>();
  let wake = Promise.withResolvers<void>();
  const key = (a: PeerId, b: PeerId) => [a, b].sort().join(' ');
  const isOpen = (a: PeerId, b: PeerId) => a !== b && (frozen.has(a) || frozen.has(b) || pairs.has(key(a, b)));
  const changed = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  return {
    isOpen,
    async untilClosed(from, to) {
      while (isOpen(from, to)) await wake.promise;
    },
    partition: (a, b) => void pairs.add(key(a, b)),
    heal: (a, b) => {
      pairs.delete(key(a, b));
      changed();
    },
    freeze: (peer) => void frozen.add(peer),
    thaw: (peer) => {
      frozen.delete(peer);
      changed();
    },
  };
}

/** One direction of a channel under this conditions: latency and bandwidth overlap, order holds. */
export function createLink(
  { clock, random, partitions }: { readonly clock: Clock; readonly random: Random; readonly partitions: Partitions },
  from: PeerId,
  to: PeerId,
  conditions: () => LinkConditions,
): Link {
  let lineFreeMs = 0;
  let before: Promise<void> = Promise.resolve();
  return (sizeBytes, arrive) => {
    const { latencyMs, jitterMs, bytesPerSecond } = conditions();
    const nowMs = clock.elapsed();
    lineFreeMs = Math.max(lineFreeMs, nowMs) + (bytesPerSecond ? (sizeBytes / bytesPerSecond) * 1_000 : 0);
    const waitMs = lineFreeMs - nowMs + latencyMs + jitterMs * (jitterMs > 0 ? random.float() : 0);
    const travelled = waitMs > 0 ? clock.delay(waitMs) : Promise.resolve();
    before = Promise.all([before, travelled]).then(async () => {
      if (partitions.isOpen(from, to)) await partitions.untilClosed(from, to);
      arrive();
    });
  };
}
