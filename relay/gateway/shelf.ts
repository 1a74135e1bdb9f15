import { resolveModel } from '#lib/market/names.ts';
import type { Directory, DirectoryEntry } from '#lib/market/spec.ts';
import type { ArtefactId } from '#lib/protocol/ids.ts';

/** The models that can be asked for, as the directory knows them now. */
export interface Shelf {
  /** By name, in the order of names. */
  list(): readonly ShelfModel[];
  /** By name or artefact id; undefined while nobody serves it. */
  find(id: string): ShelfModel | undefined;
  /** Whether the name means something here even when nobody serves it now: of the catalog, or seen before. */
  knows(id: string): boolean;
}

export interface ShelfModel {
  readonly id: string;
  readonly artefacts: readonly ArtefactId[];
  readonly peers: number;
  /** Of the widest worker. */
  readonly contextTokens: number;
}

/** Names remembered of workers that went away; the oldest are forgotten first. */
const namesSeenMax = 1_024;

export function createShelf(directory: Directory, catalog: readonly string[]): Shelf {
  const seen = new Set<string>();
  directory.onChange((change) => {
    if (change.type !== 'offer') return;
    for (const model of change.entry.offer.models) {
      for (const id of [model.name, model.artefact]) {
        seen.delete(id);
        seen.add(id);
      }
    }
    for (const id of seen) {
      if (seen.size <= namesSeenMax) break;
      seen.delete(id);
    }
  });

  const collect = (entries: readonly DirectoryEntry[]): readonly ShelfModel[] => {
    const models = new Map<string, { artefacts: Set<ArtefactId>; peers: number; contextTokens: number }>();
    for (const { offer } of entries) {
      if (offer.draining) continue;
      for (const { name, artefact, contextTokens } of offer.models) {
        const model = models.get(name) ?? { artefacts: new Set(), peers: 0, contextTokens: 0 };
        model.artefacts.add(artefact);
        model.peers += 1;
        model.contextTokens = Math.max(model.contextTokens, contextTokens);
        models.set(name, model);
      }
    }
    return [...models]
      .map(([id, { artefacts, ...rest }]) => ({ id, artefacts: [...artefacts].sort(), ...rest }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  /** By its bare name, or by a full one that says whose it is. */
  const isServed = (id: string) =>
    find(id) !== undefined || resolveModel({ name: id }, new Map(), directory.serving).type !== 'nobody';
  // A request looks only at those that list the model; the list of all is for whoever asks for it.
  const find = (id: string) =>
    collect(directory.serving({ name: id })).find((model) => model.id === id) ??
    collect(directory.serving({ artefact: id })).find((model) => model.artefacts.includes(id));

  return {
    list: () => collect(directory.entries()),
    find,
    knows: (id) => catalog.includes(id) || seen.has(id) || isServed(id),
  };
}
