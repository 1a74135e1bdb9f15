import type { OfferView } from '#lib/state/network.ts';

/**
 * The live cloth: peers are the warp, models the weft. Pure: computes what to draw, in cells; the component scales it.
 */
export interface Cloth {
  readonly warps: readonly Warp[];
  readonly wefts: readonly string[];
  readonly crossings: readonly Crossing[];
}

export interface Warp {
  readonly peer: string;
  readonly self: boolean;
  /** Currently working; the thread is animated. */
  readonly working: boolean;
}

export interface Crossing {
  readonly warp: number;
  readonly weft: number;
  /** A peer's thread passes over the models it serves and under the others. */
  readonly over: 'warp' | 'weft';
}

export const warpsMax = 64;
export const weftsMax = 24;

/** Sorted by id and name, so that threads keep their order while others come and go. */
export function weave(offers: readonly OfferView[], models: readonly string[]): Cloth {
  const shown = offers
    .filter(({ offer }) => !offer.draining)
    .sort((a, b) => (a.offer.peer < b.offer.peer ? -1 : 1))
    .slice(0, warpsMax);
  const served = shown.flatMap(({ offer }) => offer.models.map(({ name }) => name));
  const wefts = [...new Set([...served, ...models])].sort().slice(0, weftsMax);
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
