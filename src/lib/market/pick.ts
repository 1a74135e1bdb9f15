import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { filter, load } from './filter.ts';
import { drawSample } from './sample.ts';
import { compareScores, score, type Score } from './score.ts';
import type { Candidate, Directory, DirectoryEntry, PeerHistory, Rejection, RejectionReason, Wish } from './spec.ts';

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
  readonly parked?: ((peer: PeerId) => boolean) | undefined;
  readonly full?: 'ask' | undefined;
  readonly history?: ((peer: PeerId) => PeerHistory | undefined) | undefined;
  /** Length of the answer to plan for. */
  readonly tokensOut?: number | undefined;
}

export interface Choice {
  /** Undefined when nobody can do it. */
  readonly candidate: Candidate | undefined;
  /** Why others were not taken, at most 32 workers for each reason: found out when it is asked for. */
  readonly rejections: readonly Rejection[];
}

/** Where offers are found; a directory is one. */
export type Offers = Pick<Directory, 'entries' | 'get' | 'serving'>;

interface Scored {
  readonly candidate: Candidate;
  readonly score: Score;
}

/**
 * Chooses a worker: two at random among the best, then the lighter of the two (M. Mitzenmacher, "The power of two
 * choices in randomized load balancing", 2001). Offers are some seconds old, so that always taking the fastest would
 * send every asker to the same worker at once.
 */
export function pick(wish: Wish, offers: Offers, options: PickOptions): Choice {
  return {
    candidate: choose(candidates(wish, offers, options), options),
    get rejections() {
      return rejections(wish, offers, options);
    },
  };
}

/** Workers that can do it: all of them, or a sample where they are many; the asker's own device is never left out. */
export function candidates(wish: Wish, offers: Offers, options: PickOptions): readonly Candidate[] {
  const found = new Map<PeerId, Candidate>();
  const canDo = (entry: DirectoryEntry): boolean => {
    const result = filter(wish, entry, options);
    if (result.type === 'candidate') found.set(entry.offer.peer, result.candidate);
    return result.type === 'candidate';
  };
  if (wish.only) {
    for (const peer of wish.only) {
      const entry = offers.get(peer);
      if (entry) canDo(entry);
    }
    return [...found.values()];
  }
  const serving = offers.serving(wish.model);
  if (serving.length <= candidatesMax) for (const entry of serving) canDo(entry);
  else {
    const own = options.self === undefined ? undefined : offers.get(options.self);
    if (own) canDo(own);
    drawSample(serving, candidatesMax - found.size, options.random, (entry) => entry !== own && canDo(entry));
  }
  return [...found.values()];
}

function choose(from: readonly Candidate[], options: PickOptions): Candidate | undefined {
  const { random, self, history } = options;
  const scored = from
    .map((candidate): Scored => {
      const { peer } = candidate.entry.offer;
      const place = peer === self ? 'self' : 'network';
      return {
        candidate,
        score: score(candidate, { history: history?.(peer), place, tokensOut: options.tokensOut }),
      };
    })
    .sort((a, b) => compareScores(a.score, b.score) || comparePeers(a, b));
  if (scored.length === 0) return undefined;

  const newcomers = scored.filter(({ candidate }) => isNew(candidate.entry.offer.peer, options));
  if (newcomers.length > 0 && newcomers.length < scored.length && random.float() < exploreShare) {
    return draw(newcomers, random).candidate;
  }
  const fastestMs = scored[0]!.score.expectedMs;
  const best = scored.filter(({ score }) => score.expectedMs <= fastestMs * bestFactor);
  const first = draw(best, random);
  const others = best.filter((one) => one !== first);
  return (others.length === 0 ? first : lighter(first, draw(others, random))).candidate;
}

function rejections(wish: Wish, offers: Offers, options: PickOptions): readonly Rejection[] {
  const counts = new Map<RejectionReason, number>();
  return offers.entries().flatMap((entry) => {
    const result = filter(wish, entry, options);
    if (result.type === 'candidate') return [];
    const { reason } = result.rejection;
    const count = (counts.get(reason) ?? 0) + 1;
    counts.set(reason, count);
    return count <= rejectionsMax ? [result.rejection] : [];
  });
}

function isNew(peer: PeerId, { self, history }: PickOptions): boolean {
  if (peer === self) return false;
  const seen = history?.(peer);
  return !seen || seen.finished + seen.failed === 0;
}

/** The order of equals must not depend on who was heard first; who is drawn among them does not depend on the order. */
const comparePeers = (a: Scored, b: Scored): number =>
  a.candidate.entry.offer.peer < b.candidate.entry.offer.peer ? -1 : 1;

const draw = (from: readonly Scored[], random: Random): Scored => from[Math.floor(random.float() * from.length)]!;

function lighter(a: Scored, b: Scored): Scored {
  const difference = load(a.candidate.model) - load(b.candidate.model);
  if (difference !== 0) return difference < 0 ? a : b;
  return compareScores(a.score, b.score) <= 0 ? a : b;
}
