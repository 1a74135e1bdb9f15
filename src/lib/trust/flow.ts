import type { PeerId } from '#lib/protocol/ids.ts';

/**
 * Reputation as a budgeted flow over two hops. With w_ab the work that a received from b, i's view of j is
 *
 *     R_i(j) = w_ij + ½ Σ_k min(w_ik, w_kj) · min(1, w_ik / Σ_x min(w_ik, w_kx)) − 3 fail_ij
 *
 * Each neighbour k vouches with no more than half of what i itself received from it, however many it names and however much
 * it says: what identities of one owner can gain by vouching for each other is half of what they really did. Everything loses
 * half of its weight in fourteen days.
 *
 * Weights are kept as of one instant and scaled when they are read (G. Cormode et al., "Forward decay", ICDE 2009): all of R
 * scales alike, so that time passing costs nothing.
 */
export interface Flow {
  /** `work` that this peer received from `from`, in units of `work.ts`. */
  received(from: PeerId, work: number, at: number): void;
  /** Work that `by` was asked for and did not do, or did falsely. */
  failed(by: PeerId, work: number, at: number): void;
  /** What a neighbour received from others, by its own word; takes the place of what it said before. */
  heard(word: NeighbourWord): void;
  /** A neighbour's word counts no more, as when it is too old. */
  unheard(signer: PeerId): void;
  /** It has signed two histories: neither it nor its word counts ever again. */
  forked(peer: PeerId): void;
  /**
   * A peer whose word counts as if so much had been received from it, at any time: a relay that this peer has chosen itself.
   * It earns the peer nothing else. 0 takes it back.
   */
  grant(to: PeerId, work: number): void;
  /** R as of `now`, in units; negative after failures, 0 of a stranger and of a forker. */
  reputation(of: PeerId, now: number): number;
  /** What was received from each peer, as it weighs at `now`, in no order. */
  ledger(now: number): readonly ReceivedWork[];
}

/** What one peer received from others, as it weighed at `at`, halved every fourteen days. */
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
  /** Peers that work was received from, or that failed; those with the least go. */
  readonly peersMax: number;
  /** Neighbours whose word is kept; the one that least was received from goes. */
  readonly wordsMax: number;
}

export const flowLimits = {
  halfLifeMs: 14 * 24 * 3_600_000,
  peersMax: 16_384,
  wordsMax: 1_024,
} as const;

const vouchShare = 0.5;
const failWeight = 3;
/** Doublings after which weights are expressed as of a later instant, long before a double overflows. */
const doublingsMax = 256;

/** A word as it is read: amounts by peer, and sorted with their running sums for Σ min(w, amount). */
interface HeldWord {
  readonly amounts: ReadonlyMap<PeerId, number>;
  readonly ascending: Float64Array;
  /** `sums[n]`: of the n smallest. */
  readonly sums: Float64Array;
}

/** @param now an instant near which the weights will be read. */
export function createFlow(self: PeerId, now: number, { peersMax, wordsMax }: FlowLimits = flowLimits): Flow {
  let since = now;
  const received = new Map<PeerId, number>();
  const failed = new Map<PeerId, number>();
  const words = new Map<PeerId, HeldWord>();
  /** Whose words name a peer. */
  const naming = new Map<PeerId, Set<PeerId>>();
  const forkers = new Set<PeerId>();
  const grants = new Map<PeerId, number>();

  const growth = (at: number) => 2 ** ((at - since) / flowLimits.halfLifeMs);
  /** The factor by which a weight of `at` is kept. */
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
  /** What a neighbour may vouch with. */
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
      // What it received from itself says nothing, and of what it received from the reader the reader needs no word.
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

/** Σ min(most, amount) over a word's amounts: those below `most` in full, the others at `most`. */
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
