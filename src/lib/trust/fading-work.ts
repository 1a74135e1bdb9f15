import type { PeerId } from '#lib/protocol/ids.ts';

/** Work by peer that loses half its weight every fourteen days, so that neither praise nor blame lasts for ever. */
export interface FadingWork {
  /** `work` in units of `work.ts`, done at `at`; what is not above 0 is passed over. */
  add(peer: PeerId, work: number, at: number): void;
  /** As it weighs at `now`. */
  of(peer: PeerId, now: number): number;
  /** In no order. */
  list(now: number): readonly PeerWork[];
}

export interface PeerWork {
  readonly peer: PeerId;
  readonly work: number;
}

const halfLifeMs = 14 * 24 * 3_600_000;

/** By how much work of `then` weighs less at `now`; above 1 where `then` is later. */
export const fade = (then: number, now: number): number => 0.5 ** ((now - then) / halfLifeMs);

/** @param peersMax past it an eighth of the peers are forgotten, those that weigh least. */
export function createFadingWork(peersMax: number): FadingWork {
  const totals = new Map<PeerId, { readonly work: number; readonly at: number }>();
  const weigh = (peer: PeerId, now: number) => {
    const total = totals.get(peer);
    return total ? total.work * fade(total.at, now) : 0;
  };
  return {
    add(peer, work, at) {
      if (!(work > 0)) return;
      totals.set(peer, { work: weigh(peer, at) + work, at });
      if (totals.size <= peersMax) return;
      const byWeight = [...totals.keys()].sort((a, b) => weigh(a, at) - weigh(b, at));
      for (const least of byWeight.slice(0, totals.size - peersMax + (peersMax >> 3))) totals.delete(least);
    },
    of: weigh,
    list: (now) => [...totals.keys()].map((peer) => ({ peer, work: weigh(peer, now) })),
  };
}
