import type { PeerId } from '#lib/protocol/ids.ts';
import { createFadingWork, fade, type PeerWork } from './fading-work.ts';

/**
 * Reputation as a budgeted two-hop flow. With w_ab the work that a received from b, peer i's view of j is
 *
 * R_i(j) = w_ij + ½ Σ_k min(w_ik, w_kj) · min(1, w_ik / Σ_x min(w_ik, w_kx)) − 3 fail_ij
 *
 * Each neighbour k vouches for at most half of what i itself received from it, however many peers and however much work
 * it lists, less what it failed at. So identities of one owner gain by vouching for each other at most half of the work they really did. All
 * weights halve every fourteen days.
 */
export interface Flow {
  /** `work` that this peer received from `from`, in units of `work.ts`. */
  received(from: PeerId, work: number, at: number): void;
  /** Work requested from `by` that it failed to do or did wrongly. */
  failed(by: PeerId, work: number, at: number): void;
  /** Work a neighbour claims to have received from others; replaces its previous statement. */
  setStatement(statement: WorkStatement): void;
  /** Removes a neighbour's statement, for example when it is too old. */
  dropStatement(signer: PeerId): void;
  /** The peer has signed two histories: neither its work nor its statements count any more. */
  forked(peer: PeerId): void;
  /**
   * Counts a peer's statements as if this much work had always been received from it, for a relay this peer has chosen.
   * It has no other effect on the peer's reputation. 0 revokes it.
   */
  grant(to: PeerId, work: number): void;
  /** R as of `now`, in units; may be negative after failures, 0 for strangers and forkers. */
  reputation(of: PeerId, now: number): number;
  /** Work received from each peer, and work each failed at, weighted as of `now`, unordered. */
  ledger(now: number): { readonly received: readonly PeerWork[]; readonly failed: readonly PeerWork[] };
}

/** One peer's statement of work received from others, weighted as of `at`. */
export interface WorkStatement {
  readonly signer: PeerId;
  readonly at: number;
  readonly entries: readonly PeerWork[];
}

export interface FlowLimits {
  /** Maximum peers in the tables of work and failures; those with the least are evicted. */
  readonly peersMax: number;
  /** Maximum neighbour statements; that of the neighbour with the least work is evicted. */
  readonly statementsMax: number;
}

const flowLimits: FlowLimits = { peersMax: 16_384, statementsMax: 1_024 };

const vouchShare = 0.5;
const failWeight = 3;

/** A statement, indexed: amounts by peer, and sorted with prefix sums, for Σ min(w, amount). */
interface IndexedStatement {
  readonly at: number;
  readonly amounts: ReadonlyMap<PeerId, number>;
  readonly ascending: Float64Array;
  /** `sums[n]`: of the n smallest. */
  readonly sums: Float64Array;
}

export function createFlow(self: PeerId, { peersMax, statementsMax }: FlowLimits = flowLimits): Flow {
  const received = createFadingWork(peersMax);
  const failed = createFadingWork(peersMax);
  const statements = new Map<PeerId, IndexedStatement>();
  /** The signers whose statements name a peer. */
  const naming = new Map<PeerId, Set<PeerId>>();
  const forkers = new Set<PeerId>();
  const grants = new Map<PeerId, number>();

  const drop = (signer: PeerId) => {
    for (const peer of statements.get(signer)?.amounts.keys() ?? []) {
      const signers = naming.get(peer);
      signers?.delete(signer);
      if (signers?.size === 0) naming.delete(peer);
    }
    statements.delete(signer);
  };
  /** How much a neighbour may vouch for. */
  const budget = (signer: PeerId, now: number) =>
    forkers.has(signer)
      ? 0
      : Math.max(received.of(signer, now) - failWeight * failed.of(signer, now), grants.get(signer) ?? 0);

  return {
    received(from, work, at) {
      if (from !== self) received.add(from, work, at);
    },
    failed(by, work, at) {
      if (by !== self) failed.add(by, work, at);
    },
    setStatement({ signer, at, entries }) {
      drop(signer);
      if (signer === self) return;
      const amounts = new Map<PeerId, number>();
      // Nobody vouches for itself, and the reader has receipts of its own.
      for (const { peer, work } of entries) if (peer !== signer && peer !== self && work > 0) amounts.set(peer, work);
      statements.set(signer, hold(at, amounts));
      for (const peer of amounts.keys()) naming.set(peer, (naming.get(peer) ?? new Set()).add(signer));
      if (statements.size <= statementsMax) return;
      let least = signer;
      for (const one of statements.keys()) if (budget(one, at) < budget(least, at)) least = one;
      drop(least);
    },
    dropStatement: drop,
    forked: (peer) => void forkers.add(peer),
    grant(to, work) {
      if (work > 0) grants.set(to, work);
      else grants.delete(to);
    },
    reputation(of, now) {
      if (forkers.has(of)) return 0;
      let vouched = 0;
      for (const signer of naming.get(of) ?? []) {
        const statement = statements.get(signer);
        const most = budget(signer, now);
        if (!statement || most === 0) continue;
        // Compared as of the statement's date: both fade alike, so the smaller one stays the smaller.
        const faded = fade(statement.at, now);
        const cap = most / faded;
        vouched += Math.min(cap, statement.amounts.get(of) ?? 0) * Math.min(1, cap / cappedSum(statement, cap)) * faded;
      }
      return received.of(of, now) + vouchShare * vouched - failWeight * failed.of(of, now);
    },
    ledger: (now) => ({ received: received.list(now), failed: failed.list(now) }),
  };
}

function hold(at: number, amounts: ReadonlyMap<PeerId, number>): IndexedStatement {
  const ascending = Float64Array.from(amounts.values()).sort();
  const sums = new Float64Array(ascending.length + 1);
  for (const [index, amount] of ascending.entries()) sums[index + 1] = sums[index]! + amount;
  return { at, amounts, ascending, sums };
}

/** Σ min(most, amount) over a statement's amounts. */
function cappedSum({ ascending, sums }: IndexedStatement, most: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < most) low = middle + 1;
    else high = middle;
  }
  return sums[low]! + (ascending.length - low) * most;
}
