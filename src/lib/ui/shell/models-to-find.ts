import type { LibraryView } from '#lib/state/library.ts';
import { servingNetwork, type NetworkView } from '#lib/state/network.ts';
import { servedOf } from '../models/filters.ts';

/** A model that can be looked for by its name. */
export interface FindableModel {
  readonly name: string;
  readonly title: string;
  /** Peers besides this device that share it now. */
  readonly peers: number;
  /** Whether it is loaded on this device. */
  readonly here: boolean;
}

export const answersNow = ({ peers, here }: FindableModel): boolean => here || peers > 0;

/** Every model of the list, and those that peers share beside it: first what answers now, each part by title. */
export function modelsToFind(library: LibraryView, network: Pick<NetworkView, 'offers'>): readonly FindableModel[] {
  const offers = servingNetwork(network.offers);
  const titles = new Map(offers.flatMap(({ offer }) => offer.models.map(({ name }) => [name, name] as const)));
  for (const { name, title } of library.models) titles.set(name, title);
  return [...titles]
    .map(([name, title]) => ({
      name,
      title,
      peers: servedOf(offers, name).peers,
      here: library.loaded.includes(name),
    }))
    .sort((a, b) => Number(answersNow(b)) - Number(answersNow(a)) || a.title.localeCompare(b.title));
}
