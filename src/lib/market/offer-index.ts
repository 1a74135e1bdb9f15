import type { PeerId } from '#lib/protocol/ids.ts';
import type { DirectoryEntry, RouteQuery } from './spec.ts';

/** Offers by peer, and the same offers by each artefact and each name they list: every change and every look costs the same. */
export interface OfferIndex {
  readonly all: readonly DirectoryEntry[];
  get(peer: PeerId): DirectoryEntry | undefined;
  put(entry: DirectoryEntry): void;
  delete(peer: PeerId): boolean;
  /** Those that list the model; the index's own list, to be read before the next change. */
  serving(model: RouteQuery['model']): readonly DirectoryEntry[];
}

const everything = 'any';
const nothing: readonly DirectoryEntry[] = [];

export function createOfferIndex(): OfferIndex {
  const shelves = new Map<string, Shelf>();
  const all = createShelf();

  const put = (entry: DirectoryEntry) => {
    const before = all.get(entry.offer.peer);
    const keys = keysOf(entry);
    for (const key of before ? keysOf(before) : []) if (!keys.has(key)) take(key, entry.offer.peer);
    for (const key of keys) {
      const shelf = shelves.get(key) ?? createShelf();
      shelves.set(key, shelf);
      shelf.put(entry);
    }
    all.put(entry);
  };
  const take = (key: string, peer: PeerId) => {
    const shelf = shelves.get(key);
    shelf?.delete(peer);
    if (shelf?.entries.length === 0) shelves.delete(key);
  };

  return {
    all: all.entries,
    get: all.get,
    put,
    delete(peer) {
      const entry = all.get(peer);
      if (!entry) return false;
      for (const key of keysOf(entry)) take(key, peer);
      return all.delete(peer);
    },
    serving: (model) => (model === everything ? all.entries : (shelves.get(keyOf(model))?.entries ?? nothing)),
  };
}

const keyOf = (model: Exclude<RouteQuery['model'], 'any'>): string =>
  'artefact' in model ? `artefact ${model.artefact}` : `name ${model.name}`;

function keysOf({ offer }: DirectoryEntry): ReadonlySet<string> {
  return new Set(offer.models.flatMap(({ artefact, name }) => [keyOf({ artefact }), keyOf({ name })]));
}

/** A list that can be drawn from, with the place of each peer: the last one moves into a gap. */
interface Shelf {
  readonly entries: readonly DirectoryEntry[];
  get(peer: PeerId): DirectoryEntry | undefined;
  put(entry: DirectoryEntry): void;
  delete(peer: PeerId): boolean;
}

function createShelf(): Shelf {
  const entries: DirectoryEntry[] = [];
  const places = new Map<PeerId, number>();
  return {
    entries,
    get: (peer) => entries[places.get(peer) ?? -1],
    put(entry) {
      const { peer } = entry.offer;
      const place = places.get(peer) ?? entries.length;
      entries[place] = entry;
      places.set(peer, place);
    },
    delete(peer) {
      const place = places.get(peer);
      if (place === undefined) return false;
      const last = entries.pop()!;
      if (last.offer.peer !== peer) {
        entries[place] = last;
        places.set(last.offer.peer, place);
      }
      return places.delete(peer);
    },
  };
}
