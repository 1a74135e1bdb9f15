import type { Random } from '#lib/base/random.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { filter, load } from './filter.ts';
import { compareScores, score, type Score } from './score.ts';
import type { Candidate, DirectoryEntry, PeerHistory, Rejection, Wish } from './spec.ts';

/** Share of jobs that go to a worker this asker has never tried, so that newcomers can earn a history. */
export const exploreShare = 0.05;
/** A worker belongs to the best when it is expected to need at most this many times the time of the fastest. */
const bestFactor = 1.5;
const bestMax = 8;

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
  /** Undefined when nobody can do it; the rejections say why, one for each worker. */
  readonly candidate: Candidate | undefined;
  readonly rejections: readonly Rejection[];
}

interface Scored {
  readonly candidate: Candidate;
  readonly score: Score;
}

/**
 * Chooses a worker: two at random among the best, then the lighter of the two (M. Mitzenmacher, "The power of two
 * choices in randomized load balancing", 2001). Offers are some seconds old, so that always taking the fastest would
 * send every asker to the same worker at once.
 */
export function pick(wish: Wish, entries: readonly DirectoryEntry[], options: PickOptions): Choice {
  const { random, self, history } = options;
  const results = entries.map((entry) => filter(wish, entry, options));
  const rejections = results.flatMap((result) => (result.type === 'rejection' ? [result.rejection] : []));
  const scored = results
    .flatMap((result) => (result.type === 'candidate' ? [result.candidate] : []))
    .map((candidate): Scored => {
      const { peer } = candidate.entry.offer;
      const place = peer === self ? 'self' : 'network';
      return {
        candidate,
        score: score(candidate, { history: history?.(peer), place, tokensOut: options.tokensOut }),
      };
    })
    .sort((a, b) => compareScores(a.score, b.score));
  if (scored.length === 0) return { candidate: undefined, rejections };

  const newcomers = scored.filter(({ candidate }) => isNew(candidate.entry.offer.peer, options));
  if (newcomers.length > 0 && newcomers.length < scored.length && random.float() < exploreShare) {
    return { candidate: draw(newcomers, random).candidate, rejections };
  }
  const fastestMs = scored[0]!.score.expectedMs;
  const best = scored.filter(({ score }) => score.expectedMs <= fastestMs * bestFactor).slice(0, bestMax);
  const first = draw(best, random);
  const others = best.filter((one) => one !== first);
  if (others.length === 0) return { candidate: first.candidate, rejections };
  return { candidate: lighter(first, draw(others, random)).candidate, rejections };
}

function isNew(peer: PeerId, { self, history }: PickOptions): boolean {
  if (peer === self) return false;
  const seen = history?.(peer);
  return !seen || seen.finished + seen.failed === 0;
}

const draw = (from: readonly Scored[], random: Random): Scored => from[Math.floor(random.float() * from.length)]!;

function lighter(a: Scored, b: Scored): Scored {
  const difference = load(a.candidate.model) - load(b.candidate.model);
  if (difference !== 0) return difference < 0 ? a : b;
  return compareScores(a.score, b.score) <= 0 ? a : b;
}
