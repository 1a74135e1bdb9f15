import { servingNetwork, type OfferView } from '#lib/state/network.ts';

/** What peers that are here call themselves, by peer. Anybody can take any name, so that it never stands alone. */
export const nicknamesOf = (offers: readonly OfferView[]): ReadonlyMap<string, string> =>
  new Map(
    servingNetwork(offers).flatMap(({ offer }) => (offer.nickname ? [[offer.peer, offer.nickname] as const] : [])),
  );
