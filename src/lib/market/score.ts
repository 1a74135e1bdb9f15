import { keptShare, type Standing } from './standing.ts';
import type { Candidate } from './spec.ts';

/** What is assumed of a worker that has neither been measured nor tried. */
export const defaultMeasured = { decodeTps: 5, ttftMs: 1_500, rttMs: 150, tokensOut: 256 } as const;

/** What workers say of themselves is believed up to here: no further than the best that the asker has measured itself. */
export interface ClaimLimits {
  readonly decodeTpsMax: number;
  readonly ttftMsMin: number;
  /** Slots at once that a stranger is believed to have. */
  readonly slotsMax: number;
  readonly priceMin: bigint;
}

/** Where nothing has been measured yet. */
export const unmeasured: ClaimLimits = { decodeTpsMax: 1_000, ttftMsMin: 0, slotsMax: 8, priceMin: 0n };

/** The best that was measured of those who could do a job bounds what the others say. */
export function claimLimits(known: readonly { readonly candidate: Candidate; readonly standing: Standing }[]) {
  let { decodeTpsMax, ttftMsMin, slotsMax, priceMin } = unmeasured;
  let isFirst = true;
  for (const { candidate, standing } of known) {
    const { decodeTps, ttftMs } = standing;
    if (decodeTps === undefined && ttftMs === undefined) continue;
    const { slots } = candidate.model;
    const price = priceOf(candidate);
    decodeTpsMax = isFirst ? (decodeTps ?? unmeasured.decodeTpsMax) : Math.max(decodeTpsMax, decodeTps ?? 0);
    ttftMsMin = isFirst ? (ttftMs ?? 0) : Math.min(ttftMsMin, ttftMs ?? Number.POSITIVE_INFINITY);
    slotsMax = isFirst ? slots : Math.max(slotsMax, slots);
    priceMin = isFirst || price < priceMin ? price : priceMin;
    isFirst = false;
  }
  return { decodeTpsMax, ttftMsMin, slotsMax, priceMin } satisfies ClaimLimits;
}

export interface ScoreOptions {
  readonly standing?: Standing | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Length of the answer to plan for; 256 where nothing is known. */
  readonly tokensOut?: number | undefined;
  /** The asker's own device: no way to travel, nothing to pay, and no promise to doubt. */
  readonly place: 'network' | 'self';
  readonly claims?: ClaimLimits | undefined;
  /** Jobs of the asker's own that are under way there, which its offer may not speak of yet. */
  readonly underWay?: number | undefined;
}

/** Smaller is better: first the time, then the price. */
export interface Score {
  /** Expected milliseconds until the last token, made longer by the promises broken. */
  readonly expectedMs: number;
  /** Smallest units for a million tokens in and a million out. */
  readonly priceUnits: bigint;
}

/**
 * Time to finish = round trip + wait in the queue + time to first token + tokens ÷ rate, divided by the share of promises
 * that this worker is expected to keep.
 */
export function score(candidate: Candidate, options: ScoreOptions): Score {
  const { standing, now, tokensOut = defaultMeasured.tokensOut, place, claims = unmeasured, underWay = 0 } = options;
  const { model } = candidate;
  const jobMs = jobDurationMs(candidate, standing, tokensOut, claims);
  const rttMs = place === 'self' ? 0 : (standing?.rttMs ?? defaultMeasured.rttMs);
  const slots = (standing?.finished ?? 0) > 0 ? model.slots : Math.min(model.slots, claims.slotsMax);
  const waitMs = roundsBefore(Math.max(model.running + model.queued, underWay), slots) * jobMs;
  const price = priceOf(candidate);
  const believed = (standing?.finished ?? 0) > 0 || price > claims.priceMin ? price : claims.priceMin;
  return {
    expectedMs: (rttMs + waitMs + jobMs) / (place === 'self' ? 1 : keptShare(standing, now)),
    priceUnits: place === 'self' ? 0n : believed,
  };
}

/** Milliseconds until a worker could start one more job. */
export function queueMs(
  candidate: Candidate,
  standing?: Standing,
  tokensOut: number = defaultMeasured.tokensOut,
): number {
  const { running, queued, slots } = candidate.model;
  return roundsBefore(running + queued, slots) * jobDurationMs(candidate, standing, tokensOut);
}

export function compareScores(a: Score, b: Score): number {
  if (a.expectedMs !== b.expectedMs) return a.expectedMs - b.expectedMs;
  return a.priceUnits < b.priceUnits ? -1 : a.priceUnits > b.priceUnits ? 1 : 0;
}

const priceOf = ({ model: { price } }: Candidate): bigint => BigInt(price.in) + BigInt(price.out);

function jobDurationMs(
  { model }: Candidate,
  standing: Standing | undefined,
  tokensOut: number,
  { decodeTpsMax, ttftMsMin }: ClaimLimits = unmeasured,
): number {
  const { measured } = model;
  const decodeTps =
    standing?.decodeTps || (measured && Math.min(measured.decodeTps, decodeTpsMax)) || defaultMeasured.decodeTps;
  const ttftMs = standing?.ttftMs ?? (measured ? Math.max(measured.ttftMs, ttftMsMin) : defaultMeasured.ttftMs);
  return ttftMs + (tokensOut / decodeTps) * 1_000;
}

/** How many jobs must end one after the other before there is a free slot. */
const roundsBefore = (jobs: number, slots: number): number => (jobs < slots ? 0 : Math.floor(jobs / slots));
