import type { OfferView } from '#lib/state/network.ts';

/** The live cloth: peers are the warp, models the weft. Pure: what to draw, in cells; the component gives it a size. */
export interface Cloth {
  readonly warps: readonly Warp[];
  readonly wefts: readonly string[];
  readonly crossings: readonly Crossing[];
}

export interface Warp {
  readonly peer: string;
  readonly self: boolean;
  /** Working now: the thread moves. */
  readonly working: boolean;
}

export interface Crossing {
  readonly warp: number;
  readonly weft: number;
  /** Where a peer serves a model its thread lies on top; elsewhere it passes beneath. */
  readonly over: 'warp' | 'weft';
}

export const warpsMax = 64;
export const weftsMax = 24;

/** In the order of their ids and names, so that a thread stays where it is while others come and go around it. */
export function weave(offers: readonly OfferView[], shelves: readonly string[]): Cloth {
  const shown = offers
    .filter(({ offer }) => !offer.draining)
    .sort((a, b) => (a.offer.peer < b.offer.peer ? -1 : 1))
    .slice(0, warpsMax);
  const served = shown.flatMap(({ offer }) => offer.models.map(({ name }) => name));
  const wefts = [...new Set([...served, ...shelves])].sort().slice(0, weftsMax);
  return {
    warps: shown.map(({ offer, self }) => ({
      peer: offer.peer,
      self,
      working: offer.models.some(({ running }) => running > 0),
    })),
    wefts,
    crossings: shown.flatMap(({ offer }, warp) =>
      wefts.map((name, weft) => ({
        warp,
        weft,
        over: offer.models.some((model) => model.name === name) ? ('warp' as const) : ('weft' as const),
      })),
    ),
  };
}
