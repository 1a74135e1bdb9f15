import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * Reputation as a budgeted two-hop flow. With w_ab the work that a received from b, peer i's view of j is
 *
 * R_i(j) = w_ij + ½ Σ_k min(w_ik, w_kj) · min(1, w_ik / Σ_x min(w_ik, w_kx)) − 3 fail_ij
 *
 * Each neighbour k vouches for at most half of what i itself received from it, however many peers and however much work
 * it lists. So identities of one owner gain by vouching for each other at most half of the work they really did. All
 * weights halve every fourteen days.
 *
 * Weights are stored relative to one instant and scaled on reading (G. Cormode et al., "Forward decay", ICDE 2009). All
 * of R scales uniformly, so the passage of time costs nothing.
 */
export interface Flow {
  /** `work` that this peer received from `from`, in units of `work.ts`. */
  received(from: PeerId, work: number, at: number): void;
  /** Work requested from `by` that it failed to do or did wrongly. */
  failed(by: PeerId, work: number, at: number): void;
  /** Work a neighbour claims to have received from others; replaces its previous statement. */
  heard(word: NeighbourWord): void;
  /** Removes a neighbour's statement, for example when it is too old. */
  unheard(signer: PeerId): void;
  /** The peer has signed two histories: neither its work nor its statements count any more. */
  forked(peer: PeerId): void;
  /**
   * Counts a peer's statements as if this much work had always been received from it, for a relay this peer has chosen.
   * It has no other effect on the peer's reputation. 0 revokes it.
   */
  grant(to: PeerId, work: number): void;
  /** R as of `now`, in units; may be negative after failures, 0 for strangers and forkers. */
  reputation(of: PeerId, now: number): number;
  /** Work received from each peer, weighted as of `now`, unordered. */
  ledger(now: number): readonly ReceivedWork[];
}

/** One peer's statement of work received from others, weighted as of `at`. */
export interface NeighbourWord {
  readonly signer: PeerId;
  readonly at: number;
  readonly entries: readonly ReceivedWork[];
}

export interface ReceivedWork {
  readonly peer: PeerId;
  readonly work: number;
}

export interface FlowLimits {
  /** Maximum peers in the tables of work and failures; those with the least are evicted. */
  readonly peersMax: number;
  /** Maximum neighbour statements; that of the neighbour with the least work is evicted. */
  readonly wordsMax: number;
}

export const flowLimits = {
  halfLifeMs: 14 * 24 * 3_600_000,
  peersMax: 16_384,
  wordsMax: 1_024,
} as const;

const vouchShare = 0.5;
const failWeight = 3;
/** Doublings after which weights are rebased, long before a double overflows. */
const doublingsMax = 256;

/** A statement prepared for reading: amounts by peer, and sorted with prefix sums for Σ min(w, amount). */
interface HeldWord {
  readonly amounts: ReadonlyMap<PeerId, number>;
  readonly ascending: Float64Array;
  /** `sums[n]` is the sum of the n smallest amounts. */
  readonly sums: Float64Array;
}

/** @param now the initial reference instant, near the times at which weights will be read. */
export function createFlow(self: PeerId, now: number, { peersMax, wordsMax }: FlowLimits = flowLimits): Flow {
  let since = now;
  const received = new Map<PeerId, number>();
  const failed = new Map<PeerId, number>();
  const words = new Map<PeerId, HeldWord>();
  /** For each peer, the signers of the statements that list it. */
  const naming = new Map<PeerId, Set<PeerId>>();
  const forkers = new Set<PeerId>();
  const grants = new Map<PeerId, number>();

  const growth = (at: number) => 2 ** ((at - since) / flowLimits.halfLifeMs);
  /** The factor by which a weight as of `at` is stored. */
  const scaleOf = (at: number) => {
    if ((at - since) / flowLimits.halfLifeMs > doublingsMax) rebase(at);
    return growth(at);
  };
  const rebase = (to: number) => {
    const by = 1 / growth(to);
    for (const weights of [received, failed]) for (const [peer, weight] of weights) weights.set(peer, weight * by);
    for (const [signer, { amounts }] of words) {
      words.set(signer, hold(new Map([...amounts].map(([peer, amount]) => [peer, amount * by]))));
    }
    since = to;
  };
  const add = (weights: Map<PeerId, number>, peer: PeerId, work: number, at: number) => {
    if (peer === self || !(work > 0)) return;
    weights.set(peer, (weights.get(peer) ?? 0) + work * scaleOf(at));
    if (weights.size > peersMax) dropLeast(weights, peersMax - (peersMax >> 3));
  };
  const drop = (signer: PeerId) => {
    for (const peer of words.get(signer)?.amounts.keys() ?? []) {
      const signers = naming.get(peer);
      signers?.delete(signer);
      if (signers?.size === 0) naming.delete(peer);
    }
    words.delete(signer);
  };
  /** The weight a neighbour can vouch with. */
  const budget = (signer: PeerId, growthNow: number) =>
    forkers.has(signer) ? 0 : Math.max(received.get(signer) ?? 0, (grants.get(signer) ?? 0) * growthNow);

  return {
    received: (from, work, at) => add(received, from, work, at),
    failed: (by, work, at) => add(failed, by, work, at),
    heard({ signer, at, entries }) {
      drop(signer);
      if (signer === self) return;
      const scale = scaleOf(at);
      const amounts = new Map<PeerId, number>();
      // Ignore what it claims to have received from itself or from this peer.
      for (const { peer, work } of entries)
        if (peer !== signer && peer !== self && work > 0) amounts.set(peer, work * scale);
      words.set(signer, hold(amounts));
      for (const peer of amounts.keys()) naming.set(peer, (naming.get(peer) ?? new Set()).add(signer));
      if (words.size <= wordsMax) return;
      const growthNow = growth(at);
      let least = signer;
      for (const one of words.keys()) if (budget(one, growthNow) < budget(least, growthNow)) least = one;
      drop(least);
    },
    unheard: drop,
    forked: (peer) => void forkers.add(peer),
    grant(to, work) {
      if (work > 0) grants.set(to, work);
      else grants.delete(to);
    },
    reputation(of, now) {
      if (forkers.has(of)) return 0;
      const growthNow = growth(now);
      let vouched = 0;
      for (const signer of naming.get(of) ?? []) {
        const word = words.get(signer);
        const most = budget(signer, growthNow);
        if (!word || most === 0) continue;
        vouched += Math.min(most, word.amounts.get(of) ?? 0) * Math.min(1, most / cappedSum(word, most));
      }
      const weight = (received.get(of) ?? 0) + vouchShare * vouched - failWeight * (failed.get(of) ?? 0);
      return weight / growthNow;
    },
    ledger(now) {
      const growthNow = growth(now);
      return [...received].map(([peer, weight]) => ({ peer, work: weight / growthNow }));
    },
  };
}

function hold(amounts: ReadonlyMap<PeerId, number>): HeldWord {
  const ascending = Float64Array.from(amounts.values()).sort();
  const sums = new Float64Array(ascending.length + 1);
  for (const [index, amount] of ascending.entries()) sums[index + 1] = sums[index]! + amount;
  return { amounts, ascending, sums };
}

/** Σ min(most, amount) over a statement's amounts: those below `most` in full, the others capped. */
function cappedSum({ ascending, sums }: HeldWord, most: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < most) low = middle + 1;
    else high = middle;
  }
  return sums[low]! + (ascending.length - low) * most;
}

function dropLeast(weights: Map<PeerId, number>, keep: number): void {
  const byWeight = [...weights].sort(([, a], [, b]) => a - b);
  for (const [peer] of byWeight.slice(0, weights.size - keep)) weights.delete(peer);
}
