import type { Random } from '#lib/base/random.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import { filter, loadPerSlot, type FilterOptions } from './filter.ts';
import { resolveModel, type Catalogue } from './names.ts';
import { drawSample } from './sample.ts';
import { claimLimits, compareScores, score, type Score } from './score.ts';
import type {
  Candidate,
  Directory,
  DirectoryEntry,
  PeerHistory,
  Rejection,
  RejectionReason,
  RouteQuery,
} from './spec.ts';

/** Share of jobs that go to a worker this asker has never tried, so that newcomers can earn a history. */
export const exploreShare = 0.05;
/** A worker belongs to the best when it is expected to need at most this many times the time of the fastest. */
const bestFactor = 1.5;
/** Workers looked at for one job, drawn at random where more could do it. */
const candidatesMax = 64;
/** Workers named for each reason when nobody can do it. */
const rejectionsMax = 32;

export interface PickOptions {
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Who is asking: its own device is a candidate like any other, at price zero and without a way to travel. */
  readonly self?: PeerId | undefined;
  /** Asked last: only where nobody else can do it. */
  readonly parked?: FilterOptions['parked'];
  readonly proves?: FilterOptions['proves'];
  /** Names that mean one artefact; left out, every name belongs to its peer. */
  readonly catalogue?: Catalogue | undefined;
  readonly full?: 'ask' | undefined;
  readonly history?: ((peer: PeerId, artefact: ArtefactId) => PeerHistory | undefined) | undefined;
  /** Workers of a model that this asker has had answers from. */
  readonly known?: ((artefact: ArtefactId) => readonly PeerId[]) | undefined;
  /** Length of the answer to plan for. */
  readonly tokensOut?: number | undefined;
}

export interface Choice {
  /** Undefined when nobody can do it. */
  readonly candidate: Candidate | undefined;
  /** Why others were not taken, at most 32 workers for each reason: found out when it is asked for. */
  readonly rejections: readonly Rejection[];
  /** Why the query is refused here, before anything leaves: no worker would change it. */
  readonly refusal?: UnmetQuery | undefined;
}

export type UnmetQuery =
  | { readonly code: 'tier-unavailable' }
  /** `names`: the full names that would be understood. */
  | { readonly code: 'model-ambiguous'; readonly names: readonly string[] };

/** Where offers are found; a directory is one. */
export type Offers = Pick<Directory, 'entries' | 'get' | 'serving'>;

interface Scored {
  readonly candidate: Candidate;
  readonly isNew: boolean;
  readonly score: Score;
}

/**
 * Chooses a worker: two at random among the best, then the lighter of the two (M. Mitzenmacher, "The power of two
 * choices in randomized load balancing", 2001). Offers are some seconds old, so that always taking the fastest would
 * send every asker to the same worker at once.
 */
export function pick(asked: RouteQuery, offers: Offers, options: PickOptions): Choice {
  const resolved = resolveQuery(asked, offers, options);
  if (!('model' in resolved)) return { candidate: undefined, rejections: [], refusal: resolved };
  const query: RouteQuery = resolved;
  const first = candidates(query, offers, options);
  // The last worker of a model is never benched.
  const able =
    first.length > 0 || !options.parked ? first : candidates(query, offers, { ...options, parked: undefined });
  return {
    candidate: choose(able, options),
    get rejections() {
      return rejections(query, offers, options);
    },
  };
}

/** The query with its model's name understood, and its tier one that somebody has proven; or why it cannot be granted. */
function resolveQuery(
  query: RouteQuery,
  offers: Offers,
  { catalogue = noCatalogue, proves }: PickOptions,
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
export function candidates(query: RouteQuery, offers: Offers, options: PickOptions): readonly Candidate[] {
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

function choose(from: readonly Candidate[], options: PickOptions): Candidate | undefined {
  const { random, self, history } = options;
  const histories = from.map(({ entry, model }) => history?.(entry.offer.peer, model.artefact));
  const claims = claimLimits(histories);
  const scored = from
    .map((candidate, i): Scored => {
      const place = candidate.entry.offer.peer === self ? 'self' : 'network';
      return {
        candidate,
        isNew: place !== 'self' && !hasBeenTried(histories[i]),
        score: score(candidate, { history: histories[i], place, tokensOut: options.tokensOut, claims }),
      };
    })
    .sort((a, b) => compareScores(a.score, b.score) || comparePeers(a, b));
  if (scored.length === 0) return undefined;

  const newcomers = scored.filter(({ isNew }) => isNew);
  if (newcomers.length > 0 && newcomers.length < scored.length && random.float() < exploreShare) {
    return draw(newcomers, random).candidate;
  }
  const fastestMs = scored[0]!.score.expectedMs;
  const best = scored.filter(({ score }) => score.expectedMs <= fastestMs * bestFactor);
  const first = draw(best, random);
  const others = best.filter((one) => one !== first);
  return (others.length === 0 ? first : lighter(first, draw(others, random))).candidate;
}

function rejections(query: RouteQuery, offers: Offers, options: PickOptions): readonly Rejection[] {
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

const hasBeenTried = (seen: PeerHistory | undefined): boolean => seen !== undefined && seen.finished + seen.failed > 0;

/** The order of equals must not depend on who was heard first; who is drawn among them does not depend on the order. */
const comparePeers = (a: Scored, b: Scored): number =>
  a.candidate.entry.offer.peer < b.candidate.entry.offer.peer ? -1 : 1;

const draw = (from: readonly Scored[], random: Random): Scored => from[Math.floor(random.float() * from.length)]!;

function lighter(a: Scored, b: Scored): Scored {
  const difference = loadPerSlot(a.candidate.model) - loadPerSlot(b.candidate.model);
  if (difference !== 0) return difference < 0 ? a : b;
  return compareScores(a.score, b.score) <= 0 ? a : b;
}
