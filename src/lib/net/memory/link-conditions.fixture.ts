import type { Clock } from '#lib/base/clock.ts';
import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import type { Link } from '../pair.ts';

/** Simulated link conditions between two peers of the memory network. */
export interface LinkConditions {
  /** One-way latency in milliseconds. */
  readonly latencyMs: number;
  /** Additional latency, uniform from zero to this. */
  readonly jitterMs: number;
  /** Per direction of one channel; unlimited if undefined. */
  readonly bytesPerSecond: number | undefined;
  /** Fraction of published messages lost per subscriber. Channels are reliable. */
  readonly publishLoss: number;
  /** Fraction of published messages that arrive twice. */
  readonly publishDuplication: number;
  /** Additional latency of each published message, uniform from zero to this: they overtake each other. */
  readonly publishJitterMs: number;
  /** Fraction of attempts to open a channel that fail. */
  readonly openFailure: number;
  readonly path: 'direct' | 'relayed';
}

export const idealLink: LinkConditions = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: undefined,
  publishLoss: 0,
  publishDuplication: 0,
  publishJitterMs: 0,
  openFailure: 0,
  path: 'direct',
};

/**
 * Network partitions. Messages sent across one arrive, in order, after it heals: a partition is silent and does not
 * close channels.
 */
export interface Partitions {
  isPartitioned(from: PeerId, to: PeerId): boolean;
  /** Resolves when the two can reach each other. */
  untilHealed(from: PeerId, to: PeerId): Promise<void>;
  partition(a: PeerId, b: PeerId): void;
  heal(a: PeerId, b: PeerId): void;
  /** Partitions one peer from all others, like a tab suspended by the system. */
  freeze(peer: PeerId): void;
  thaw(peer: PeerId): void;
}

export function createPartitions(): Partitions {
  const pairs = new Set<string>();
  const frozen = new Set<PeerId>();
  let wake = Promise.withResolvers<void>();
  const key = (a: PeerId, b: PeerId) => [a, b].sort().join(' ');
  const isPartitioned = (a: PeerId, b: PeerId) => a !== b && (frozen.has(a) || frozen.has(b) || pairs.has(key(a, b)));
  const changed = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  return {
    isPartitioned,
    async untilHealed(from, to) {
      while (isPartitioned(from, to)) await wake.promise;
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

/** One direction of a channel under these conditions: latency and bandwidth overlap, order is preserved. */
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
      if (partitions.isPartitioned(from, to)) await partitions.untilHealed(from, to);
      arrive();
    });
  };
}
