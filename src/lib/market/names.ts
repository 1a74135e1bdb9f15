import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import type { DirectoryEntry, RouteQuery } from './spec.ts';

/** Names that mean one artefact and nothing else, whoever offers what under them. */
export type Catalogue = ReadonlyMap<string, ArtefactId>;

/**
 * What a query for a model comes down to. `anyone`: that artefact, at whoever serves it. `one`: a model that is one peer's own.
 * `ambiguous`: several peers have different models of this name, and `names` says how to ask for each.
 */
export type Resolution =
  | { readonly type: 'anyone'; readonly model: Exclude<RouteQuery['model'], { readonly name: string }> }
  | { readonly type: 'one'; readonly model: { readonly artefact: ArtefactId }; readonly peer: PeerId }
  | { readonly type: 'ambiguous'; readonly names: readonly string[] }
  | { readonly type: 'nobody' };

/** Digits of a peer id that stand in a full name; fewer are understood where they are enough. */
const suffixLength = 16;
const suffixLengthMin = 4;
/** Full names told of one that is ambiguous. */
const namesMax = 16;

/** `name@<last 16 of the peer id>`: the name of a model that is its peer's own. */
export const fullName = (name: string, peer: PeerId): string => `${name}@${peer.slice(-suffixLength)}`;

/**
 * A name of the catalogue means its artefact. Any other belongs to the peer that offers it: alone it stands for what all who
 * offer it agree on, and where they do not, a full name says whose. An artefact that is asked for by its id is that artefact.
 */
export function resolveModel(
  model: RouteQuery['model'],
  catalogue: Catalogue,
  serving: (model: { readonly name: string }) => readonly DirectoryEntry[],
): Resolution {
  if (model === 'any' || 'artefact' in model) return { type: 'anyone', model };
  const known = catalogue.get(model.name);
  if (known !== undefined) return { type: 'anyone', model: { artefact: known } };
  const full = readFullName(model.name);
  if (!full) return resolveBare(model.name, offersOf(model.name, serving));

  const own = offersOf(full.name, serving).filter(({ peer }) => peer.endsWith(full.suffix));
  const artefact = catalogue.get(full.name);
  const meant = artefact === undefined ? own : own.filter((offered) => offered.artefact === artefact);
  const [first] = meant;
  if (!first) return { type: 'nobody' };
  if (meant.some((other) => other.peer !== first.peer || other.artefact !== first.artefact))
    return ambiguous(full.name, meant);
  return { type: 'one', model: { artefact: first.artefact }, peer: first.peer };
}

/** What relays can be asked for: the artefact where the name means one, else the name as its peer offers it. */
export function searchedModel(
  model: RouteQuery['model'],
  catalogue: Catalogue,
): { readonly artefact?: ArtefactId; readonly name?: string } {
  if (model === 'any') return {};
  if ('artefact' in model) return model;
  const name = readFullName(model.name)?.name ?? model.name;
  const artefact = catalogue.get(model.name) ?? catalogue.get(name);
  return artefact === undefined ? { name } : { artefact };
}

interface Offered {
  readonly peer: PeerId;
  readonly artefact: ArtefactId;
}

function resolveBare(name: string, offered: readonly Offered[]): Resolution {
  const [first] = offered;
  if (!first) return { type: 'nobody' };
  if (offered.some(({ artefact }) => artefact !== first.artefact)) return ambiguous(name, offered);
  return { type: 'anyone', model: { artefact: first.artefact } };
}

const ambiguous = (name: string, offered: readonly Offered[]): Resolution => ({
  type: 'ambiguous',
  names: [...new Set(offered.map(({ peer }) => fullName(name, peer)))].sort().slice(0, namesMax),
});

const offersOf = (name: string, serving: (model: { readonly name: string }) => readonly DirectoryEntry[]) =>
  serving({ name }).flatMap(({ offer }): readonly Offered[] =>
    offer.models.filter((model) => model.name === name).map(({ artefact }) => ({ peer: offer.peer, artefact })),
  );

/** A name that ends like a full one is always read as one: nobody's bare name may look like another's full name. */
function readFullName(text: string): { readonly name: string; readonly suffix: string } | undefined {
  const at = text.lastIndexOf('@');
  const [name, suffix] = [text.slice(0, at), text.slice(at + 1)];
  return at > 0 && suffix.length >= suffixLengthMin && base58.test(suffix) ? { name, suffix } : undefined;
}

const base58 = /^[1-9A-HJ-NP-Za-km-z]+$/;
