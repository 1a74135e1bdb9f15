import type { PeerId } from '#lib/protocol/ids.ts';
import { createFadingWork, fade, type PeerWork } from './fading-work.ts';

/**
 * Reputation as a budgeted two-hop flow. With w_ab the work that a received from b, peer i's view of j is
 *
 * R_i(j) = w_ij + ½ Σ_k w_kj · min(1, w_ik / Σ_x w_kx) − 3 fail_ij
 *
 * Each neighbour k vouches for at most half of what i itself received from it, however many peers and however much work
 * it lists, less what it failed at; that half is divided as k's own statement is, so that little work done for many
 * neighbours counts no more than it is. So identities of one owner gain by vouching for each other at most half of the work they really did. All
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
  /** R without what this peer received itself: what others' word makes of a stranger. */
  vouched(of: PeerId, now: number): number;
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

interface HeldStatement {
  readonly at: number;
  readonly amounts: ReadonlyMap<PeerId, number>;
  /** Of all amounts. */
  readonly sum: number;
}

export function createFlow(self: PeerId, { peersMax, statementsMax }: FlowLimits = flowLimits): Flow {
  const received = createFadingWork(peersMax);
  const failed = createFadingWork(peersMax);
  const statements = new Map<PeerId, HeldStatement>();
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

  const vouched = (of: PeerId, now: number): number => {
    if (forkers.has(of)) return 0;
    let sum = 0;
    for (const signer of naming.get(of) ?? []) {
      const statement = statements.get(signer);
      const most = budget(signer, now);
      if (!statement || most === 0) continue;
      const listed = statement.sum * fade(statement.at, now);
      sum += ((statement.amounts.get(of) ?? 0) / statement.sum) * Math.min(most, listed);
    }
    return vouchShare * sum - failWeight * failed.of(of, now);
  };

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
      const sum = [...amounts.values()].reduce((total, work) => total + work, 0);
      statements.set(signer, { at, amounts, sum });
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
    reputation: (of, now) => (forkers.has(of) ? 0 : received.of(of, now) + vouched(of, now)),
    vouched,
    ledger: (now) => ({ received: received.list(now), failed: failed.list(now) }),
  };
}
