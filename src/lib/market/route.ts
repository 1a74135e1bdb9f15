import type { Random } from '#lib/base/random.ts';
import { isFree } from '#lib/protocol/charge-of.ts';
import type { ArtefactId, PeerId } from '#lib/protocol/ids.ts';
import {
  candidates,
  rejections,
  resolveQuery,
  type CandidateOptions,
  type Offers,
  type UnmetQuery,
} from './candidates.ts';
import { payWays, type Paying, type PayWay } from './pay-way.ts';
import { claimLimits, compareScores, jobsAt, medianClaims, score, unmeasured, type Score } from './score.ts';
import type { Candidate, Considered, PassReason, Rejection, RouteQuery } from './spec.ts';
import { hasStanding, isAdmitted, keptShare, levelOf, type Level, type Standing } from './standing.ts';
import { labellerOf, type Zone } from './zone.ts';

/** A worker belongs to the best when it is expected to need at most this many times the time of the fastest. */
const bestFactor = 1.5;
/** One that holds the conversation already need not read it again, and may take longer by so much. */
const holderFactor = 3;
/** Among strangers: a few receipts more are no reason to leave the others out. */
const strangersBestFactor = 2.5;

/** What an asker knows of workers, by its own experience. */
export interface Knowledge {
  readonly standing?: ((peer: PeerId, artefact: ArtefactId) => Standing | undefined) | undefined;
  readonly zone?: ((peer: PeerId) => Zone | undefined) | undefined;
  /** Promises that strangers of a zone have broken of late. */
  readonly brokenIn?: ((zone: Zone | undefined) => number) | undefined;
  /** Another peer of its own process, as a relay's native models are: trusted without receipts. */
  readonly isOwn?: ((peer: PeerId) => boolean) | undefined;
  /** Benched for a moment after failures or refusals: asked only where nobody else can do it. */
  readonly isBenched?: CandidateOptions['parked'];
  readonly known?: CandidateOptions['known'];
  readonly proves?: CandidateOptions['proves'];
  /** Its own jobs under way at the worker, all or those chosen since a time in ms: an offer may not speak of them yet. */
  readonly underWay?: ((peer: PeerId, artefact: ArtefactId, since?: number) => number) | undefined;
  /** What paying a worker would take; left out, a channel to one costs as little as to another. */
  readonly paying?: Paying | undefined;
}

export interface RouteOptions extends Pick<CandidateOptions, 'random' | 'now' | 'catalogue' | 'full' | 'isGratis'> {
  /** The asker's own device is a candidate like any other, at price zero and without a way to travel. */
  readonly self?: PeerId | undefined;
  /** Length of the answer to plan for. */
  readonly tokensOut?: number | undefined;
  /** Which attempt of the job it is: the last one belongs to the best-known worker. `first` unless said otherwise. */
  readonly attempt?: 'first' | 'again' | 'last' | undefined;
  /** The worker that may still hold what this conversation has read so far. */
  readonly holder?: PeerId | undefined;
  /** A newcomer may have this job, out of the share kept for them: one that is admitted, or anybody. */
  readonly trial?: 'admitted' | 'anybody' | undefined;
}

export interface Route {
  /** Undefined when nobody can do it. */
  readonly candidate: Candidate | undefined;
  /** How far the chosen one is trusted; `self` is this device, `own` another peer of its process. */
  readonly level: Level | 'own' | 'self' | undefined;
  /** It was chosen as a newcomer, from the share kept for them. */
  readonly isTrial: boolean;
  /** How it is paid, where a hub could have been paid instead. */
  readonly payWay?: PayWay | undefined;
  /** A word for each that could do it, the chosen one included. */
  readonly considered: readonly Considered[];
  /** Why others cannot, at most 32 workers for each reason. It goes through all offers. */
  readonly rejections: () => readonly Rejection[];
  /** Why the query is refused here, before anything leaves: no worker would change it. */
  readonly refusal?: UnmetQuery | undefined;
}

interface Ranked {
  readonly candidate: Candidate;
  readonly peer: PeerId;
  readonly standing: Standing | undefined;
  readonly level: Level | 'own' | 'self';
  readonly zone: Zone | undefined;
  /** Jobs of the asker's own that are there now. */
  readonly underWay: number;
  /** Jobs running and waiting for each slot, those of the asker's own counted that its offer does not know yet. */
  readonly load: number;
  readonly score: Score;
  /** It charges this asker something. */
  readonly pays: boolean;
  /** It is not to be avoided, and has a free slot. */
  readonly isReady: boolean;
  /** By what this asker has had from it, or as its own. */
  readonly isTrusted: boolean;
}

type Ways = ReadonlyMap<Ranked, PayWay>;

/**
 * Chooses a worker. Those with standing are asked while they have room; newcomers get the share kept for them; where nobody
 * has standing, strangers are asked, spread over zones. Among equals it is two at random and the lighter of the two (M.
 * Mitzenmacher, "The power of two choices in randomized load balancing", 2001): offers are some seconds old, so that always
 * taking the fastest would send every asker to the same worker at once.
 */
export function route(asked: RouteQuery, offers: Offers, knowledge: Knowledge, options: RouteOptions): Route {
  const { known, proves, isBenched } = knowledge;
  const resolved = resolveQuery(asked, offers, { ...options, proves });
  if (!('model' in resolved)) return { ...noRoute, refusal: resolved };
  const query: RouteQuery = resolved;
  const search = { ...options, known, proves, parked: isBenched };
  const first = candidates(query, offers, search);
  // The last worker of a model is never benched.
  const able = first.length > 0 || !isBenched ? first : candidates(query, offers, { ...search, parked: undefined });
  const ranked = rank(able, knowledge, options);
  const tried = new Set((query.not ?? []).flatMap((peer) => knowledge.zone?.(peer) ?? []));
  const ways = payWays(ranked, knowledge.paying);
  const { chosen, isTrial, pool } = choose(ranked, { tried, ways }, knowledge, options);
  return {
    candidate: chosen?.candidate,
    level: chosen?.level,
    isTrial,
    payWay: chosen && ways.get(chosen),
    considered: ranked.map((one) => ({
      peer: one.peer,
      reason: one === chosen ? 'chosen' : whyNot(one, pool, { tried, ways }),
    })),
    rejections: () => rejections(query, offers, search),
  };
}

const noRoute = {
  candidate: undefined,
  level: undefined,
  isTrial: false,
  considered: [],
  rejections: () => [],
} as const;

function rank(able: readonly Candidate[], knowledge: Knowledge, options: RouteOptions): readonly Ranked[] {
  const { now, self, tokensOut } = options;
  const looked = able.map((candidate) => {
    const { peer } = candidate.entry.offer;
    const standing = knowledge.standing?.(peer, candidate.model.artefact);
    return { candidate, peer, standing, zone: knowledge.zone?.(peer) };
  });
  const known = looked.flatMap(({ candidate, standing }) => (standing ? { candidate, standing } : []));
  const measured = claimLimits(known);
  const isWhole = measured.decodeTpsMax !== undefined && measured.ttftMsMin !== undefined;
  const claims = { ...(isWhole ? unmeasured : medianClaims(looked)), ...measured };
  return looked
    .map(({ candidate, peer, standing, zone }): Ranked => {
      const { model } = candidate;
      const underWay = (since?: number) => knowledge.underWay?.(peer, model.artefact, since) ?? 0;
      const jobs = jobsAt(candidate, underWay);
      const isOwn = knowledge.isOwn?.(peer) ?? false;
      const place = peer === self ? 'self' : 'network';
      const level = place === 'self' ? 'self' : isOwn ? 'own' : levelOf(standing, now);
      const load = jobs / model.slots;
      return {
        candidate,
        peer,
        standing,
        level,
        zone,
        underWay: underWay(),
        load,
        score: score(candidate, { standing, now, place, tokensOut, claims, jobs }),
        pays: place === 'network' && !options.isGratis?.(peer) && !isFree(model.price),
        isReady: load < 1 && level !== 'distrusted' && level !== 'forked',
        isTrusted: isTrustedPeer({ level }),
      };
    })
    .sort((a, b) => compareScores(a.score, b.score) || (a.peer < b.peer ? -1 : 1));
}

/** Why workers that could do the job are passed over. */
interface Passing {
  readonly tried: ReadonlySet<Zone>;
  readonly ways: Ways;
}

interface Chosen {
  readonly chosen: Ranked | undefined;
  readonly isTrial: boolean;
  /** Among whom it was drawn. */
  readonly pool: readonly Ranked[];
}

function choose(
  ranked: readonly Ranked[],
  { tried, ways }: Passing,
  knowledge: Knowledge,
  options: RouteOptions,
): Chosen {
  const { random, attempt = 'first', trial, holder } = options;
  const usable = ranked.filter((one) => one.level !== 'forked' && ways.get(one) !== 'dear');
  if (attempt === 'last') return { chosen: bestKnown(usable, options.now), isTrial: false, pool: usable };
  const isTrusted = usable.some(isTrustedPeer);
  const pool = elsewhere(poolOf(usable), tried);
  const [fastest] = pool;
  if (!fastest) return { chosen: undefined, isTrial: false, pool };
  const held = attempt === 'first' ? pool.find(({ peer }) => peer === holder) : undefined;
  if (held && held.load < 1 && held.score.expectedMs <= fastest.score.expectedMs * holderFactor) {
    return { chosen: held, isTrial: false, pool };
  }
  if (trial !== undefined && attempt === 'first' && isTrusted) {
    const newcomers = usable.filter(({ level }) => isAdmitted(level) || (trial === 'anybody' && level === 'stranger'));
    if (newcomers.length > 0)
      return { chosen: drawByZone(newcomers, options, knowledge), isTrial: true, pool: newcomers };
  }
  const factor = isTrusted || fastest.level === 'self' ? bestFactor : strangersBestFactor;
  const best = pool.filter(({ score: { expectedMs } }) => expectedMs <= fastest.score.expectedMs * factor);
  const drawn = isTrusted ? lighterOfTwo(best, random) : drawStranger(best, options, knowledge);
  return { chosen: directFor(drawn, usable, { tried, ways }, options), isTrial: false, pool: best };
}

/**
 * Where the choice fell on a hub, or on one to which a channel would have to be opened: one that is paid directly, ready and not much
 * slower, in its place. A channel that stands is used before another is opened, and another is opened to the best-known. It needs no
 * standing, as whom the hub asks needs none here either.
 */
function directFor(drawn: Ranked, usable: readonly Ranked[], { tried, ways }: Passing, options: RouteOptions): Ranked {
  if (ways.size === 0 || !drawn.pays || ways.get(drawn) === 'standing') return drawn;
  const mostMs = drawn.score.expectedMs * strangersBestFactor;
  const { artefact } = drawn.candidate.model;
  const isDirect = (one: Ranked) => ways.get(one) === 'standing' || ways.get(one) === 'worth';
  const able = usable.filter((one) => isDirect(one) && one.candidate.model.artefact === artefact);
  const ready = able.filter((one) => one.isReady && !isUntested(one) && one.score.expectedMs <= mostMs);
  const direct = elsewhere(ready, tried);
  const standing = direct.filter((one) => ways.get(one) === 'standing');
  if (standing.length > 0) return lighterOfTwo(standing, options.random);
  return ways.has(drawn) ? drawn : (bestKnown(direct, options.now) ?? drawn);
}

/** One that has shown nothing yet gets one job at a time: a silent one would else hold as many as come. */
const isUntested = (one: Ranked): boolean => one.level !== 'self' && one.underWay > 0 && !hasStanding(one.standing);

/**
 * The first of these that holds anybody: the trusted, with the admitted where none of them is free; all but the distrusted;
 * the rest. The asker's own device is in each, by its time alone.
 */
function poolOf(usable: readonly Ranked[]): readonly Ranked[] {
  const trusted = usable.filter(isTrustedPeer);
  if (trusted.length > 0) {
    const isAnyFree = trusted.some(({ load }) => load < 1);
    return usable.filter((one) => one.level === 'self' || isTrustedPeer(one) || (!isAnyFree && isAdmitted(one.level)));
  }
  const unknown = usable.filter(({ level }) => level !== 'distrusted');
  if (unknown.length === 0) return usable;
  const rested = unknown.filter((one) => !isUntested(one));
  return rested.length > 0 ? rested : unknown;
}

const isTrustedPeer = ({ level }: Pick<Ranked, 'level'>): boolean => level === 'own' || level === 'established';

/** Those of other zones than this job has been tried in, where there are any. */
function elsewhere(pool: readonly Ranked[], tried: ReadonlySet<Zone>): readonly Ranked[] {
  if (tried.size === 0) return pool;
  const others = pool.filter(({ zone }) => zone === undefined || !tried.has(zone));
  return others.length > 0 ? others : pool;
}

function lighterOfTwo(best: readonly Ranked[], random: Random): Ranked {
  const first = draw(best, random);
  const others = best.filter((one) => one !== first);
  return others.length === 0 ? first : lighter(first, draw(others, random));
}

/** Free ones first. There is no second draw: what a stranger says of its load is no reason to prefer it further. */
function drawStranger(best: readonly Ranked[], options: RouteOptions, knowledge: Knowledge): Ranked {
  const free = best.filter(({ load }) => load < 1);
  return drawByZone(free.length > 0 ? free : best, options, knowledge);
}

/**
 * A zone first, then one of it: fifty keys behind one address are drawn as often as one. The more promises strangers of a zone
 * have broken of late, the more seldom the next of them is drawn. Zones that one relay labels are drawn together no more often
 * than all those that are proved and one: a relay could label each of its keys apart.
 */
function drawByZone(from: readonly Ranked[], { random }: RouteOptions, { brokenIn }: Knowledge): Ranked {
  const zones = [...new Set(from.map(({ zone }) => zone))];
  if (zones.length === 1) return draw(from, random);
  const labelled = Map.groupBy(zones, labellerOf);
  const proved = labelled.get(undefined)?.length ?? 0;
  const weights = zones.map((zone) => {
    const labeller = labellerOf(zone);
    const share = labeller === undefined ? 1 : Math.min(1, (proved + 1) / labelled.get(labeller)!.length);
    return share / (1 + (brokenIn?.(zone) ?? 0));
  });
  let left = random.float() * weights.reduce((sum, weight) => sum + weight, 0);
  const zone = zones[weights.findIndex((weight) => (left -= weight) < 0)];
  return draw(
    from.filter((one) => one.zone === zone),
    random,
  );
}

/** Where only one attempt is left: whoever is trusted most, has kept most promises, and then is fastest. */
function bestKnown(usable: readonly Ranked[], now: number): Ranked | undefined {
  const kept = (one: Ranked) => keptShare(one.standing, now);
  return [...usable].sort(
    (a, b) => trustOrder[a.level] - trustOrder[b.level] || kept(b) - kept(a) || compareScores(a.score, b.score),
  )[0];
}

const trustOrder: Readonly<Record<Ranked['level'], number>> = {
  self: 0,
  own: 0,
  established: 0,
  'on-trial': 1,
  vouched: 2,
  stranger: 3,
  distrusted: 4,
  forked: 5,
};

function whyNot(one: Ranked, pool: readonly Ranked[], { tried, ways }: Passing): PassReason {
  if (pool.includes(one)) return 'not-drawn';
  if (ways.get(one) === 'dear') return 'dear-channel';
  const { level, zone } = one;
  if (level === 'forked' || level === 'distrusted') return level;
  const isTrusted = pool.some(isTrustedPeer);
  if (isTrusted && (level === 'stranger' || level === 'on-trial' || level === 'vouched')) return level;
  return zone !== undefined && tried.has(zone) ? 'same-zone' : 'slower';
}

const draw = (from: readonly Ranked[], random: Random): Ranked => from[Math.floor(random.float() * from.length)]!;

function lighter(a: Ranked, b: Ranked): Ranked {
  if (a.load !== b.load) return a.load < b.load ? a : b;
  return compareScores(a.score, b.score) <= 0 ? a : b;
}
