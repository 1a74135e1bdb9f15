import type { Random } from '#lib/base/random.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { filter, type FilterOptions } from './filter.ts';
import { resolveModel, type Catalogue } from './names.ts';
import { drawSample } from './sample.ts';
import type { Candidate, Directory, DirectoryEntry, Rejection, RejectionReason, RouteQuery } from './spec.ts';

/** Workers looked at for one job, drawn at random where more could do it. */
const candidatesMax = 64;
/** Workers named for each reason when nobody can do it. */
const rejectionsMax = 32;

/** Where offers are found; a directory is one. */
export type Offers = Pick<Directory, 'entries' | 'get' | 'serving'>;

export interface CandidateOptions extends FilterOptions {
  readonly random: Random;
  /** Workers of a model that this asker has had answers from. */
  readonly known?: ((artefact: ArtefactId) => readonly PeerId[]) | undefined;
  /** Names that mean one artefact; left out, every name belongs to its peer. */
  readonly catalogue?: Catalogue | undefined;
}

export type UnmetQuery =
  | { readonly code: 'tier-unavailable' }
  /** `names`: the full names that would be understood. */
  | { readonly code: 'model-ambiguous'; readonly names: readonly string[] };

/** The query with its model's name understood, and its tier one that somebody has proven; or why it cannot be granted. */
export function resolveQuery(
  query: RouteQuery,
  offers: Offers,
  { catalogue = noCatalogue, proves }: Pick<CandidateOptions, 'catalogue' | 'proves'>,
): RouteQuery | UnmetQuery {
  const listed = (model: { readonly name: string }) =>
    offers.serving(model).filter(({ offer }) => !query.only || query.only.includes(offer.peer));
  const resolution = resolveModel(query.model, catalogue, listed);
  if (resolution.type === 'ambiguous') return { code: 'model-ambiguous', names: resolution.names };
  const resolved: RouteQuery =
    resolution.type === 'nobody'
      ? { ...query, only: [] }
      : { ...query, model: resolution.model, ...(resolution.type === 'one' ? { only: [resolution.peer] } : {}) };
  const isProven = ({ offer }: DirectoryEntry) => proves?.(offer.peer, query.tier) ?? false;
  if (query.tier !== 'open' && !offers.serving(resolved.model).some(isProven)) return { code: 'tier-unavailable' };
  return resolved;
}

const noCatalogue: Catalogue = new Map();

/** Workers that can do it: all of them, or a sample where they are many; the asker's own device and those it knows are in it. */
export function candidates(query: RouteQuery, offers: Offers, options: CandidateOptions): readonly Candidate[] {
  const found = new Map<PeerId, Candidate>();
  const canDo = (entry: DirectoryEntry): boolean => {
    const result = filter(query, entry, options);
    if (result.type === 'candidate') found.set(entry.offer.peer, result.candidate);
    return result.type === 'candidate';
  };
  if (query.only) {
    for (const peer of query.only) {
      const entry = offers.get(peer);
      if (entry) canDo(entry);
    }
    return [...found.values()];
  }
  const serving = offers.serving(query.model);
  if (serving.length <= candidatesMax) for (const entry of serving) canDo(entry);
  else {
    const artefact = typeof query.model === 'object' && 'artefact' in query.model ? query.model.artefact : undefined;
    const known = artefact === undefined ? [] : (options.known?.(artefact) ?? []);
    const first = new Set([...(options.self === undefined ? [] : [options.self]), ...known]);
    for (const peer of first) {
      const entry = offers.get(peer);
      if (entry) canDo(entry);
    }
    const isFresh = (entry: DirectoryEntry) => !first.has(entry.offer.peer) && canDo(entry);
    drawSample(serving, candidatesMax - found.size, options.random, isFresh);
  }
  return [...found.values()];
}

/** Why others cannot do it: a look at everything, for a message and never for a job. */
export function rejections(query: RouteQuery, offers: Offers, options: FilterOptions): readonly Rejection[] {
  const counts = new Map<RejectionReason, number>();
  return offers.entries().flatMap((entry) => {
    const result = filter(query, entry, options);
    if (result.type === 'candidate') return [];
    const { reason } = result.rejection;
    const count = (counts.get(reason) ?? 0) + 1;
    counts.set(reason, count);
    return count <= rejectionsMax ? [result.rejection] : [];
  });
}
